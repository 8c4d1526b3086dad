"""Find the sample at which a hit's attack begins, from an approximate position.

A hit begins at its first sample within 20 dB of its own peak, or above the background if that is louder. The search
goes backwards from the candidate along an envelope of 1 ms RMS, until the sound was below for long enough.
"""

from __future__ import annotations

import numpy as np

BACK_S, BACKGROUND_S, AHEAD_S = 0.1, 0.05, 0.15
SETTLE_S, NOT_YET_S = 0.01, 0.015
"""A candidate may be 10 ms late. What is more than 15 ms before it is background."""

ENVELOPE_S = 0.001
ATTACK = 10 ** (-20 / 20)
QUIET_SHARE = 0.25
ABOVE_QUIET, SAMPLE_ABOVE_QUIET = 10 ** (9 / 20), 3.0
CLEAR = 10 ** (15 / 20)
GAP_S, CLEAR_GAP_S = 0.012, 0.03
"""How long a sound must have been quiet before a hit.

The second value holds for hits that are far above the background.
"""


def refine_attack(audio: np.ndarray, sample_rate: int, candidate: int, scale: float = 1.0) -> tuple[int, float]:
    """Return the sample at which a hit begins, and its peak.

    Args:
        audio: ``[samples, channels]``.
        sample_rate: in Hz.
        candidate: a sample at most about 10 ms after the steepest rise.
        scale: shortens the search range and the gaps, if hits may be closer than 150 ms.

    Returns:
        The onset in samples, and the peak of the loudest channel above its offset (linear).
    """
    ahead_s, back_samples = AHEAD_S * scale, round(BACK_S * scale * sample_rate)
    first = max(0, candidate - round((BACK_S + BACKGROUND_S) * sample_rate))
    excerpt = audio[first : candidate + round(ahead_s * sample_rate)].astype(np.float64)
    at, window = candidate - first, max(1, round(ENVELOPE_S * sample_rate))
    background = excerpt[: max(1, at - round(NOT_YET_S * sample_rate))]
    magnitude = np.abs(excerpt - (background.mean(axis=0) if len(background) > window else 0.0)).max(axis=1)
    level = trailing_rms(magnitude, window)
    quiet = (
        float(np.sort(level[window : len(background)])[int(QUIET_SHARE * (len(background) - window - 1))])
        if (len(background) > 2 * window)
        else 0.0
    )
    start = max(0, at - round(SETTLE_S * sample_rate))
    peak = level[start:].max()
    gap = round((CLEAR_GAP_S if ATTACK * peak > CLEAR * quiet else GAP_S) * scale * sample_rate)
    limit = max(0, at - back_samples)
    begin = _begin(level, start, limit, min(peak, max(ATTACK * peak, ABOVE_QUIET * quiet)), gap)
    near = slice(max(0, begin - window + 1), begin + window)
    threshold = max(ATTACK * magnitude[start:].max(), SAMPLE_ABOVE_QUIET * quiet)
    onset = near.start + int(np.argmax(magnitude[near] >= min(threshold, magnitude[near].max())))
    return first + onset, float(magnitude[onset : onset + round(ahead_s * sample_rate)].max())


def _begin(level: np.ndarray, start: int, limit: int, threshold: float, gap: int) -> int:
    """Return the first index above ``threshold`` from which ``start`` is reached without a gap; at the limit, the
    quietest index.
    """
    above = np.flatnonzero(level >= threshold)
    run = above[: int(np.searchsorted(above, start)) + 1]
    gaps = np.flatnonzero(np.diff(run) > gap)
    begin = int(run[gaps[-1] + 1] if gaps.size else run[0])
    return begin if begin >= limit else limit + int(level[limit : start + 1].argmin())


def trailing_rms(magnitude: np.ndarray, window: int) -> np.ndarray:
    """Return the RMS of the ``window`` samples that end with each sample."""
    energy = np.concatenate([np.zeros(window), np.square(magnitude)]).cumsum()
    return np.sqrt(np.maximum(energy[window:] - energy[:-window], 0.0) / window)
