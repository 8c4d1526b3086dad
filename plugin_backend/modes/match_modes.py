"""Between two sounds that ring: modes matched by frequency, and what lies between each pair."""

from __future__ import annotations

import numpy as np

from plugin_backend.modes.mode_table import DECAY, FREQUENCY, LENGTH, LEVEL, ONSET, PHASE

FARTHEST_SEMITONES = 3.0
"""Modes further apart are not taken for one another: one fades out, the other in."""

FORBIDDEN = 1e6


def interpolate_modes(a: np.ndarray, b: np.ndarray, amount: float) -> np.ndarray:
    """The modes ``amount`` of the way from ``a`` (0) to ``b`` (1), ``[n, 6]`` float64.

    Each mode of ``a`` is matched with the one of ``b`` nearest in pitch, so that all pairs together are nearest
    (Kuhn's assignment), first strike with first strike and so on. Between a pair, pitch, decay and level go straight on
    their logarithms. What has no partner, and grains, fade: by ``1 - amount``, and by ``amount``.
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    if amount <= 0 or amount >= 1:
        return a if amount <= 0 else b
    ours, theirs = _pairs(a, b)
    one, other = a[ours], b[theirs]
    paired = one.copy()
    for column in (FREQUENCY, DECAY):
        paired[:, column] = one[:, column] ** (1 - amount) * other[:, column] ** amount
    paired[:, LEVEL] = one[:, LEVEL] ** (1 - amount) * other[:, LEVEL] ** amount
    for column in (ONSET, LENGTH):
        paired[:, column] = np.rint((1 - amount) * one[:, column] + amount * other[:, column])
    for_good = (one[:, LENGTH] == 0) | (other[:, LENGTH] == 0)
    paired[for_good, LENGTH] = 0
    turned = (1 - amount) * np.exp(1j * one[:, PHASE]) + amount * np.exp(1j * other[:, PHASE])
    paired[:, PHASE] = np.angle(turned)
    lone_a, lone_b = np.delete(a, ours, axis=0), np.delete(b, theirs, axis=0)
    lone_a[:, LEVEL] *= 1 - amount
    lone_b[:, LEVEL] *= amount
    return np.concatenate([paired, lone_a, lone_b])


def _pairs(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of modes that belong together."""
    ours, theirs = (np.flatnonzero((rows[:, DECAY] > 0) & (rows[:, LEVEL] > 0)) for rows in (a, b))
    if not len(ours) or not len(theirs):
        return np.zeros(0, int), np.zeros(0, int)
    from scipy.optimize import linear_sum_assignment

    pitch_a, pitch_b = (12 * np.log2(rows[own, FREQUENCY]) for rows, own in ((a, ours), (b, theirs)))
    strike_a, strike_b = (_strikes(rows[own, ONSET]) for rows, own in ((a, ours), (b, theirs)))
    apart = np.abs(pitch_a[:, None] - pitch_b)
    apart = np.where((apart > FARTHEST_SEMITONES) | (strike_a[:, None] != strike_b), FORBIDDEN, apart)
    left, right = linear_sum_assignment(apart)
    near = apart[left, right] < FORBIDDEN
    return ours[left[near]], theirs[right[near]]


def _strikes(onsets: np.ndarray) -> np.ndarray:
    """Which strike of its take each mode belongs to, counted from 0."""
    return np.unique(onsets, return_inverse=True)[1]
