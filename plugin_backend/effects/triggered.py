"""Stages that are struck: by a note, a cue, a hit."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator

import numpy as np

TRIGGERED, RELEASED = 1, 0


class Triggered:
    """Adds strikes to :class:`~plugin_backend.effects.base.DspStage`; stands before it among the bases."""

    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings)
        self._coming: list[tuple[int, int]] = []

    def trigger(self, at: int = 0) -> None:
        """It is struck ``at`` samples after the next one pushed: 0 is that one.

        Raises:
            ValueError: before it.
        """
        self._add(at, TRIGGERED)

    def release(self, at: int = 0) -> None:
        """What was struck is let go, ``at`` samples after the next one pushed.

        Raises:
            ValueError: before it.
        """
        self._add(at, RELEASED)

    def _add(self, at: int, what: int) -> None:
        if at < 0:
            raise ValueError(f"a strike at {at} samples; 0 is the next sample")
        insort(self._coming, (self.position_samples + at, what))  # at one sample releases come first

    def _strikes(self, count: int) -> Iterator[tuple[slice, list[int]]]:
        """The next samples in parts, each with what happens at its first one."""
        at, due = 0, []
        while self._coming and self._coming[0][0] < self.position_samples + count:
            position, what = self._coming.pop(0)
            if position - self.position_samples > at:
                yield slice(at, position - self.position_samples), due
                at, due = position - self.position_samples, []
            due = [*due, what]
        yield slice(at, count), due

    def state(self) -> dict[str, np.ndarray]:
        """See :class:`~plugin_backend.effects.stage.Stage`."""
        return super().state() | {"coming": np.array(self._coming, np.int64).reshape(-1, 2)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """See :class:`~plugin_backend.effects.stage.Stage`."""
        super().restore(state)
        self._coming = [(int(at), int(what)) for at, what in state["coming"]]
