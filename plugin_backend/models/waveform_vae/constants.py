"""Numbers that are the same in every waveform VAE. The network in PyTorch and the engine in C both use them."""

from __future__ import annotations

import math

import numpy as np

from plugin_backend.dsp.mel import mel_spaced_frequencies
from plugin_backend.models.band_sizes import SEGMENT
from plugin_backend.models.waveform_vae.config import LEVELS_LATENCY

LOG_VARIANCE_RANGE = (-12.0, 4.0)

SPREAD = 2.5
"""Deviation of all logarithms that the encoder gets, on Foley. They are divided by it."""

SPECTRUM_FLOOR, SPECTRUM_MEAN, VIEW_MEAN = 1e-4, -5.0, -3.6
"""Added to magnitudes before the logarithm; means of the logarithms of both spectra, on Foley."""

ENERGY_FLOOR, ENERGY_MEAN = 1e-10, -6.0
"""The same for the energies of segments."""

NORM_EPS = 1e-5
"""Added to variances by the layer norms."""

OVERLAPS = 4
"""Windows that cover a sample. Each starts a quarter of its length after the one before."""

LOG_GAIN_RANGE = (-10.0, 7.0)
LOWEST_HZ = {"long": 30.0, "short": 200.0}
"""Centre of the lowest band of noise."""

LEVEL_WEIGHTS = (1 / 12, 2 / 12, 3 / 12, 3 / 12, 2 / 12, 1 / 12)
"""Weights of the three segments before a moment and the three after it, 4 ms in all. Latents cannot describe less."""

LEVEL_REACH = len(LEVEL_WEIGHTS) // 2 * SEGMENT
LEVELS_REMEMBERED = 2 * LEVELS_LATENCY
POWER_FLOOR = 1e-9
MOST_LOG_GAIN = 3.5
"""About 30 dB."""

HIGH_PASS_EDGE_HZ, HIGH_PASS_SECTIONS = 20.0, 2
"""Frequency at which each of the high-passes passes half the power, and how many there are."""


def high_pass_pole(sample_rate: int) -> float:
    """Return the pole *p* of ``y[n] = p y[n − 1] + (1 + p) / 2 · (x[n] − x[n − 1])``. It passes half the power at
    ``HIGH_PASS_EDGE_HZ``.

    From ``(1 − p) / (1 + p) = tan(π · edge / sample_rate)``, the bilinear transform of an RC high-pass.
    """
    tangent = math.tan(math.pi * HIGH_PASS_EDGE_HZ / sample_rate)
    return (1 - tangent) / (1 + tangent)


def window_scale(window_samples: int) -> float:
    """Return the factor with which white noise in a Hann window has bins of unit power."""
    return 1 / math.sqrt(window_samples * 0.375)


def band_positions(bands: int, window_samples: int, sample_rate: int, lowest_hz: float) -> tuple:
    """Return where the bins of an STFT lie between the centres of bands.

    Args:
        bands: how many, mel-spaced from ``lowest_hz`` to half the sample rate.
        window_samples: of the STFT.
        sample_rate: in Hz.
        lowest_hz: centre of the lowest band.

    Returns:
        For each bin the band below it (int64), and its share of the way to the band above (float32).
    """
    centres_hz = mel_spaced_frequencies(lowest_hz, sample_rate / 2, bands)
    hz = np.arange(window_samples // 2 + 1) * (sample_rate / window_samples)
    position = np.interp(hz, centres_hz, np.arange(bands))
    below = np.minimum(position.astype(int), bands - 2)
    return below, (position - below).astype(np.float32)
