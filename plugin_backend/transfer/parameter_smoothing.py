"""Controls that glide: a step of a knob takes 50 ms, frame by frame, at any block size."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from plugin_backend.transfer.parameters import PARAMETERS

SLEW_S = 0.05
GLIDING = ("mix", "gain", "strength", "blend", "morph", "spherical", "weight", "follow")
"""``gain`` is linear, of ``gain_db``; the others are as they are set."""


class ParameterSmoother:
    """Values of :data:`GLIDING` and more now, on their way, and a frame's step.

    Args:
        frames: how many a glide takes.
        weights: names of controls that glide too, from 0 on.
    """

    def __init__(self, frames: int, weights: Iterable[str] = ()):
        weights = tuple(weights)
        self._frames, self._names = max(1, frames), GLIDING + weights
        own = [1.0 if name == "gain" else PARAMETERS[name].default for name in GLIDING]
        self.now = np.array(own + [0.0] * len(weights))
        self.wanted, self.step = self.now.copy(), np.zeros_like(self.now)
        self._rest: dict[str, float] | None = None

    def set(self, name: str, value: float, at_once: bool) -> None:
        """Let a control glide to a value, or jump there."""
        index, self._rest = self._names.index(name), None
        self.wanted[index] = value
        self.step[index] = abs(value - self.now[index]) / self._frames
        if at_once:
            self.now[index] = value

    def advance(self) -> tuple[dict[str, float], dict[str, float]]:
        """The values at a frame's start and at its end; one and the same while nothing glides."""
        if self._rest is not None:
            return self._rest, self._rest
        before = self.now
        self.now = before + np.clip(self.wanted - before, -self.step, self.step)
        arrived = np.abs(self.wanted - self.now) <= 1e-9
        self.now[arrived] = self.wanted[arrived]
        first, last = (dict(zip(self._names, values.tolist(), strict=True)) for values in (before, self.now))
        if arrived.all():
            self._rest = last
        return first, last

    def state(self) -> dict[str, np.ndarray]:
        """Plain arrays."""
        return {"now": self.now.copy(), "wanted": self.wanted.copy(), "step": self.step.copy()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Be as it was."""
        self.now, self.wanted, self.step = (state[name].copy() for name in ("now", "wanted", "step"))
        self._rest = None
