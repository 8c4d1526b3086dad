"""Compute power spectrograms and mel bands, which several metrics share."""

from __future__ import annotations

import functools

import numpy as np

WINDOW_S, HOP_S, MEL_BANDS, LOWEST_HZ = 1024 / 48_000, 256 / 48_000, 80, 40.0
RUMBLE_HZ = 25.0


def power_spectrogram(audio: np.ndarray, window_samples: int, hop_samples: int) -> np.ndarray:
    """Return power in Hann windows centred on every ``hop_samples``, ``[window_samples // 2 + 1, frames]``.

    Args:
        audio: ``[samples]``.
        window_samples: length of a window.
        hop_samples: distance between windows.
    """
    padded = np.pad(np.asarray(audio, np.float64), window_samples // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window_samples)[::hop_samples]
    return np.abs(np.fft.rfft(frames * np.hanning(window_samples + 1)[:-1])).T ** 2


def remove_rumble(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the sound ``[samples]`` without the inaudible part below 25 Hz, and without delay."""
    spectrum = np.fft.rfft(np.asarray(audio, np.float64))
    spectrum[: int(np.ceil(RUMBLE_HZ * audio.size / sample_rate))] = 0
    return np.fft.irfft(spectrum, audio.size)


@functools.lru_cache(maxsize=4)
def mel_filters(window_samples: int, sample_rate: int) -> np.ndarray:
    """Return triangular filters of unit height, ``[bands, window_samples // 2 + 1]``, from 40 Hz to half the rate.

    Mel scale of O'Shaughnessy (1987): ``2595 log10(1 + f / 700)``. In the lowest octaves a band can be narrower than a
    bin. There its triangle is widened to one bin on each side, so that no band is empty.
    """
    corners_hz = mel_spaced_frequencies(LOWEST_HZ, sample_rate / 2, MEL_BANDS + 2)
    return triangular_filters(corners_hz, window_samples, sample_rate, sample_rate / window_samples)


def mel_spaced_frequencies(lowest_hz: float, highest_hz: float, count: int) -> np.ndarray:
    """Return frequencies in Hz at equal mel distances, both ends included.

    Args:
        lowest_hz: the first.
        highest_hz: the last.
        count: how many.
    """
    low, high = (2595 * np.log10(1 + np.array([lowest_hz, highest_hz]) / 700)).tolist()
    return 700 * (10 ** (np.linspace(low, high, count) / 2595) - 1)


def mel_centres_hz(sample_rate: int) -> np.ndarray:
    """Return the centre frequency in Hz of each band of :func:`mel_power`, ``[bands]``."""
    return mel_spaced_frequencies(LOWEST_HZ, sample_rate / 2, MEL_BANDS + 2)[1:-1]


def triangular_filters(
    corners_hz: np.ndarray, window_samples: int, sample_rate: int, narrowest_hz: float = 1e-9
) -> np.ndarray:
    """Return triangles of unit height between successive corners, ``[corners - 2, window_samples // 2 + 1]``.

    Args:
        corners_hz: ``[corners]``, ascending.
        window_samples: length of the window.
        sample_rate: in Hz.
        narrowest_hz: least width of each side of a triangle.
    """
    low, centre, high = corners_hz[:-2, None], corners_hz[1:-1, None], corners_hz[2:, None]
    hz = np.arange(window_samples // 2 + 1) * (sample_rate / window_samples)
    rise = (hz - centre) / np.maximum(centre - low, narrowest_hz)
    fall = (hz - centre) / np.maximum(high - centre, narrowest_hz)
    return np.maximum(0, 1 - np.where(hz < centre, -rise, fall))


def mel_power(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the power in 80 mel bands, ``[bands, frames]``, in Hann windows of 1024 samples every 256 (at 48 kHz)."""
    window, hop = round(WINDOW_S * sample_rate), round(HOP_S * sample_rate)
    return mel_filters(window, sample_rate) @ power_spectrogram(audio, window, hop)
