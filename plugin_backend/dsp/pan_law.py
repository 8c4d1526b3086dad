"""Pan laws: the gains of left and right."""

from __future__ import annotations

import numpy as np

Pan = float | np.ndarray
"""One position, or one for each sample."""


def constant_power(pan: Pan) -> tuple[np.ndarray, np.ndarray]:
    """Return gains of left and right (cosine and sine) at a pan of −1 … 1. Both are −3 dB at the centre.

    Examples:
        >>> [round(float(gain), 3) for gain in constant_power(0.0)]
        [0.707, 0.707]
    """
    return np.cos((pan + 1) * np.pi / 4), np.sin((pan + 1) * np.pi / 4)


def balance(pan: Pan) -> tuple[np.ndarray, np.ndarray]:
    """Return gains that change neither side at the centre, and lower one side towards the other end."""
    left, right = constant_power(pan)
    return np.minimum(left * np.sqrt(2), 1.0), np.minimum(right * np.sqrt(2), 1.0)
