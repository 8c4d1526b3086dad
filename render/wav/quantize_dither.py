"""Float samples → integers: to nearest, dithered for 16 bits only."""

from __future__ import annotations

import hashlib

import numpy as np

from render.project.stem_names import SUM

FULL_SCALE = {16: 2**15, 24: 2**23}
"""Integer value of 1.0, by bits."""


def quantize(audio: np.ndarray, bits: int, noise: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Round to integers; answers them (int32, −2^(bits−1) … 2^(bits−1)−1) and which samples clipped.

    libsndfile would round down; we round to nearest, as silence must stay silent.

    Args:
        audio: any shape, full scale ±1.
        bits: 16 or 24.
        noise: dither of the same shape, in steps of the result; a sample of exactly 0 gets none.
    """
    full = FULL_SCALE[bits]
    scaled = audio.astype(np.float64) * full
    if noise is not None:
        scaled += np.where(audio != 0, noise, 0.0)
    return clip_to_bits(np.rint(scaled), bits)


def clip_to_bits(scaled: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers held within ``bits`` as int32, and which were outside."""
    full = FULL_SCALE[bits]
    outside = (scaled < -full) | (scaled > full - 1)
    return np.clip(scaled, -full, full - 1).astype(np.int32), outside


class Dither:
    """Triangular noise (TPDF) of ±1 step, a function of seed and sample position alone.

    Two uniform numbers a sample, their difference: Lipshitz, Wannamaker, Vanderkooy, "Quantization and
    Dither: A Theoretical Survey", JAES 40(5), 1992: the error's mean and variance no longer follow the signal.

    Args:
        seed: the project's.
        name: the stem's; stems have noise of their own, so that it does not add up in their sum.
    """

    def __init__(self, seed: int, name: str):
        digest = hashlib.blake2b(f"dither\0{seed}\0{name}".encode(), digest_size=16).digest()
        self._key = int.from_bytes(digest)

    def at(self, position: int, channels: int, samples: int) -> np.ndarray:
        """Noise ``[channels, samples]`` from sample ``position`` on, −1 to 1."""
        first, skip = divmod(position * channels, 4)  # Philox makes four numbers a count
        raw = np.random.Philox(key=self._key, counter=first).random_raw(skip + samples * channels)[skip:]
        low, high = raw & np.uint64(0xFFFFFFFF), raw >> np.uint64(32)
        return ((low.astype(np.float64) - high.astype(np.float64)) / 2**32).reshape(samples, channels).T


def dither_of(bits: int, name: str, seed: int) -> Dither | None:
    """A stem's own, for 16 bits; FOLEY, the sum of dithered stems, needs none."""
    return Dither(seed, name) if bits == 16 and name != SUM else None
