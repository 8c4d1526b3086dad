"""White noise addressed by seed and position, so that any part of it can be computed alone.

A sample depends only on its seed and its position. So a whole sound, a stream in blocks of any length, a batch and a
replayed take get the same noise, bit for bit, on every machine: all arithmetic is of integers.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

MASK = 0xFFFFFFFF
STEP, FIRST_FACTOR, SECOND_FACTOR = 0x1E3779B9, 0x7FEB352D, 0x31848BAB
"""Odd and below 2^31. Their products with 32-bit numbers fit 63 bits, so exports can use signed integers."""

OTHER_STREAM = 0x5BD1E995
"""Mixed into a seed to get its second noise."""

UNIT = float(np.sqrt(4 * (256**2 - 1) / 12))
"""Standard deviation of the sum of four bytes."""

SCALE = np.float32(1 / UNIT)


def white_noise(seeds: np.ndarray, starts: np.ndarray, count: int) -> np.ndarray:
    """Return white noise of unit power, nearly normal (a sum of four uniform values), at given positions.

    Position and seed are mixed by multiplications and shifts as in Wellons' "triple32" family of hash functions
    ("Prospecting for Hash Functions", 2018). The two halves of the seed are added between the rounds.

    Args:
        seeds: ``[rows]`` integers, 0 … 2^63 − 1.
        starts: ``[rows]`` integers: the position of each row's first sample, 0 … 2^63 − 1.
        count: samples per row.

    Returns:
        ``[rows, count]`` float32.
    """
    seeds, starts = (np.asarray(values, np.uint64)[:, None] for values in (seeds, starts))
    at: np.ndarray = starts + np.arange(count, dtype=np.uint64)
    low, high = at.astype(np.uint32), (at >> np.uint64(32)).astype(np.uint32)
    first, second = seeds.astype(np.uint32), (seeds >> np.uint64(32)).astype(np.uint32)
    x = low * np.uint32(STEP) + first
    x ^= x >> np.uint32(16)
    x *= np.uint32(FIRST_FACTOR)
    x += second ^ high
    x ^= x >> np.uint32(15)
    x *= np.uint32(SECOND_FACTOR)
    x += first
    x ^= x >> np.uint32(17)
    x *= np.uint32(FIRST_FACTOR)
    x ^= x >> np.uint32(16)
    pairs = (x & np.uint32(0x00FF00FF)) + ((x >> np.uint32(8)) & np.uint32(0x00FF00FF))
    total = (pairs & np.uint32(0xFFFF)) + (pairs >> np.uint32(16))
    return (total.astype(np.float32) - np.float32(510)) * SCALE


PIECE_SAMPLES, MOST_PIECES = 4_096, 128
"""Size and number of the pieces of noise that are cached: 2 MB at most."""

MOST_SAMPLES_CACHED = 2_048
"""Longest request that uses the cache. A hop needs 1,280 samples; 768 of them were needed for the hop before."""


def cached_white_noise(seeds: np.ndarray, starts: np.ndarray, count: int) -> np.ndarray:
    """Return the same as :func:`white_noise`, read-only, from pieces that are computed ahead and cached.

    Args:
        seeds: ``[rows]`` integers, 0 … 2^63 − 1.
        starts: ``[rows]`` integers: the position of each row's first sample, 0 … 2^63 − 1.
        count: samples per row.

    Returns:
        ``[rows, count]`` float32.
    """
    if count > MOST_SAMPLES_CACHED or len(seeds) > MOST_PIECES // 4:
        return white_noise(seeds, starts, count)
    rows = [_row(int(seed), int(start), count) for seed, start in zip(seeds, starts, strict=True)]
    return rows[0][None] if len(rows) == 1 else np.stack(rows)


def _row(seed: int, start: int, count: int) -> np.ndarray:
    number, at = divmod(start, PIECE_SAMPLES)
    piece = _piece(seed, number)
    if at + count <= PIECE_SAMPLES:
        return piece[at : at + count]
    return np.concatenate([piece[at:], _piece(seed, number + 1)[: at + count - PIECE_SAMPLES]])


@lru_cache(MOST_PIECES)
def _piece(seed: int, number: int) -> np.ndarray:
    return white_noise(np.array([seed]), np.array([number * PIECE_SAMPLES]), PIECE_SAMPLES)[0]
