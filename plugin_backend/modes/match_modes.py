"""Interpolate between the modes of two sounds: match modes by frequency, and interpolate each pair."""

from __future__ import annotations

import numpy as np

from plugin_backend.modes.mode_table import DECAY, FREQUENCY, LENGTH, LEVEL, ONSET, PHASE

FARTHEST_SEMITONES = 3.0
"""Modes further apart are not matched: one fades out, and the other fades in."""

FORBIDDEN = 1e6


def interpolate_modes(a: np.ndarray, b: np.ndarray, amount: float) -> np.ndarray:
    """Return the modes at ``amount`` between ``a`` (0) and ``b`` (1), ``[n, 6]`` float64.

    Each mode of ``a`` is matched with the mode of ``b`` nearest in pitch, so that the sum of all distances is least
    (Kuhn's assignment). First strikes are matched with first strikes, and so on. In a pair, pitch, decay and level are
    interpolated on a logarithmic scale. Modes without a partner, and grains, fade: by ``1 - amount``, or by ``amount``.

    Args:
        a: modes ``[n, 6]``.
        b: modes ``[m, 6]``.
        amount: 0 … 1.

    Returns:
        The modes between.
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    if amount <= 0 or amount >= 1:
        return a if amount <= 0 else b
    index_a, index_b = _pairs(a, b)
    rows_a, rows_b = a[index_a], b[index_b]
    paired = rows_a.copy()
    for column in (FREQUENCY, DECAY):
        paired[:, column] = rows_a[:, column] ** (1 - amount) * rows_b[:, column] ** amount
    paired[:, LEVEL] = rows_a[:, LEVEL] ** (1 - amount) * rows_b[:, LEVEL] ** amount
    for column in (ONSET, LENGTH):
        paired[:, column] = np.rint((1 - amount) * rows_a[:, column] + amount * rows_b[:, column])
    endless = (rows_a[:, LENGTH] == 0) | (rows_b[:, LENGTH] == 0)
    paired[endless, LENGTH] = 0
    phasor = (1 - amount) * np.exp(1j * rows_a[:, PHASE]) + amount * np.exp(1j * rows_b[:, PHASE])
    paired[:, PHASE] = np.angle(phasor)
    unpaired_a, unpaired_b = np.delete(a, index_a, axis=0), np.delete(b, index_b, axis=0)
    unpaired_a[:, LEVEL] *= 1 - amount
    unpaired_b[:, LEVEL] *= amount
    return np.concatenate([paired, unpaired_a, unpaired_b])


def _pairs(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of modes that form pairs."""
    index_a, index_b = (np.flatnonzero((rows[:, DECAY] > 0) & (rows[:, LEVEL] > 0)) for rows in (a, b))
    if not len(index_a) or not len(index_b):
        return np.zeros(0, int), np.zeros(0, int)
    from scipy.optimize import linear_sum_assignment

    pitch_a, pitch_b = (12 * np.log2(rows[index, FREQUENCY]) for rows, index in ((a, index_a), (b, index_b)))
    strike_a, strike_b = (_strikes(rows[index, ONSET]) for rows, index in ((a, index_a), (b, index_b)))
    distance = np.abs(pitch_a[:, None] - pitch_b)
    distance = np.where((distance > FARTHEST_SEMITONES) | (strike_a[:, None] != strike_b), FORBIDDEN, distance)
    left, right = linear_sum_assignment(distance)
    is_near = distance[left, right] < FORBIDDEN
    return index_a[left[is_near]], index_b[right[is_near]]


def _strikes(onsets: np.ndarray) -> np.ndarray:
    """Return for each mode the number of its strike in the take, from 0."""
    return np.unique(onsets, return_inverse=True)[1]
