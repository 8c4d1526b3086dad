"""One sound takes another's envelope."""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np

CELLS = 8
"""A hop is measured in so many parts: 1.3 ms each of 512 samples at 48 kHz."""

FLOOR = 1e-12
"""Powers below −120 dBFS are equal."""

MOST_GAIN = 10 ** (24 / 20)


@lru_cache(256)
def one_pole(cell_ms: float, time_ms: float, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """A one-pole of all cells at once: what each hears of every earlier one ``[cells, cells]``, and of what was before
    them ``[cells]``."""
    keep, steps = np.exp(-cell_ms / time_ms), np.arange(cells)
    fall = np.tril(keep ** np.maximum(steps[:, None] - steps, 0)) * (1 - keep)
    return fall, keep ** (steps + 1)


class Follower:
    """Powers of two aligned sounds, each through a one-pole, and the gain that makes one's the other's.

    Attributes:
        follow_ms: the one-pole's time constant.
    """

    def __init__(self, channels: int, hop_samples: int, sample_rate: int, follow_ms: float):
        self.follow_ms = follow_ms
        self._cells = gcd(hop_samples, CELLS)
        self._size = hop_samples // self._cells
        self._cell_ms = 1000 * self._size / sample_rate
        self._ramp = np.arange(1, self._size + 1) / self._size
        self._powers, self._ratio = np.zeros((2, channels)), np.ones(channels)

    def gains(self, dry: np.ndarray, wet: np.ndarray, follow: float) -> np.ndarray:
        """The gain ``[channels, hop]`` for ``wet``, both ``[channels, hop]``; ``follow`` 0 makes it 1."""
        both = np.array([dry, wet]).reshape(2, len(dry), self._cells, self._size)
        heard = np.square(both, dtype=np.float64).sum(axis=3) / self._size
        fall, kept = one_pole(self._cell_ms, self.follow_ms, self._cells)
        powers = (heard[:, :, None] * fall).sum(axis=3) + kept * self._powers[:, :, None]
        wanted, had = np.maximum(powers, FLOOR)
        corners = np.empty((len(dry), self._cells + 1))
        corners[:, 0], corners[:, 1:] = self._ratio, np.minimum(np.sqrt(wanted / had), MOST_GAIN)
        self._powers, self._ratio = powers[:, :, -1], corners[:, -1].copy()
        corners = corners**follow
        rise = (corners[:, 1:] - corners[:, :-1])[:, :, None] * self._ramp
        return (corners[:, :-1, None] + rise).reshape(len(dry), -1)

    def state(self) -> dict[str, np.ndarray]:
        """Plain arrays."""
        return {"powers": self._powers, "ratio": self._ratio, "follow_ms": np.array(self.follow_ms)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Be as it was."""
        self._powers, self._ratio, self.follow_ms = state["powers"], state["ratio"], float(state["follow_ms"])
