"""Correct the level of three bands where the decoder predicts it.

Noise shaped by gains has a level of its own: over a few milliseconds it varies by decibels, most of all in the bass.
The same hit would sound late in one take and loud in the next. So the decoder also predicts the level of each band at
each moment, and how far to trust the prediction. The sound is split into bands, the level of each band is measured,
and a gain brings it to the predicted level: fully, partly, or not at all. What a decoder cannot predict, such as the
variation of a steady wind, is left to the noise.

All sums and products are computed in one order, so that a sample's bits do not depend on its block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from plugin_backend.models.band_split import BANDS, SEGMENT, split_bands
from plugin_backend.models.waveform_vae.config import LEVELS_LATENCY
from plugin_backend.models.waveform_vae.constants import LEVEL_REACH as REACH
from plugin_backend.models.waveform_vae.constants import LEVEL_WEIGHTS as WEIGHTS
from plugin_backend.models.waveform_vae.constants import LEVELS_REMEMBERED as REMEMBERED
from plugin_backend.models.waveform_vae.constants import MOST_LOG_GAIN, POWER_FLOOR

LATENCY = LEVELS_LATENCY
"""Samples by which the output is late: ``REACH`` and half a filter, rounded up to a segment."""


class BandLevels(nn.Module):
    """Sound and predicted levels → sound, late by ``LATENCY`` samples. Exports contain the same module."""

    if TYPE_CHECKING:
        ramp: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.bands, self.piece, self.reach, self.remembered = BANDS, SEGMENT, REACH, REMEMBERED
        self.floor, self.most = POWER_FLOOR, MOST_LOG_GAIN
        self.weights = WEIGHTS
        self.register_buffer("ramp", (torch.arange(SEGMENT) + 0.5) / SEGMENT, persistent=False)

    @staticmethod
    def start(batch: int, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
        """Return the past at a sound's first sample: samples, and the last prediction."""
        return torch.zeros(batch, REMEMBERED, device=device), torch.zeros(batch, 1, 2 * BANDS, device=device)

    def forward(
        self, sound: Tensor, predicted: Tensor, samples_past: Tensor, predicted_past: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Process one block of a sound.

        Args:
            sound: ``[batch, moments * SEGMENT]``.
            predicted: ``[batch, moments, 2 * BANDS]``: a moment's log levels (of RMS), then how far to trust each
                (0: half; large: fully).
            samples_past: the samples before this block.
            predicted_past: the prediction before this block.

        Returns:
            The sound, and both pasts after this block.
        """
        batch, samples = sound.shape[0], sound.shape[1]
        joined = torch.cat([samples_past, sound], dim=1)
        predicted = torch.cat([predicted_past, predicted], dim=1)
        bands = split_bands(joined)
        gains = torch.exp(self.log_gains(bands, predicted)).transpose(1, 2).unsqueeze(3)
        segments = bands[:, :, self.reach : self.reach + samples].reshape(batch, self.bands, -1, self.piece)
        first, second = gains[:, :, :-1], gains[:, :, 1:]
        corrected = segments * (first + (second - first) * self.ramp)
        corrected = corrected[:, 0] + corrected[:, 1] + corrected[:, 2]
        return corrected.reshape(batch, samples), joined[:, samples:], predicted[:, -1:]

    def log_gains(self, bands: Tensor, predicted: Tensor) -> Tensor:
        """Return the log gains of the bands.

        Args:
            bands: ``[batch, BANDS, (moments + 5) * SEGMENT]``.
            predicted: ``[batch, moments, 2 * BANDS]``.

        Returns:
            ``[batch, moments, BANDS]``.
        """
        needed = predicted[:, :, : self.bands] - self.measured(bands)
        return torch.sigmoid(predicted[:, :, self.bands :]) * torch.clamp(needed, -self.most, self.most)

    def measured(self, bands: Tensor) -> Tensor:
        """Return the log levels of ``[batch, BANDS, (moments + 5) * SEGMENT]``, ``[batch, moments, BANDS]``.

        A moment lies between two segments. The first moment is after ``REACH`` samples.
        """
        powers = (bands * bands).reshape(bands.shape[0], self.bands, -1, self.piece)
        size = self.piece
        while size > 1:
            size = size // 2
            powers = powers[:, :, :, :size] + powers[:, :, :, size:]
        powers = powers[:, :, :, 0].transpose(1, 2) / self.piece
        moments = powers.shape[1] - 2 * self.reach // self.piece + 1
        power = powers[:, :moments] * self.weights[0]
        for later in range(1, 2 * self.reach // self.piece):
            power = power + powers[:, later : later + moments] * self.weights[later]
        return 0.5 * torch.log(power + self.floor)
