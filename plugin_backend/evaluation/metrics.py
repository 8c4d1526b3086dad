"""Full-reference metrics: how far a guess is from the truth, for sounds aligned to the sample.

Every function takes mono signals of equal length ``[samples]``, guess first, truth second.
"""

from __future__ import annotations

import functools

import numpy as np

from plugin_backend.errors import MissingExtraError

WINDOW_S, HOP_S, MEL_BANDS, LOWEST_HZ = 1024 / 48_000, 256 / 48_000, 80, 40.0
FLOOR_DB = -60.0
"""Bands this far below the loudest band of the truth count as silence, in both signals."""

ENVELOPE_S = 0.002
SEARCH_S, SMOOTHING_S = 0.05, 0.001
VISQOL_RATE_HZ = 48_000


@functools.lru_cache(maxsize=4)
def mel_filters(window_samples: int, sample_rate: int) -> np.ndarray:
    """Triangles of unit height, ``[bands, window_samples // 2 + 1]``, 40 Hz to half the rate.

    Mel scale of O'Shaughnessy (1987): ``2595 log10(1 + f / 700)``. In the lowest octaves, where a band
    is narrower than a bin, its triangle is widened to one bin each side so that no band is empty.
    """
    span = 2595 * np.log10(1 + np.array([LOWEST_HZ, sample_rate / 2]) / 700)
    corners_hz = 700 * (10 ** (np.linspace(*span, MEL_BANDS + 2) / 2595) - 1)
    bin_hz = sample_rate / window_samples
    low, centre, high = corners_hz[:-2, None], corners_hz[1:-1, None], corners_hz[2:, None]
    hz = np.arange(window_samples // 2 + 1) * bin_hz
    rise = (hz - centre) / np.maximum(centre - low, bin_hz)
    fall = (hz - centre) / np.maximum(high - centre, bin_hz)
    return np.maximum(0, 1 - np.where(hz < centre, -rise, fall))


def mel_power(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Power in 80 mel bands, ``[bands, frames]``: Hann windows of 1024 samples every 256 (at 48 kHz)."""
    window, hop = round(WINDOW_S * sample_rate), round(HOP_S * sample_rate)
    padded = np.pad(np.asarray(audio, np.float64), window // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(window + 1)[:-1])) ** 2
    return mel_filters(window, sample_rate) @ power.T


def log_mel_error_db(guess: np.ndarray, truth: np.ndarray, sample_rate: int) -> float:
    """Mean absolute difference of log-mel power, in dB (0 is identical).

    80 bands from 40 Hz to half the rate, windows of 21.3 ms every 5.3 ms; both signals are held above
    a floor 60 dB below the loudest band of the truth. Levels count: a gain of g dB scores g dB.
    """
    guess_power, truth_power = mel_power(guess, sample_rate), mel_power(truth, sample_rate)
    floor = max(truth_power.max() * 10 ** (FLOOR_DB / 10), np.finfo(float).tiny)
    ratio = np.maximum(guess_power, floor) / np.maximum(truth_power, floor)
    return float(np.abs(10 * np.log10(ratio)).mean())


def envelope(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """RMS of successive 2 ms blocks, ``[blocks]``; an unfilled last block is left out."""
    block = round(ENVELOPE_S * sample_rate)
    whole = np.asarray(audio, np.float64)[: audio.size // block * block]
    return np.sqrt((whole.reshape(-1, block) ** 2).mean(axis=1))


def envelope_correlation(guess: np.ndarray, truth: np.ndarray, sample_rate: int) -> float:
    """Pearson correlation of the 2 ms RMS envelopes, −1..1; 0 where either envelope is constant."""
    a, b = envelope(guess, sample_rate), envelope(truth, sample_rate)
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / size) if size > 0 else 0.0


def onset_error_ms(guess: np.ndarray, truth: np.ndarray, sample_rate: int) -> float:
    """Lag of the guess behind the truth in ms (negative: early), within ±50 ms, in steps of one sample.

    The lag that best correlates the magnitudes, each smoothed over 1 ms.
    """
    smoothing = np.ones(round(SMOOTHING_S * sample_rate))
    a, b = (np.convolve(np.abs(x), smoothing, "same") for x in (guess, truth))
    size = a.size + b.size
    spectrum = np.fft.rfft(a - a.mean(), size) * np.fft.rfft(b - b.mean(), size).conj()
    search = min(round(SEARCH_S * sample_rate), size // 2)
    lags = np.arange(-search, search + 1)
    return float(lags[np.fft.irfft(spectrum, size)[lags].argmax()] * 1000 / sample_rate)


@functools.cache
def _visqol():
    try:
        from visqol import VisqolApi
    except ImportError as problem:
        raise MissingExtraError("ViSQOL", "evaluate") from problem
    api = VisqolApi()
    api.create(mode="audio")
    return api


def visqol(guess: np.ndarray, truth: np.ndarray) -> float:
    """ViSQOL's estimate of a listening score, 1..4.73 (identical), audio mode, both at 48 kHz.

    Levels do not count (it matches them first), and it saturates on sparse sounds: give it dense
    clips, several seconds long. About 0.75 s of work per second of sound.

    Raises:
        MissingExtraError: the ``evaluate`` extra is not installed.
    """
    pair = (np.asarray(x, np.float64) for x in (truth, guess))
    return float(_visqol().measure_from_arrays(*pair, VISQOL_RATE_HZ).moslqo)
