"""Resample a stream, and compute the latency of an engine that runs between two resamplers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, gcd

import numpy as np
import soxr

QUALITY = "HQ"
MEASURED_HOPS = 600
"""After this number of hops a resampler's lag has reached its maximum, to a sample."""


class Resampler:
    """A stream ``[channels, n]`` resampled block by block by soxr. The number of samples per block varies.

    Args:
        from_hz: sample rate of the input; a varispeed makes it a fraction.
        to_hz: sample rate of the output.
        channels: of every block.
        quality: soxr's quality, ``HQ`` or ``VHQ``.
    """

    def __init__(self, from_hz: float, to_hz: float, channels: int, quality: str = QUALITY):
        self._stream = soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32", quality=quality)
        self._is_mono = channels == 1

    def push(self, block: np.ndarray, last: bool = False) -> np.ndarray:
        """Resample the next block.

        Args:
            block: ``[channels, n]`` float32.
            last: whether the stream ends with this block; then the rest of the output is returned too.

        Returns:
            ``[channels, m]`` float32: the samples that are ready.
        """
        if self._is_mono:
            return self._stream.resample_chunk(np.ascontiguousarray(block[0]), last=last)[None]
        return np.ascontiguousarray(self._stream.resample_chunk(np.ascontiguousarray(block.T), last=last).T)


@dataclass(frozen=True)
class ResampledTiming:
    """Delays of an engine that runs at its own rate between two resamplers.

    Attributes:
        lag_samples: how much of the input the engine may not have yet, at the engine's rate. The engine is given older
            input, so that it has the same work in every hop.
        wait_samples: silence at the start of the output, at the host's rate, so that every hop can be filled.
        delay_samples: extra delay at the engine's rate that makes the whole latency a whole number of host samples.
        latency_samples: the whole latency, at the host's rate.
        lead_samples: the part of the latency that resampling adds, at the host's rate.
    """

    lag_samples: int
    wait_samples: int
    delay_samples: int
    latency_samples: int
    lead_samples: int


@lru_cache(256)
def resampled_timing(
    rate_hz: int, inner_hz: int, hop: int, inner_hop: int, latency: int, has_input: bool
) -> ResampledTiming:
    """Compute the delays of an engine between resamplers.

    Args:
        rate_hz: sample rate of the host.
        inner_hz: sample rate of the engine.
        hop: samples per hop of the host.
        inner_hop: samples per hop of the engine.
        latency: latency of the engine, in samples at its own rate.
        has_input: whether the input is resampled too.

    Returns:
        The delays.
    """
    ratio = Fraction(rate_hz, inner_hz)
    lag = ceil(_longest_lag(rate_hz, inner_hz, hop)) if has_input else 0
    whole_hops = (hop / ratio) % inner_hop == 0
    fed = -(-lag // inner_hop) * inner_hop if whole_hops else lag + inner_hop  # the maximum, at the engine's rate
    wait = ceil(fed * ratio + _longest_lag(inner_hz, rate_hz, inner_hop))
    delay = -latency % (inner_hz // gcd(inner_hz, rate_hz))
    whole = wait + int((latency + delay) * ratio)
    return ResampledTiming(lag, wait, delay, whole, whole - int(latency * ratio))


@lru_cache(256)
def _longest_lag(from_hz: int, to_hz: int, count: int) -> Fraction:
    """Return by how many samples a resampler's output is short at most, when it is fed ``count`` samples at a time."""
    stream, silence = soxr.ResampleStream(from_hz, to_hz, 1, quality=QUALITY), np.zeros(count, np.float32)
    returned, longest = 0, Fraction(0)
    for hop in range(1, MEASURED_HOPS + 1):
        returned += len(stream.resample_chunk(silence))
        longest = max(longest, Fraction(hop * count * to_hz, from_hz) - returned)
    return longest + 1
