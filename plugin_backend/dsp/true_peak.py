"""The peaks between samples: true peaks, at four times the rate, as in ITU-R BS.1770-4, annex 2."""

from __future__ import annotations

import numpy as np

PHASES, TAPS = 4, 12
NEAR = 0.5
"""Below half of a level, no true peak can exceed the level, so nothing is interpolated."""


def _interpolation() -> np.ndarray:
    """Return a windowed sinc for the points between two samples, ``[PHASES - 1, TAPS]``; the two are in its middle."""
    places = np.arange(TAPS) - TAPS / 2 + 1 - np.arange(1, PHASES)[:, None] / PHASES
    rows = np.sinc(places) * np.cos(np.pi * places / (TAPS + 1)) ** 2
    return rows / rows.sum(axis=1, keepdims=True)


BETWEEN = _interpolation()


def peaks_between(sound: np.ndarray) -> np.ndarray:
    """Return the largest magnitude between two samples, for each pair that has six samples on both sides.

    Args:
        sound: ``[channels, n]``, *n* at least ``TAPS``.

    Returns:
        ``[channels, n - TAPS + 1]`` float64. The first is between the samples ``TAPS / 2 - 1`` and ``TAPS / 2``.
    """
    count = sound.shape[1] - TAPS + 1
    exact, taps = np.asarray(sound, np.float64), BETWEEN.T[:, :, None, None]  # converted once, not for every product
    points = taps[0] * exact[:, :count]
    product = np.empty_like(points)
    for at in range(1, TAPS):
        points += np.multiply(taps[at], exact[:, at : at + count], out=product)
    return np.abs(points, out=points).max(axis=0)
