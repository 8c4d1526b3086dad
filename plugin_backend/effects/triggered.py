"""Stages that react to triggers: notes, cues, hits."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator

import numpy as np

from plugin_backend.effects.base import DspStage

TRIGGERED, RELEASED = 1, 0


class Triggered(DspStage):
    """Adds triggers to :class:`~plugin_backend.effects.base.DspStage`. It stands before DspStage among the bases."""

    def __init__(self, sample_rate: int, channels: int, **fixed: float | str):
        super().__init__(sample_rate, channels, **fixed)
        self._pending: list[tuple[int, int]] = []

    def trigger(self, at: int = 0) -> None:
        """Trigger the stage ``at`` samples after the next sample pushed; 0 is that sample.

        Raises:
            ValueError: ``at`` is negative.
        """
        self._add(at, TRIGGERED)

    def release(self, at: int = 0) -> None:
        """Release the last trigger, ``at`` samples after the next sample pushed.

        Raises:
            ValueError: ``at`` is negative.
        """
        self._add(at, RELEASED)

    def _add(self, at: int, event: int) -> None:
        if at < 0:
            raise ValueError(f"a trigger at {at} samples; 0 is the next sample")
        insort(self._pending, (self.position_samples + at, event))  # at one sample releases come first

    def _event_parts(self, count: int) -> Iterator[tuple[slice, list[int]]]:
        """Yield the next samples in parts, each with the events at its first sample."""
        at = 0
        events: list[int] = []
        while self._pending and self._pending[0][0] < self.position_samples + count:
            position, event = self._pending.pop(0)
            if position - self.position_samples > at:
                yield slice(at, position - self.position_samples), events
                at, events = position - self.position_samples, []
            events = [*events, event]
        yield slice(at, count), events

    def state(self) -> dict[str, np.ndarray]:
        """Return the state; see :meth:`~plugin_backend.effects.stage.Stage.state`."""
        return super().state() | {"coming": np.array(self._pending, np.int64).reshape(-1, 2)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore a state; see :meth:`~plugin_backend.effects.stage.Stage.restore`."""
        super().restore(state)
        self._pending = [(int(at), int(event)) for at, event in state["coming"]]
