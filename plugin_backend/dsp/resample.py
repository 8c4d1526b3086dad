"""Resample a stream, and count how late what runs between two resamplers is; no sound and no model is needed."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, gcd

import numpy as np
import soxr

QUALITY = "HQ"
MEASURED_HOPS = 600
"""After so many a resampler's lag has been as long as it gets, to a sample."""


class Resampler:
    """A stream ``[channels, n]`` at another rate; how many samples a block returns varies."""

    def __init__(self, from_hz: int, to_hz: int, channels: int):
        self._stream, self._mono = soxr.ResampleStream(from_hz, to_hz, channels, quality=QUALITY), channels == 1

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take a block; return what is there."""
        if self._mono:
            return self._stream.resample_chunk(np.ascontiguousarray(block[0]))[None]
        return np.ascontiguousarray(self._stream.resample_chunk(np.ascontiguousarray(block.T)).T)


@dataclass(frozen=True)
class ResampledTiming:
    """Of an engine between resamplers.

    Attributes:
        lag_samples: at the engine's rate, how much of the input it may not have yet: it is pushed what is older, so
            that it has as much to do in every hop.
        wait_samples: of silence that the host's rate begins with, so that every hop can be answered.
        delay_samples: at the engine's rate, which make the whole latency whole samples of the host's.
        latency_samples: the whole, at the host's rate.
        lead_samples: of it, what the engine has none of: later than it would be at its own rate.
    """

    lag_samples: int
    wait_samples: int
    delay_samples: int
    latency_samples: int
    lead_samples: int


@lru_cache(256)
def resampled_timing(
    rate_hz: int, inner_hz: int, hop: int, inner_hop: int, latency: int, hears: bool
) -> ResampledTiming:
    """Count.

    Args:
        rate_hz, hop: of the host.
        inner_hz, inner_hop, latency: of the engine.
        hears: whether the input is resampled, too.
    """
    ratio = Fraction(rate_hz, inner_hz)
    lag = ceil(_longest_lag(rate_hz, inner_hz, hop)) if hears else 0
    whole_hops = (hop / ratio) % inner_hop == 0
    fed = -(-lag // inner_hop) * inner_hop if whole_hops else lag + inner_hop  # at most, at the engine's rate
    wait = ceil(fed * ratio + _longest_lag(inner_hz, rate_hz, inner_hop))
    delay = -latency % (inner_hz // gcd(inner_hz, rate_hz))
    whole = wait + int((latency + delay) * ratio)
    return ResampledTiming(lag, wait, delay, whole, whole - int(latency * ratio))


@lru_cache(256)
def _longest_lag(from_hz: int, to_hz: int, count: int) -> Fraction:
    """How many samples fewer than its share a resampler has answered, fed ``count`` at a time, at most."""
    stream, silence = soxr.ResampleStream(from_hz, to_hz, 1, quality=QUALITY), np.zeros(count, np.float32)
    answered, longest = 0, Fraction(0)
    for hop in range(1, MEASURED_HOPS + 1):
        answered += len(stream.resample_chunk(silence))
        longest = max(longest, Fraction(hop * count * to_hz, from_hz) - answered)
    return longest + 1
