"""Convert float samples to integers: rounded to nearest, and dithered for 16 bits only."""

from __future__ import annotations

import hashlib

import numpy as np

from render.project.stem_names import SUM

FULL_SCALE = {16: 2**15, 24: 2**23}
"""Bits → the integer that full scale (1.0) becomes."""


def quantize(audio: np.ndarray, bits: int, noise: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Round samples to integers.

    They are rounded to nearest, because silence must stay silent. libsndfile would round down.

    Args:
        audio: any shape; full scale is ±1.
        bits: 16 or 24.
        noise: dither of the same shape, in steps of the result. A sample of exactly 0 gets none.

    Returns:
        int32 samples, −2^(bits−1) … 2^(bits−1)−1, and a mask of the samples that clipped.

    Examples:
        >>> samples, clipped = quantize(np.array([0.5, 2.0]), bits=16)
        >>> samples.tolist(), clipped.tolist()
        ([16384, 32767], [False, True])
    """
    full = FULL_SCALE[bits]
    scaled = audio.astype(np.float64) * full
    if noise is not None:
        scaled += np.where(audio != 0, noise, 0.0)
    return clip_to_bits(np.rint(scaled), bits)


def clip_to_bits(scaled: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Clip whole numbers to the range of ``bits``.

    Args:
        scaled: whole numbers of any shape.
        bits: 16 or 24.

    Returns:
        int32 samples, and a mask of the samples that were outside the range.
    """
    full = FULL_SCALE[bits]
    outside = (scaled < -full) | (scaled > full - 1)
    return np.clip(scaled, -full, full - 1).astype(np.int32), outside


class Dither:
    """Triangular dither (TPDF) of ±1 step. It depends only on the seed, the stem and the sample position.

    Each sample is the difference of two uniform random numbers. So mean and variance of the rounding error do not
    depend on the signal (Lipshitz, Wannamaker, Vanderkooy, "Quantization and Dither: A Theoretical Survey",
    JAES 40(5), 1992).

    Args:
        seed: seed of the project.
        name: name of the stem. Every stem has different noise, so the noise does not add up in the sum.
    """

    def __init__(self, seed: int, name: str):
        digest = hashlib.blake2b(f"dither\0{seed}\0{name}".encode(), digest_size=16).digest()
        self._key = int.from_bytes(digest)

    def at(self, position: int, channels: int, samples: int) -> np.ndarray:
        """Return noise of −1 to 1.

        Args:
            position: first sample.
            channels: number of channels.
            samples: number of samples.

        Returns:
            ``[channels, samples]`` float64.
        """
        first, skip = divmod(position * channels, 4)  # Philox makes four numbers per counter value
        raw = np.random.Philox(key=self._key, counter=first).random_raw(skip + samples * channels)[skip:]
        low, high = raw & np.uint64(0xFFFFFFFF), raw >> np.uint64(32)
        return ((low.astype(np.float64) - high.astype(np.float64)) / 2**32).reshape(samples, channels).T


def dither_of(bits: int, name: str, seed: int) -> Dither | None:
    """Return the dither of a stem with 16 bits, or None. FOLEY, the sum of dithered stems, needs none.

    Args:
        bits: 16, 24 or 32.
        name: name of the stem.
        seed: seed of the project.
    """
    return Dither(seed, name) if bits == 16 and name != SUM else None
