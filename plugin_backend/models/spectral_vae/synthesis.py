"""The spectra of sinusoids and noise, with phases: those of our own decoder are known and need no estimation.

A sinusoid of constant frequency turns by ``2π f hop / rate`` between two spectra. The noise is a white noise of the
row's seed, shaped by the noise levels: its spectra fit together already.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.sparse import csr_array

from plugin_backend.dsp.spectrogram import spectrum
from plugin_backend.models.spectral_vae.config import SpectralVAEConfig

LOBE_TAPS = 6
FAINTEST_DB = -120.0
"""Sinusoids that are never louder are left out."""


@lru_cache(maxsize=16)
def noise_spectra(seed: int, config: SpectralVAEConfig) -> np.ndarray:
    """Return the spectra of white noise of a seed, with a mean square of 1 in each bin, ``[frames, bins]``."""
    noise = np.random.default_rng(seed).standard_normal((1, config.hop), np.float32)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(config.window) / config.window)
    power = np.square(window * 2 / window.sum()).sum()
    return spectrum(noise, config.grid)[0] / np.float32(np.sqrt(power))


@lru_cache(maxsize=64)
def start_phases(count: int) -> np.ndarray:
    """Return the phases of harmonics at the start, ``[count]``: those of a low peak (Schroeder 1970)."""
    number = np.arange(count)
    return np.pi * number * (number - 1) / max(1, count)


def sinusoid_spectra(levels_db: np.ndarray, frequencies_bins: np.ndarray, config: SpectralVAEConfig) -> np.ndarray:
    """Return the spectra of sinusoids of constant frequency, ``[frames, bins]`` complex64.

    Args:
        levels_db: in each spectrum, ``[frames, sinusoids]``.
        frequencies_bins: ``[sinusoids]``.
        config: sizes of the spectra.
    """
    used = (frequencies_bins >= 0.5) & (frequencies_bins < config.bins - 1.5) & (levels_db.max(0) > FAINTEST_DB)
    frequencies = frequencies_bins[used].astype(np.float64)
    turns = np.outer(frequencies * (config.window_hop / config.window), np.arange(len(levels_db)))
    turns += (start_phases(len(used))[used] / (2 * np.pi))[:, None]
    angles = np.float32(2 * np.pi) * (turns - np.floor(turns)).astype(np.float32)
    amplitudes = np.power(np.float32(10), levels_db[:, used].T / np.float32(20))
    parts = np.concatenate([amplitudes * np.cos(angles), amplitudes * np.sin(angles)], axis=1)
    real, imaginary = np.split(_lobes(frequencies, config.bins) @ parts, 2, axis=1)
    spectra = np.empty((len(levels_db), config.bins), np.complex64)
    spectra.real, spectra.imag = real.T, imaginary.T
    return spectra


def _lobes(frequencies_bins: np.ndarray, bins: int) -> csr_array:
    """Return the spectra of sinusoids in centred Hann windows, ``[bins, sinusoids]``, real, 1 at the peak."""
    index = np.round(frequencies_bins).astype(int)[:, None] + np.arange(-LOBE_TAPS, LOBE_TAPS + 1)
    away = index - frequencies_bins[:, None]
    below = 1 - np.square(away)
    near = np.abs(below) < 1e-3
    values = np.where(near, 0.5, np.sinc(away) / np.where(near, 1.0, below)).astype(np.float32)
    inside = (index >= 0) & (index < bins)
    columns = np.broadcast_to(np.arange(len(index))[:, None], index.shape)
    return csr_array((values[inside], (index[inside], columns[inside])), shape=(bins, len(index)))
