"""Full-reference metrics: the difference between a decoded sound and its original, aligned to the sample.

All functions take mono signals of equal length ``[samples]``, the decoded sound (``guess``) first, the original
(``truth``) second, and the rate in Hz.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from plugin_backend.dsp.mel import LOWEST_HZ, mel_power, power_spectrogram
from plugin_backend.errors import MissingExtraError

FLOOR_DB = -60.0
"""Bands and bins this far below the original's loudest count as silence, in both signals."""

AUDIBLE_DB = -40.0
"""Frames this far below the original's loudest frame do not count for centroid and noisiness."""

STFT_S = (2048 / 48_000, 1024 / 48_000, 512 / 48_000)
ENVELOPE_S = 0.002
VISQOL_RATE_HZ = 48_000


def floored(guess_power: np.ndarray, truth_power: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Limit both powers to the floor that the original's loudest band sets."""
    floor = max(truth_power.max() * 10 ** (FLOOR_DB / 10), np.finfo(float).tiny)
    return np.maximum(guess_power, floor), np.maximum(truth_power, floor)


def _mel_difference_db(guess: np.ndarray, truth: np.ndarray, sample_rate: int) -> np.ndarray:
    a, b = floored(mel_power(guess, sample_rate), mel_power(truth, sample_rate))
    return 10 * np.log10(a / b)


def log_mel_error_db(guess: np.ndarray, truth: np.ndarray, sample_rate: int) -> float:
    """Return the mean absolute difference of log-mel power, in dB (0 is identical).

    80 bands from 40 Hz to half the rate, windows of 21.3 ms every 5.3 ms. Both signals are limited to a floor 60 dB
    below the original's loudest band. Levels count: a gain of g dB scores g dB.

    Args:
        guess: the decoded sound, ``[samples]``.
        truth: the original, aligned and equally long.
        sample_rate: in Hz.
    """
    return float(np.abs(_mel_difference_db(guess, truth, sample_rate)).mean())


def mel_mse(guess: np.ndarray, truth: np.ndarray, sample_rate: int) -> float:
    """Return the mean squared difference of the same log-mel power, in dB²: a gain of g dB scores g².

    Args:
        guess: the decoded sound, ``[samples]``.
        truth: the original, aligned and equally long.
        sample_rate: in Hz.
    """
    return float(np.square(_mel_difference_db(guess, truth, sample_rate)).mean())


def mrstft(guess: np.ndarray, truth: np.ndarray, sample_rate: int) -> float:
    """Return the multi-resolution STFT distance: spectral convergence plus log-magnitude distance (0 is identical).

    After Yamamoto et al. (2020), eqs. 4–6: ``‖S − Ŝ‖ / ‖S‖ + mean |ln S − ln Ŝ|``, here the mean over Hann windows of
    2048, 1024 and 512 samples (at 48 kHz), a quarter apart, magnitudes at least −60 dB of the original's largest.

    Args:
        guess: the decoded sound, ``[samples]``.
        truth: the original, aligned and equally long.
        sample_rate: in Hz.
    """
    distances = []
    for seconds in STFT_S:
        window = round(seconds * sample_rate)
        powers = (power_spectrogram(x, window, window // 4) for x in (guess, truth))
        a, b = (np.sqrt(power) for power in floored(*powers))
        distances.append(np.linalg.norm(a - b) / np.linalg.norm(b) + np.abs(np.log(a / b)).mean())
    return float(np.mean(distances))


def _audible_spectra(
    guess: np.ndarray, truth: np.ndarray, sample_rate: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the floored power of both above 40 Hz, in the original's audible frames; and the bins' Hz."""
    window = round(STFT_S[1] * sample_rate)
    hz = np.arange(window // 2 + 1) * (sample_rate / window)
    powers = (power_spectrogram(x, window, window // 4)[hz >= LOWEST_HZ] for x in (guess, truth))
    a, b = floored(*powers)
    loudness = b.sum(axis=0)
    audible = loudness >= loudness.max() * 10 ** (AUDIBLE_DB / 10)
    return a[:, audible], b[:, audible], hz[hz >= LOWEST_HZ]


def _centroid_octaves(guess: np.ndarray, truth: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return how much higher the spectral centroid is, in octaves, in each audible frame of the original."""
    a, b, hz = _audible_spectra(guess, truth, sample_rate)
    return np.log2((hz @ a / a.sum(axis=0)) / (hz @ b / b.sum(axis=0)))


def centroid_error(guess: np.ndarray, truth: np.ndarray, sample_rate: int) -> float:
    """Return the mean absolute difference of the spectral centroid, in octaves, over the original's audible frames.

    The centroid is the power-weighted mean frequency of a frame above 40 Hz.

    Args:
        guess: the decoded sound, ``[samples]``.
        truth: the original, aligned and equally long.
        sample_rate: in Hz.
    """
    return float(np.abs(_centroid_octaves(guess, truth, sample_rate)).mean())


def centroid_shift(guess: np.ndarray, truth: np.ndarray, sample_rate: int) -> float:
    """Return the mean signed difference of the centroid, in octaves: positive if the decoded sound is brighter.

    Args:
        guess: the decoded sound, ``[samples]``.
        truth: the original, aligned and equally long.
        sample_rate: in Hz.
    """
    return float(_centroid_octaves(guess, truth, sample_rate).mean())


def phase_coherence(guess: np.ndarray, truth: np.ndarray, sample_rate: int) -> float:
    """Return how far phases agree, −1 to 1: 1 if they are equal, about 0 if they are unrelated.

    ``Re Σ X* Y / Σ |X| |Y|`` over all bins and frames of one STFT above 40 Hz: the mean cosine of the differences of
    phase, weighted by both magnitudes. It is the coherence of Carter, "Coherence and time delay estimation", Proc. IEEE
    75(2), 1987, normalised in each bin, so that wrong magnitudes cost nothing. Noise that is drawn anew scores 0,
    however like it sounds.

    Args:
        guess: the decoded sound, ``[samples]``.
        truth: the original, aligned and equally long.
        sample_rate: in Hz.
    """
    window = round(STFT_S[1] * sample_rate)
    lowest = round(LOWEST_HZ * window / sample_rate)
    shape = np.hanning(window + 1)[:-1]

    def spectra(audio: np.ndarray) -> np.ndarray:
        padded = np.pad(np.asarray(audio, np.float64), window // 2)
        return np.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, window)[:: window // 4] * shape)[:, lowest:]

    a, b = spectra(guess), spectra(truth)
    weights = (np.abs(a) * np.abs(b)).sum()
    return float((a * b.conj()).real.sum() / weights) if weights > 0 else 0.0


def noisiness_error(guess: np.ndarray, truth: np.ndarray, sample_rate: int) -> float:
    """Return the mean absolute difference of spectral flatness, 0 to 1, over the original's audible frames.

    Flatness (Johnston 1988) is the geometric over the arithmetic mean of a frame's power above 40 Hz:
    1 for white noise, near 0 for a tone.

    Args:
        guess: the decoded sound, ``[samples]``.
        truth: the original, aligned and equally long.
        sample_rate: in Hz.
    """
    a, b, _ = _audible_spectra(guess, truth, sample_rate)
    flatness = [np.exp(np.log(power).mean(axis=0)) / power.mean(axis=0) for power in (a, b)]
    return float(np.abs(flatness[0] - flatness[1]).mean())


def envelope(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the RMS of successive 2 ms blocks, ``[blocks]``; an incomplete last block is left out."""
    block = round(ENVELOPE_S * sample_rate)
    whole = np.asarray(audio, np.float64)[: audio.size // block * block]
    return np.sqrt((whole.reshape(-1, block) ** 2).mean(axis=1))


def envelope_correlation(guess: np.ndarray, truth: np.ndarray, sample_rate: int) -> float:
    """Return the Pearson correlation of the 2 ms RMS envelopes, −1 to 1; 0 if either envelope is constant.

    Args:
        guess: the decoded sound, ``[samples]``.
        truth: the original, aligned and equally long.
        sample_rate: in Hz.
    """
    a, b = envelope(guess, sample_rate), envelope(truth, sample_rate)
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / size) if size > 0 else 0.0


@functools.cache
def _visqol() -> Any:
    try:
        from visqol import VisqolApi
    except ImportError as problem:
        raise MissingExtraError("ViSQOL", "evaluate") from problem
    api = VisqolApi()
    api.create(mode="audio")
    return api


def visqol(guess: np.ndarray, truth: np.ndarray, sample_rate: int = VISQOL_RATE_HZ) -> float:
    """Return ViSQOL's estimate of a listening score, 1 to 4.73 (identical), audio mode; other rates become 48 kHz.

    Levels do not count (ViSQOL matches them first). It saturates on sparse sounds: use dense clips of several seconds.
    It takes between 0.1 and 0.75 s per second of sound.

    Args:
        guess: the decoded sound, ``[samples]``.
        truth: the original, aligned and equally long.
        sample_rate: in Hz.

    Raises:
        MissingExtraError: the ``evaluate`` extra is not installed.
    """
    pair = [np.asarray(x, np.float64) for x in (truth, guess)]
    if sample_rate != VISQOL_RATE_HZ:
        import soxr

        pair = [soxr.resample(x, sample_rate, VISQOL_RATE_HZ) for x in pair]
    return float(_visqol().measure_from_arrays(*pair, VISQOL_RATE_HZ).moslqo)
