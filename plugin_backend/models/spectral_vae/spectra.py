"""Magnitude spectra in torch, on the grid of :mod:`plugin_backend.dsp.spectrogram`: a sinusoid of amplitude 1 has 1."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from plugin_backend.models.spectral_vae.config import SpectralVAEConfig

SILENCE_LEVEL = -6.0
"""A sound of this level or less is silence: log10 of its RMS, −120 dBFS."""


def magnitudes(audio: Tensor, config: SpectralVAEConfig) -> Tensor:
    """Return the magnitudes ``[batch, frames, bins]`` of sounds ``[batch, hop]``, with silence around them."""
    grid, window = config.grid, torch.hann_window(config.window, device=audio.device)
    after = (config.frames - 1) * config.window_hop + config.window - grid.lead_samples - audio.shape[1]
    padded = F.pad(audio, (grid.lead_samples, after))
    spectra = torch.stft(padded, config.window, config.window_hop, window=window, center=False, return_complex=True)
    return spectra.abs().transpose(1, 2)[:, :, : config.bins] * (2 / window.sum())


def decibels(values: Tensor, lowest_db: Tensor | float) -> Tensor:
    """Return ``values`` in dB, with a soft floor at ``lowest_db``: 10 log10(x² + floor²)."""
    floor = 10 ** (torch.as_tensor(lowest_db) / 10)
    return 10 * torch.log10(values.square() + floor)


def loudness(audio: Tensor) -> Tensor:
    """Return log10 of the RMS of sounds ``[batch, samples]``, at least −6: ``[batch]``."""
    rms = audio.double().square().mean(1).sqrt().float()
    return rms.clamp(min=10**SILENCE_LEVEL).log10()


def at_equal_loudness(audio: Tensor) -> Tensor:
    """Return sounds scaled to an RMS of 1; silence stays silence."""
    level = loudness(audio)
    return torch.where(level > SILENCE_LEVEL, 10**-level, 0.0)[:, None] * audio
