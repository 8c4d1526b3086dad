"""Second-order sections of the equaliser.

Bells and shelves: Robert Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients"; the shelves'
slope is 1. Cuts: Butterworth by the bilinear transform, ``scipy.signal.butter``.
"""

from __future__ import annotations

import numpy as np

THROUGH = np.array([1.0, 0, 0, 1, 0, 0])
HIGHEST = 0.49
"""Of the sample rate: what lies above cannot be filtered, and is left alone."""


def bell(hz: float, gain_db: float, q: float, sample_rate: int) -> np.ndarray:
    """``gain_db`` at ``hz``, ``[6]``."""
    if not gain_db or hz > HIGHEST * sample_rate:
        return THROUGH
    a, w = 10 ** (gain_db / 40), 2 * np.pi * hz / sample_rate
    alpha = np.sin(w) / (2 * q)
    return _section([1 + alpha * a, -2 * np.cos(w), 1 - alpha * a], [1 + alpha / a, -2 * np.cos(w), 1 - alpha / a])


def shelf(hz: float, gain_db: float, high: bool, sample_rate: int) -> np.ndarray:
    """``gain_db`` far below ``hz``, or far above, and half of it there, ``[6]``."""
    if not gain_db or hz > HIGHEST * sample_rate:
        return THROUGH
    a, w = 10 ** (gain_db / 40), 2 * np.pi * hz / sample_rate
    side = -np.cos(w) if high else np.cos(w)  # the high shelf is the low one, mirrored
    root = 2 * np.sqrt(a) * np.sin(w) / np.sqrt(2)
    b = [a * (a + 1 - (a - 1) * side + root), 2 * a * (a - 1 - (a + 1) * side), a * (a + 1 - (a - 1) * side - root)]
    c = [a + 1 + (a - 1) * side + root, -2 * (a - 1 + (a + 1) * side), a + 1 + (a - 1) * side - root]
    if high:
        b[1], c[1] = -b[1], -c[1]
    return _section(b, c)


def cut(hz: float, order: int, high: bool, sample_rate: int, sections: int) -> np.ndarray:
    """−3 dB at ``hz`` and less below (or above), in so many sections ``[sections, 6]``."""
    from scipy.signal import butter

    rows = np.tile(THROUGH, (sections, 1))
    if hz <= HIGHEST * sample_rate:
        made = butter(order, hz, "lowpass" if high else "highpass", fs=sample_rate, output="sos")
        rows[: len(made)] = made
    return rows


def _section(b: list[float], a: list[float]) -> np.ndarray:
    return np.array([*b, *a]) / a[0]
