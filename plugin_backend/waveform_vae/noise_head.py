"""The decoder's output layer: white noise, shaped in bands, and beside it what is the same in every performance.

Noise is most of what Foley is, so it comes from a noise source (:mod:`~plugin_backend.waveform_vae.noise`), not from
invented phases: those repeat with every frame and buzz. Long windows shape its tone colour, short ones its attacks.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from plugin_backend.evaluation.spectra import mel_spaced_hz
from plugin_backend.waveform_vae.config import WaveformVAEConfig
from plugin_backend.waveform_vae.layers import with_past
from plugin_backend.waveform_vae.noise import OTHER_STREAM, white_again

OVERLAPS = 4
"""Windows that reach a sample: each starts a quarter of its length after the one before."""

LOG_GAIN_RANGE = (-10.0, 7.0)
LOWEST_HZ = {"long": 30.0, "short": 200.0}
"""Centre of the lowest band."""

FIRST_BIAS = {"long": -1.5, "short": -2.5}
"""Log gains an untrained head starts from."""


class Bands(nn.Module):
    """Log gains of bands → gains of an STFT's bins; between the bands' centres the logarithm is linear.

    Args:
        bands: how many, mel-spaced from ``lowest_hz`` to half the rate.
        window_samples: of the STFT.
    """

    def __init__(self, bands: int, window_samples: int, sample_rate: int, lowest_hz: float):
        super().__init__()
        centres_hz = mel_spaced_hz(lowest_hz, sample_rate / 2, bands)
        hz = np.arange(window_samples // 2 + 1) * (sample_rate / window_samples)
        place = np.interp(hz, centres_hz, np.arange(bands))
        below = np.minimum(place.astype(int), bands - 2)
        self.register_buffer("around", torch.from_numpy(np.stack([below, below + 1])), persistent=False)
        self.register_buffer("share", torch.from_numpy(place - below).float(), persistent=False)

    def forward(self, log_gains: Tensor) -> Tensor:
        """``[…, bands]`` → ``[…, window_samples / 2 + 1]``."""
        below, above = log_gains[..., self.around].unbind(-2)
        return torch.exp((below + (above - below) * self.share).clamp(*LOG_GAIN_RANGE))


class Overlap(nn.Module):
    """Frames of spectra → sound, by inverse STFT and overlapping windows; and the same noise's spectra.

    Args:
        window_samples: of a frame; the next starts a quarter of it later.
    """

    def __init__(self, window_samples: int):
        super().__init__()
        self.window_samples, self.hop = window_samples, window_samples // OVERLAPS
        self.register_buffer("window", torch.hann_window(window_samples), persistent=False)
        self.register_buffer("half_window", self.window / 2, persistent=False)
        self.scale = 1 / math.sqrt(window_samples * 0.375)  # of white noise in a Hann window: bins of unit power

    def spectra(self, noise: Tensor) -> Tensor:
        """``[batch, (frames + 3) * hop]`` → ``[batch, frames, bins]``, complex, of unit power."""
        return torch.fft.rfft(noise.unfold(1, self.window_samples, self.hop) * self.window) * self.scale

    def forward(self, spectra: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """``[batch, frames, bins]`` → ``[batch, frames * hop]``; ``past`` is the last three windows."""
        windows = torch.fft.irfft(spectra, n=self.window_samples) * self.half_window
        joined, past = with_past(windows, past, OVERLAPS - 1)
        pieces, count = joined.unflatten(2, (OVERLAPS, self.hop)).unbind(2), windows.shape[1]
        sound = pieces[-1].narrow(1, 0, count)
        for later in range(1, OVERLAPS):  # in this order in any block, so that the sums have the same bits
            sound = sound + pieces[OVERLAPS - 1 - later].narrow(1, later, count)
        return sound.flatten(1), past


class NoiseHead(nn.Module):
    """Frames of features → sound: ``[batch, frames, width]`` → ``[batch, frames * decoder_hop]``.

    A frame starts at its own hop, so the output is late by ``decoder_window - decoder_hop`` samples. What it draws
    follows from the seed and the position in the stream alone. ``past`` is the last windows, and ``[batch, 2]``
    integers: seed and next position.
    """

    def __init__(self, config: WaveformVAEConfig):
        super().__init__()
        self.sample_rate = rate = config.sample_rate
        self.long, self.short = Overlap(config.decoder_window), Overlap(config.short_window)
        self.per_frame = config.decoder_hop // self.short.hop
        self.long_bands = Bands(config.long_bands, config.decoder_window, rate, LOWEST_HZ["long"])
        self.short_bands = Bands(config.short_bands, config.short_window, rate, LOWEST_HZ["short"])
        short_bins = config.short_window // 2 + 1
        self.sizes = [config.long_bands, self.per_frame * config.short_bands]
        if config.coherent:
            self.sizes.append(self.per_frame * 2 * short_bins)
        self.out = nn.Linear(config.decoder_width, sum(self.sizes))
        with torch.no_grad():
            nn.init.normal_(self.out.weight, std=0.02)
            self.out.bias[: self.sizes[0]] = FIRST_BIAS["long"]
            self.out.bias[self.sizes[0] : sum(self.sizes[:2])] = FIRST_BIAS["short"]
            self.out.weight[sum(self.sizes[:2]) :] = 0
            self.out.bias[sum(self.sizes[:2]) :] = 0

    def start(self, seeds: Tensor, sides: Tensor) -> tuple:
        """The past at a sound's first sample.

        Args:
            seeds: ``[batch]`` int64, at least 0.
            sides: ``[batch]``, −1 … 1: the share of a second noise of the same seed. Rows of one seed with sides
                *s* and −*s* correlate by 1 − 2 *s*²; alike rows with alike sides have the same noise.
        """
        batch = len(seeds)
        windows = (
            torch.zeros(batch, OVERLAPS - 1, part.window_samples, device=seeds.device)
            for part in (self.long, self.short)
        )
        return (*windows, torch.stack([seeds, torch.zeros_like(seeds)], dim=1), sides)

    def forward(self, x: Tensor, past: tuple) -> tuple[Tensor, tuple]:
        return self.sounded(self.out(x).float(), past)

    def sounded(self, x: Tensor, past: tuple) -> tuple[Tensor, tuple]:
        """What the last layer gave, ``[batch, frames, sum(sizes)]``, as sound."""
        long_past, short_past, address, sides = past
        batch, frames, _ = x.shape
        long, short, *coherent = x.split(self.sizes, dim=2)
        noise, address = self._noise(address, sides, frames * self.long.hop)
        sound, long_past = self.long(self.long_bands(long) * self.long.spectra(noise), long_past)
        spectra = self.short.spectra(noise[:, : (frames * self.per_frame + OVERLAPS - 1) * self.short.hop])
        if coherent:
            parts = coherent[0].reshape(batch, frames * self.per_frame, 2, -1)
            spectra = spectra + torch.complex(*parts.unbind(2))
        gains = self.short_bands(short.reshape(batch, frames * self.per_frame, -1))
        attacks, short_past = self.short(gains * spectra, short_past)
        return sound + attacks, (long_past, short_past, address, sides)

    @torch.no_grad()
    def raise_by(self, gain_db: float) -> None:
        """Make all that comes out louder by ``gain_db``."""
        self.out.bias[: sum(self.sizes[:2])] += gain_db * math.log(10) / 20

    def _noise(self, address: Tensor, sides: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Noise from the address on, as far as the last window reaches; and the address ``count`` samples on."""
        seeds, starts = address.cpu().numpy().T
        length = count + self.long.window_samples - self.long.hop
        noise = torch.from_numpy(white_again(seeds, starts, length)).to(address.device)
        if sides.any():
            other = torch.from_numpy(white_again(seeds ^ OTHER_STREAM, starts, length)).to(address.device)
            noise = noise * torch.sqrt(1 - sides.square())[:, None] + other * sides[:, None]
        return noise, address + torch.tensor([0, count], device=address.device)
