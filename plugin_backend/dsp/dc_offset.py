"""A sound without the constant it stands on, which is no sound: what measures or encodes it must not hear it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.codecs.pcm import PcmCodec

LOWEST_HZ = 10.0
"""−3 dB of a first-order high-pass: below all that is heard."""

MIN_MEMORY = 1e-30
"""A memory smaller than this is let go: no denormals."""


def dc_offset(blocks: Iterable[np.ndarray], step: int) -> float:
    """The constant that runs through a recording.

    The mean over all and the median of the means of 10 ms both show it; a thump moves the one, a lopsided
    tone the other. The smaller is taken, none where they disagree in sign.

    Args:
        blocks: the recording ``[n]`` in pieces, all but the last a multiple of ``step`` long.
        step: samples of 10 ms; a rest at the end is left out.
    """
    means = np.concatenate([block[: block.size // step * step].reshape(-1, step).mean(axis=1) for block in blocks])
    if not means.size:
        return 0.0
    mean, median = float(means.mean(dtype=np.float64)), float(np.median(means))
    return min(mean, median, key=abs) if mean * median > 0 else 0.0


class DcFilter:
    """A high-pass, sample after sample: where blocks are cut changes no bit.

    Args:
        channels: of every block.
        sample_rate: in Hz.
        first_samples: the mean of so many first samples is taken for what the sound stood on before, so that a
            recording with an offset does not begin with a step. The first block must hold them. 0: on nothing.
    """

    def __init__(self, channels: int, sample_rate: int, first_samples: int = 0):
        from scipy.signal import lfilter

        self._lfilter = lfilter  # imported here, and not while it plays
        keep = np.exp(-2 * np.pi * LOWEST_HZ / sample_rate)
        self._b, self._a = np.array([1.0, -1.0]) * (1 + keep) / 2, np.array([1.0, -keep])
        self._memory, self._first = np.zeros((channels, 1)), first_samples

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take ``[channels, n]``; return as many, float64."""
        if self._first and block.shape[1]:
            self._memory = self._b[1] * block[:, : self._first].mean(axis=1, keepdims=True, dtype=np.float64)
            self._first = 0
        made, memory = self._lfilter(self._b, self._a, block.astype(np.float64), zi=self._memory)
        self._memory = np.where(np.abs(memory) < MIN_MEMORY, 0.0, memory)
        return made

    def state(self) -> dict[str, np.ndarray]:
        """Plain arrays."""
        return {"memory": self._memory, "first": np.array(self._first)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Be as it was."""
        self._memory, self._first = state["memory"], int(state["first"])


class NoFilter:
    """In place of a filter where the codec is the identity, which carries any sound as it is."""

    def push(self, block: np.ndarray) -> np.ndarray:
        """The block itself."""
        return block

    def state(self) -> dict[str, np.ndarray]:
        """Nothing is remembered."""
        return {}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Nothing was remembered."""


def dc_filter_for(codec: Codec, channels: int, begins: bool = True) -> DcFilter | NoFilter:
    """A new filter of what a codec encodes, or of what is made of what it decodes.

    Args:
        begins: the sound may begin with an offset; its first block has whole frames then.
    """
    spec = codec.spec
    if spec == PcmCodec.spec:
        return NoFilter()
    return DcFilter(channels, spec.sample_rate, spec.hop_samples if begins else 0)
