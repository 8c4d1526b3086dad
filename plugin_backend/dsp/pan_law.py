"""Where a sound is between two speakers."""

from __future__ import annotations

import numpy as np


def constant_power(pan):
    """Gains of left and right, by cosine and sine, at a pan of −1 … 1 (a number or an array): −3 dB at the centre."""
    return np.cos((pan + 1) * np.pi / 4), np.sin((pan + 1) * np.pi / 4)


def balance(pan):
    """Gains of left and right that leave both as they are at the centre, and turn one down towards the other."""
    left, right = constant_power(pan)
    return np.minimum(left * np.sqrt(2), 1.0), np.minimum(right * np.sqrt(2), 1.0)
