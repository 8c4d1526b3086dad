"""Replace NaN, infinite and denormal samples, and limit levels that would overflow."""

from __future__ import annotations

import numpy as np

MAX_SAMPLE = 1e3
"""Samples are limited to ±60 dBFS, so that no later stage overflows."""

MIN_SAMPLE = np.finfo(np.float32).tiny
"""Smaller samples are denormal, and are set to 0."""


def sanitize(block: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the block as float32, and how many of its samples were NaN or infinite and were set to 0.

    Examples:
        >>> block, repaired = sanitize(np.array([0.5, np.nan]))
        >>> block.tolist(), repaired
        ([0.5, 0.0], 1)
    """
    block, repaired = np.asarray(block, np.float32), 0
    level = np.abs(block)
    if not level.max(initial=0) <= MAX_SAMPLE:  # or one is NaN
        finite = np.isfinite(block)
        repaired = int(finite.size - np.count_nonzero(finite))
        block = np.clip(np.where(finite, block, np.float32(0)), -MAX_SAMPLE, MAX_SAMPLE)
        level = np.abs(block)
    return np.where(level < MIN_SAMPLE, np.float32(0), block), repaired
