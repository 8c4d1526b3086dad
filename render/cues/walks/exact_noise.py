"""Random numbers that are the same on every machine, for ever: whole numbers and bytes of SHAKE-128 only."""

from __future__ import annotations

import hashlib
import math
from decimal import Context, Decimal
from functools import cache

import numpy as np

ONE = 1 << 16
"""The number 1 in the fixed-point numbers of this module."""

LARGEST = 4 * ONE
MEMORY_STEPS = 1024
"""Steps over which noise is correlated. Hausdorff et al. (1996) found correlation for up to a thousand strides."""

UNIFORMS = 12
WEIGHT_BITS = 20
EXP_BITS = 28
PRECISE = Context(prec=40)


def random_words(key: bytes, count: int) -> np.ndarray:
    """Return whole numbers from 0 to 65535, each equally likely. More words begin with the same words.

    Args:
        key: what they are for.
        count: how many.

    Returns:
        (count,), int64.
    """
    return np.frombuffer(hashlib.shake_128(key).digest(2 * count), "<u2").astype(np.int64)


def white_noise(key: bytes, count: int) -> np.ndarray:
    """Return normal noise: the sum of 12 uniform numbers, less its mean. More noise begins with the same noise.

    Returns:
        (count,), int64; standard deviation :data:`ONE`.
    """
    return random_words(key, UNIFORMS * count).reshape(count, UNIFORMS).sum(axis=1) - UNIFORMS * (ONE - 1) // 2


def long_range_noise(key: bytes, count: int, dfa_exponent: int) -> np.ndarray:
    """Return noise with long-range correlation: white noise, integrated a fraction d of once, ARFIMA(0, d, 0).

    C. W. J. Granger and R. Joyeux, "An introduction to long-memory time series models and fractional differencing",
    J. Time Series Analysis 1 (1980), 15-29: weights ψ(0) = 1, ψ(k) = ψ(k−1) (k − 1 + d) / k. Its DFA exponent is d + ½.

    Args:
        key: what the noise is for.
        count: how many numbers. More noise begins with the same noise.
        dfa_exponent: 500 (white) to 990, in thousandths.

    Returns:
        (count,), int64; standard deviation :data:`ONE`, mean 0, within ±4 standard deviations.
    """
    weights, norm = _weights(dfa_exponent)
    noise = white_noise(key, count + MEMORY_STEPS - 1)
    mixed = np.convolve(noise, weights, mode="valid") // norm
    return np.clip(mixed, -LARGEST, LARGEST)


@cache
def _weights(dfa_exponent: int) -> tuple[np.ndarray, int]:
    """Return the weights, and the square root of the sum of their squares."""
    weight, weights = 1 << WEIGHT_BITS, [1 << WEIGHT_BITS]
    for lag in range(1, MEMORY_STEPS):
        weight = weight * (1000 * (lag - 1) + dfa_exponent - 500) // (1000 * lag)
        weights.append(weight)
    return np.array(weights, dtype=np.int64), math.isqrt(sum(weight * weight for weight in weights))


def log_normal_factors(noise: np.ndarray, variation: int) -> np.ndarray:
    """Return positive factors with mean 1.

    Args:
        noise: standard normal, as this module returns it.
        variation: coefficient of variation of the factors, in thousandths; at most 500.

    Returns:
        The same shape, int64, in units of 1/:data:`ONE`. With σ² = ln(1 + variation²) they are exp(σ noise − σ²/2).
    """
    variance = (1 + (Decimal(variation) / 1000) ** 2).ln(PRECISE)
    sigma = int(variance.sqrt(PRECISE) * (1 << EXP_BITS))
    exponents = (noise * sigma) // ONE - int(variance * (1 << EXP_BITS)) // 2
    factors = (1 << EXP_BITS) + exponents // 1024
    for _ in range(10):  # exp(x) is (1 + x/1024) to the power of 1024
        factors = factors * factors >> EXP_BITS
    return factors >> (EXP_BITS - 16)
