"""A number that glides to what it is set to, sample by sample: 50 ms, wherever blocks are cut."""

from __future__ import annotations

import numpy as np

from plugin_backend.transfer.slew import SLEW_S


class Glide:
    """The value now, where it goes, and a sample's step.

    Args:
        value: at first.
        rate_hz: samples a second.
    """

    def __init__(self, value: float, rate_hz: int):
        self._now = self._wanted = value
        self._step, self._samples = 0.0, max(1, round(SLEW_S * rate_hz))

    def set(self, value: float, at_once: bool) -> None:
        """Let it glide to a value, or jump there."""
        self._wanted, self._step = value, abs(value - self._now) / self._samples
        if at_once:
            self._now = value

    def next(self, count: int) -> np.ndarray | float:
        """Its values at the next samples, ``[count]``; one number where it rests."""
        if self._now == self._wanted or not count:
            return self._now
        way = np.minimum(self._step * np.arange(1, count + 1), abs(self._wanted - self._now))
        values = self._now + np.copysign(way, self._wanted - self._now)
        left = abs(self._wanted - values[-1])
        self._now = self._wanted if left <= 1e-9 else float(values[-1])
        return values

    def state(self) -> np.ndarray:
        """Plain numbers, ``[3]``."""
        return np.array([self._now, self._wanted, self._step])

    def restore(self, state: np.ndarray) -> None:
        """Be as it was."""
        self._now, self._wanted, self._step = state.tolist()
