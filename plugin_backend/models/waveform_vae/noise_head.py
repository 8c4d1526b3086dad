"""The decoder's output layer: white noise shaped in bands, and a part that is the same in every take.

Most of Foley is noise. So it comes from a noise source
(:mod:`~plugin_backend.models.waveform_vae.addressed_noise`) and not from predicted phases: those repeat with every
frame and buzz. Long windows shape its tone colour, short ones its attacks.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from plugin_backend.models.band_split import BANDS, SEGMENT
from plugin_backend.models.waveform_vae.addressed_noise import OTHER_STREAM, cached_white_noise
from plugin_backend.models.waveform_vae.band_levels import BandLevels
from plugin_backend.models.waveform_vae.config import WaveformVAEConfig
from plugin_backend.models.waveform_vae.constants import (
    LOG_GAIN_RANGE,
    LOWEST_HZ,
    OVERLAPS,
    band_positions,
    window_scale,
)
from plugin_backend.models.waveform_vae.layers import with_past

FIRST_BIAS = {"long": -1.5, "short": -2.5, "levels": -4.0, "trust": -2.0}
"""Log gains and levels of an untrained head, and how far it trusts the levels."""


class Bands(nn.Module):
    """Log gains of bands → gains of an STFT's bins. Between the bands' centres the logarithm is linear.

    Args:
        bands: how many, mel-spaced from ``lowest_hz`` to half the sample rate.
        window_samples: of the STFT.
        sample_rate: in Hz.
        lowest_hz: centre of the lowest band.
    """

    around: Tensor
    share: Tensor

    def __init__(self, bands: int, window_samples: int, sample_rate: int, lowest_hz: float):
        super().__init__()
        below, share = band_positions(bands, window_samples, sample_rate, lowest_hz)
        self.register_buffer("around", torch.from_numpy(np.stack([below, below + 1])), persistent=False)
        self.register_buffer("share", torch.from_numpy(share), persistent=False)

    def forward(self, log_gains: Tensor) -> Tensor:
        """``[…, bands]`` → ``[…, window_samples / 2 + 1]``."""
        below, above = log_gains[..., self.around].unbind(-2)
        return torch.exp((below + (above - below) * self.share).clamp(*LOG_GAIN_RANGE))


class Overlap(nn.Module):
    """Spectra of frames → sound, by inverse STFT and overlapping windows; and the spectra of noise.

    Args:
        window_samples: of a frame. The next frame starts a quarter of it later.
    """

    window: Tensor
    half_window: Tensor

    def __init__(self, window_samples: int):
        super().__init__()
        self.window_samples, self.hop = window_samples, window_samples // OVERLAPS
        self.register_buffer("window", torch.hann_window(window_samples), persistent=False)
        self.register_buffer("half_window", self.window / 2, persistent=False)
        self.scale = window_scale(window_samples)

    def spectra(self, noise: Tensor) -> Tensor:
        """Return the spectra ``[batch, frames, bins]`` of ``[batch, (frames + 3) * hop]``: complex, of unit power."""
        return torch.fft.rfft(noise.unfold(1, self.window_samples, self.hop) * self.window) * self.scale

    def forward(self, spectra: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """``[batch, frames, bins]`` → ``[batch, frames * hop]``. ``past`` is the last three windows."""
        windows = torch.fft.irfft(spectra, n=self.window_samples) * self.half_window
        joined, past = with_past(windows, past, OVERLAPS - 1)
        pieces, count = joined.unflatten(2, (OVERLAPS, self.hop)).unbind(2), windows.shape[1]
        sound = pieces[-1].narrow(1, 0, count)
        for later in range(1, OVERLAPS):  # in this order in any block, so that the sums have the same bits
            sound = sound + pieces[OVERLAPS - 1 - later].narrow(1, later, count)
        return sound.flatten(1), past


class NoiseHead(nn.Module):
    """Features of frames → sound: ``[batch, frames, width]`` → ``[batch, frames * decoder_hop]``.

    A frame starts at its own hop, so the output is late by ``decoder_window - decoder_hop`` samples. The noise depends
    only on the seed and the position in the stream. ``past`` is the last windows, and ``[batch, 2]`` integers: seed
    and next position.

    If the decoder predicts levels (:mod:`~plugin_backend.models.waveform_vae.band_levels`), the sum of both is
    corrected to them.
    """

    def __init__(self, config: WaveformVAEConfig):
        super().__init__()
        self.sample_rate = rate = config.sample_rate
        self.long, self.short = Overlap(config.decoder_window), Overlap(config.short_window)
        self.per_frame = config.decoder_hop // self.short.hop
        self.long_bands = Bands(config.long_bands, config.decoder_window, rate, LOWEST_HZ["long"])
        self.short_bands = Bands(config.short_bands, config.short_window, rate, LOWEST_HZ["short"])
        short_bins = config.short_window // 2 + 1
        self.sizes = {"long": config.long_bands, "short": self.per_frame * config.short_bands}
        if config.coherent:
            self.sizes["coherent"] = self.per_frame * 2 * short_bins
        self.levels = BandLevels() if config.band_levels else None
        if self.levels:
            segments = config.decoder_hop // SEGMENT * BANDS
            self.sizes |= {"levels": segments, "trust": segments}
        self.out = nn.Linear(config.decoder_width, sum(self.sizes.values()))
        with torch.no_grad():
            nn.init.normal_(self.out.weight, std=0.02)
            self.out.bias.zero_()
            for name, bias in FIRST_BIAS.items():
                self.rows(self.out.bias, name).fill_(bias)
            self.rows(self.out.weight, "coherent").zero_()

    def rows(self, parameter: Tensor, name: str) -> Tensor:
        """Return the rows of a weight or bias that belong to one part; none if the head has no such part."""
        names = list(self.sizes)
        start = sum(self.sizes[before] for before in names[: names.index(name)]) if name in names else 0
        return parameter[start : start + self.sizes.get(name, 0)]

    def start(self, seeds: Tensor, sides: Tensor) -> tuple:
        """Return the past at a sound's first sample.

        Args:
            seeds: ``[batch]`` int64, at least 0.
            sides: ``[batch]``, −1 … 1: the share of a second noise of the same seed. Rows of one seed with sides
                *s* and −*s* correlate by 1 − 2 *s*²; rows with equal seeds and equal sides have the same noise.
        """
        batch = len(seeds)
        windows = (
            torch.zeros(batch, OVERLAPS - 1, part.window_samples, device=seeds.device)
            for part in (self.long, self.short)
        )
        levels = self.levels.start(batch, seeds.device) if self.levels else ()
        return (*windows, torch.stack([seeds, torch.zeros_like(seeds)], dim=1), sides, *levels)

    def forward(self, x: Tensor, past: tuple) -> tuple[Tensor, tuple]:
        return self.synthesize(self.out(x).float(), past)

    def synthesize(self, x: Tensor, past: tuple) -> tuple[Tensor, tuple]:
        """Return the sound of the last layer's output ``[batch, frames, sum(sizes)]``, and the past after it."""
        long_past, short_past, address, sides, *levels_past = past
        batch, frames, _ = x.shape
        parts = self.parts(x)
        noise, address = self._noise(address, sides, frames * self.long.hop)
        sound, long_past = self.long(self.long_bands(parts["long"]) * self.long.spectra(noise), long_past)
        spectra = self.short.spectra(noise[:, : (frames * self.per_frame + OVERLAPS - 1) * self.short.hop])
        if "coherent" in parts:
            steady = parts["coherent"].reshape(batch, frames * self.per_frame, 2, -1)
            spectra = spectra + torch.complex(*steady.unbind(2))
        gains = self.short_bands(parts["short"].reshape(batch, frames * self.per_frame, -1))
        attacks, short_past = self.short(gains * spectra, short_past)
        sound = sound + attacks
        if self.levels:
            predicted = torch.cat([parts[name].reshape(batch, -1, BANDS) for name in ("levels", "trust")], dim=2)
            sound, *levels_past = self.levels(sound, predicted, *levels_past)
        return sound, (long_past, short_past, address, sides, *levels_past)

    def parts(self, x: Tensor) -> dict[str, Tensor]:
        """Return the last layer's output by part."""
        return dict(zip(self.sizes, x.split(list(self.sizes.values()), dim=2), strict=True))

    @torch.no_grad()
    def raise_by(self, gain_db: float) -> None:
        """Make the output louder by ``gain_db``."""
        for name in ("long", "short", "levels"):
            self.rows(self.out.bias, name).add_(gain_db * math.log(10) / 20)

    def _noise(self, address: Tensor, sides: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Return noise from the address on, as far as the last window reaches; and the address ``count`` samples on."""
        seeds, starts = address.cpu().numpy().T
        length = count + self.long.window_samples - self.long.hop
        noise = torch.from_numpy(cached_white_noise(seeds, starts, length)).to(address.device)
        if sides.any():
            other = torch.from_numpy(cached_white_noise(seeds ^ OTHER_STREAM, starts, length)).to(address.device)
            noise = noise * torch.sqrt(1 - sides.square())[:, None] + other * sides[:, None]
        return noise, address + torch.tensor([0, count], device=address.device)
