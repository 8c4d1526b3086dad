"""Measure and remove a DC offset, so that level measurement and encoding ignore it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.codecs.pcm import PcmCodec

LOWEST_HZ = 10.0
"""−3 dB frequency of a first-order high-pass, below all audible frequencies."""

MIN_MEMORY = 1e-30
"""A smaller filter memory is set to 0, so that there are no denormals."""


def dc_offset(blocks: Iterable[np.ndarray], step: int) -> float:
    """Return the DC offset of a recording.

    Both the mean of all samples and the median of the means of 10 ms show the offset. A thump changes the first, an
    asymmetric tone the second. The smaller is returned, or 0 if they differ in sign.

    Args:
        blocks: the recording as blocks ``[n]``; all but the last are a multiple of ``step`` long.
        step: samples in 10 ms. A remainder at the end is ignored.
    """
    means = np.concatenate([block[: block.size // step * step].reshape(-1, step).mean(axis=1) for block in blocks])
    if not means.size:
        return 0.0
    mean, median = float(means.mean(dtype=np.float64)), float(np.median(means))
    return min(mean, median, key=abs) if mean * median > 0 else 0.0


class DcFilter:
    """A high-pass filter, computed sample by sample: block boundaries change no bit.

    Args:
        channels: of every block.
        sample_rate: in Hz.
        first_samples: the mean of this many first samples is taken as the earlier offset, so that a recording with an
            offset does not begin with a step. The first block must hold them. 0: no earlier offset.
    """

    def __init__(self, channels: int, sample_rate: int, first_samples: int = 0):
        from scipy.signal import lfilter

        self._lfilter = lfilter  # imported here, not during playback
        keep = np.exp(-2 * np.pi * LOWEST_HZ / sample_rate)
        self._b, self._a = np.array([1.0, -1.0]) * (1 + keep) / 2, np.array([1.0, -keep])
        self._memory, self._first = np.zeros((channels, 1)), first_samples

    def push(self, block: np.ndarray) -> np.ndarray:
        """Filter ``[channels, n]``. Return the same shape, float64."""
        if self._first and block.shape[1]:
            self._memory = self._b[1] * block[:, : self._first].mean(axis=1, keepdims=True, dtype=np.float64)
            self._first = 0
        filtered, memory = self._lfilter(self._b, self._a, block.astype(np.float64), zi=self._memory)
        self._memory = np.where(np.abs(memory) < MIN_MEMORY, 0.0, memory)
        return filtered

    def state(self) -> dict[str, np.ndarray]:
        """Return the state as plain arrays."""
        return {"memory": self._memory, "first": np.array(self._first)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore a saved state."""
        self._memory, self._first = state["memory"], int(state["first"])


class NoFilter:
    """Replaces the filter for the identity codec, which changes no sound."""

    def push(self, block: np.ndarray) -> np.ndarray:
        """Return the block itself."""
        return block

    def state(self) -> dict[str, np.ndarray]:
        """Return no arrays: there is no state."""
        return {}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Do nothing: there is no state."""


def dc_filter_for(codec: Codec, channels: int, begins: bool = True) -> DcFilter | NoFilter:
    """Return a new filter for what a codec encodes, or for what is made of its output.

    Args:
        codec: the codec.
        channels: of every block.
        begins: whether the sound may begin with an offset. Then its first block must hold a whole frame.
    """
    spec = codec.spec
    if spec == PcmCodec.spec:
        return NoFilter()
    return DcFilter(channels, spec.sample_rate, spec.hop_samples if begins else 0)
