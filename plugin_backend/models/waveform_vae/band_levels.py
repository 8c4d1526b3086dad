"""The level of three bands, held where the decoder knows it.

Noise through given gains has a level of its own making: over a few milliseconds it swings by decibels, most of all in
the bass, so that the same hit would be now late, now loud. Here the decoder also states what level a band has at each
moment, and how far to trust that. The sound is parted in bands, what each band's level is gets measured, and a gain
takes it to what was stated: fully, in part, or not at all. What a decoder cannot know, as the swing of a steady wind,
it leaves to the noise.

All arithmetic is of sums and products in one order, so that a sample's bits do not depend on the block it comes in.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from plugin_backend.models.waveform_vae.config import LEVELS_LATENCY

PIECE = 32
"""Samples between two stated levels."""

BANDS = 3
"""Below 700 Hz, above 2.7 kHz, and between (at 48 kHz), where two filters pass half the amplitude."""

LONGER, SHORTER = 32, 8
"""Each filter is a mean over as many samples, taken twice; a band is what lies between two of them."""

WEIGHTS = (1 / 12, 2 / 12, 3 / 12, 3 / 12, 2 / 12, 1 / 12)
"""Of the three pieces before a moment and the three after it, 4 ms in all: what is shorter, no latent could tell."""

REACH = len(WEIGHTS) // 2 * PIECE
LATENCY = LEVELS_LATENCY
"""Samples by which the output is late: ``REACH``, and half a filter, rounded up to a piece."""

REMEMBERED = 2 * LATENCY
POWER_FLOOR = 1e-9
MOST_LOG_GAIN = 3.5
"""About 30 dB."""


class BandLevels(nn.Module):
    """Sound and stated levels → sound, late by ``LATENCY`` samples. Exports hold the same module."""

    def __init__(self) -> None:
        super().__init__()
        self.bands, self.piece, self.reach, self.remembered = BANDS, PIECE, REACH, REMEMBERED
        self.floor, self.most = POWER_FLOOR, MOST_LOG_GAIN
        self.weights = WEIGHTS
        self.register_buffer("ramp", (torch.arange(PIECE) + 0.5) / PIECE, persistent=False)

    @staticmethod
    def start(batch: int, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
        """The past at a sound's first sample: samples, and what was stated last."""
        return torch.zeros(batch, REMEMBERED, device=device), torch.zeros(batch, 1, 2 * BANDS, device=device)

    def forward(
        self, sound: Tensor, stated: Tensor, samples_past: Tensor, stated_past: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One piece of a sound, and the past after it.

        Args:
            sound: ``[batch, moments * PIECE]``.
            stated: ``[batch, moments, 2 * BANDS]``: a moment's log levels (of RMS), then how far to trust each
                (0 by half, large for fully).
            samples_past, stated_past: the past before it.
        """
        batch, samples = sound.shape[0], sound.shape[1]
        joined = torch.cat([samples_past, sound], dim=1)
        stated = torch.cat([stated_past, stated], dim=1)
        bands = parted(joined)
        gains = torch.exp(self.log_gains(bands, stated)).transpose(1, 2).unsqueeze(3)
        pieces = bands[:, :, self.reach : self.reach + samples].reshape(batch, self.bands, -1, self.piece)
        first, second = gains[:, :, :-1], gains[:, :, 1:]
        held = pieces * (first + (second - first) * self.ramp)
        held = held[:, 0] + held[:, 1] + held[:, 2]
        return held.reshape(batch, samples), joined[:, samples:], stated[:, -1:]

    def log_gains(self, bands: Tensor, stated: Tensor) -> Tensor:
        """``[batch, BANDS, (moments + 5) * PIECE]`` and what is stated → ``[batch, moments, BANDS]``."""
        wanted = stated[:, :, : self.bands] - self.measured(bands)
        return torch.sigmoid(stated[:, :, self.bands :]) * torch.clamp(wanted, -self.most, self.most)

    def measured(self, bands: Tensor) -> Tensor:
        """The log levels of ``[batch, BANDS, (moments + 5) * PIECE]`` at each moment, ``[batch, moments, BANDS]``.

        A moment lies between two pieces, the first after ``REACH`` samples.
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


def parted(sound: Tensor, margin: int = PIECE, longer: int = LONGER, shorter: int = SHORTER) -> Tensor:
    """``[batch, samples]`` → ``[batch, BANDS, samples - 2 * margin]``: low, middle and high, whose sum is the sound.

    Sample 0 of the bands is sample ``margin`` of the sound.
    """
    samples = sound.shape[1] - 2 * margin
    low = _mean_twice(sound, longer).narrow(1, margin - longer + 1, samples)
    below_high = _mean_twice(sound, shorter).narrow(1, margin - shorter + 1, samples)
    return torch.stack([low, below_high - low, sound.narrow(1, margin, samples) - below_high], dim=1)


def _mean_twice(sound: Tensor, size: int) -> Tensor:
    """The mean over ``size`` samples, a power of two, twice; sample 0 is that of the sound's sample ``size - 1``."""
    for _ in range(2):
        step = 1
        while step < size:
            sound = sound[:, : sound.shape[1] - step] + sound[:, step:]
            step = step * 2
    return sound / size**2
