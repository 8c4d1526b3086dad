"""Controls that glide: a step of a knob takes 50 ms, frame by frame, at any block size."""

from __future__ import annotations

import numpy as np

from plugin_backend.transfer.parameters import PARAMETERS

SLEW_S = 0.05
GLIDING = ("mix", "gain", "strength", "blend", "morph", "follow")
"""``gain`` is linear, of ``gain_db``; the others are as they are set."""


class Slew:
    """Values of :data:`GLIDING` now, on their way, and a frame's step.

    Args:
        frames: how many a glide takes.
    """

    def __init__(self, frames: int):
        self._frames = max(1, frames)
        self.now = np.array([1.0 if name == "gain" else PARAMETERS[name].default for name in GLIDING])
        self.wanted, self.step = self.now.copy(), np.zeros_like(self.now)

    def set(self, name: str, value: float, at_once: bool) -> None:
        """Let a control glide to a value, or jump there."""
        index = GLIDING.index(name)
        self.wanted[index] = value
        self.step[index] = abs(value - self.now[index]) / self._frames
        if at_once:
            self.now[index] = value

    def advance(self) -> tuple[dict[str, float], dict[str, float]]:
        """The values at a frame's start and at its end."""
        before = self.now
        self.now = before + np.clip(self.wanted - before, -self.step, self.step)
        arrived = np.abs(self.wanted - self.now) <= 1e-9
        self.now[arrived] = self.wanted[arrived]
        return dict(zip(GLIDING, before.tolist(), strict=True)), dict(zip(GLIDING, self.now.tolist(), strict=True))

    def state(self) -> dict[str, np.ndarray]:
        """Plain arrays."""
        return {"now": self.now.copy(), "wanted": self.wanted.copy(), "step": self.step.copy()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Be as it was."""
        self.now, self.wanted, self.step = (state[name].copy() for name in ("now", "wanted", "step"))
