"""Glide controls: a step of a knob takes 50 ms, frame by frame, at any block size."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from plugin_backend.transfer.parameters import PARAMETERS

SLEW_S = 0.05
GLIDING = ("strength", "blend", "morph", "spherical", "weight", "follow")


class ParameterSmoother:
    """Current values of :data:`GLIDING` and of the weights, their goals, and the step per frame.

    Args:
        frames: length of a glide.
        weights: names of further controls that glide, from 0 on.
    """

    def __init__(self, frames: int, weights: Iterable[str] = ()):
        weights = tuple(weights)
        self._frames, self._names = max(1, frames), GLIDING + weights
        defaults = [PARAMETERS[name].default for name in GLIDING]
        self.now = np.array(defaults + [0.0] * len(weights))
        self.goal, self.step = self.now.copy(), np.zeros_like(self.now)
        self._rest: dict[str, float] | None = None

    def set(self, name: str, value: float, at_once: bool) -> None:
        """Let a control glide to a value, or jump there.

        Args:
            name: the control.
            value: its new value.
            at_once: jump there.
        """
        index, self._rest = self._names.index(name), None
        self.goal[index] = value
        self.step[index] = abs(value - self.now[index]) / self._frames
        if at_once:
            self.now[index] = value

    def advance(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return the values at a frame's start and at its end. Both are the same object while nothing glides."""
        if self._rest is not None:
            return self._rest, self._rest
        before = self.now
        self.now = before + np.clip(self.goal - before, -self.step, self.step)
        arrived = np.abs(self.goal - self.now) <= 1e-9
        self.now[arrived] = self.goal[arrived]
        first, last = (dict(zip(self._names, values.tolist(), strict=True)) for values in (before, self.now))
        if arrived.all():
            self._rest = last
        return first, last

    def state(self) -> dict[str, np.ndarray]:
        """Return the state as plain arrays."""
        return {"now": self.now.copy(), "wanted": self.goal.copy(), "step": self.step.copy()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore a saved state."""
        self.now, self.goal, self.step = (state[name].copy() for name in ("now", "wanted", "step"))
        self._rest = None
