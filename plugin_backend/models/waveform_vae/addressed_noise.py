"""White noise with an address: a sample follows from its seed and its position alone, so any piece of it can be made.

The whole sound, a stream in blocks of any length, a batch and a replayed take therefore get the same noise, to the bit,
on every machine: all arithmetic is of integers.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

MASK = 0xFFFFFFFF
STEP, FIRST_FACTOR, SECOND_FACTOR = 0x1E3779B9, 0x7FEB352D, 0x31848BAB
"""Odd and below 2^31: their products with 32 bits fit 63, so that exports can do the same with signed integers."""

OTHER_STREAM = 0x5BD1E995
"""What parts the second noise of a seed from the first."""

UNIT = float(np.sqrt(4 * (256**2 - 1) / 12))
"""Standard deviation of the sum of four bytes."""

SCALE = np.float32(1 / UNIT)


def white_noise(seeds: np.ndarray, starts: np.ndarray, count: int) -> np.ndarray:
    """White noise of unit power, nearly normal (a sum of four uniform values), at given positions.

    Position and seed are mixed by multiplications and shifts as in Wellons' "triple32" family of hash functions
    ("Prospecting for Hash Functions", 2018), the seed's two halves joining between the rounds.

    Args:
        seeds: ``[rows]`` integers, 0 … 2^63 − 1.
        starts: ``[rows]`` integers: the position of each row's first sample, 0 … 2^63 − 1.
        count: samples a row.

    Returns:
        ``[rows, count]`` float32.
    """
    seeds, starts = (np.asarray(of, np.uint64)[:, None] for of in (seeds, starts))
    at = starts + np.arange(count, dtype=np.uint64)
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
"""Of noise that is kept: 2 MB at most."""

MOST_SAMPLES_CACHED = 2_048
"""A stream asks for so many at a time at most; a hop's are 1,280, of which 768 were asked for with the hop before."""


def cached_white_noise(seeds: np.ndarray, starts: np.ndarray, count: int) -> np.ndarray:
    """The same noise, to be read only; what streams ask for piece by piece is made ahead, and kept."""
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
    return white_noise([seed], [number * PIECE_SAMPLES], PIECE_SAMPLES)[0]
