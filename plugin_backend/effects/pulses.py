"""Constant amplitude modulation that cuts a sustained sound into knocks, or into the chatter of an ignition."""

from __future__ import annotations

import numpy as np

from plugin_backend.dsp.crossfade import raised_cosine
from plugin_backend.dsp.oscillator import Oscillator
from plugin_backend.effects.base import DspStage
from plugin_backend.effects.parameters import PULSES, TRIGGER
from plugin_backend.effects.triggered import TRIGGERED, Triggered

START, ATTACK, STAY, DECAY, SINCE = range(5)
"""Indices of the state: start level, lengths of attack, audible part and decay in samples, samples since the start."""


class Pulses(Triggered, DspStage):
    """Multiplies all channels by ``1 − depth · (1 − pulses)``.

    A pulse rises from the level at which the previous one was, stays until ``duty`` of its cycle is over, and falls.
    Rise and fall are raised cosines; the rise is complete within the stay. A pulse reads its settings when it begins.
    If ``sync`` is ``trigger``, pulses run from a trigger to its release. Otherwise triggers and releases do nothing.
    """

    parameters, gliding = PULSES, {"depth": float}

    def __init__(self, sample_rate: int, channels: int):
        super().__init__(sample_rate, channels)
        self.parts["cycles"] = self._cycles = Oscillator(sample_rate, self.values["rate_hz"])
        self._pulse = np.array([0.0, 1, 0, 1, 2])
        self._last, self._is_triggered = -1.0, False

    def _changed(self, name: str) -> None:
        if name == "rate_hz":
            self._cycles.set(self.values["rate_hz"], at_once=not self.position_samples)

    def _process(self, block: np.ndarray) -> np.ndarray:
        count = block.shape[1]
        level = np.empty(count)
        for part, events in self._event_parts(count):
            for event in events:
                self._is_triggered = event == TRIGGERED
                if self._is_triggered and self.choice_name("sync") == TRIGGER:
                    self._cycles.restart()
                    self._last = -1.0
            self._fill(level[part])
        return block * (1 - self._glide("depth", count) * (1 - level))

    def _fill(self, level: np.ndarray) -> None:
        """Fill the next samples, up to the next trigger."""
        cycle, position = np.floor(self._cycles.advance(level.size)), 0
        starts = np.flatnonzero(np.diff(cycle, prepend=self._last) > 0)
        self._last = float(cycle[-1])
        if self.choice_name("sync") == TRIGGER and not self._is_triggered:
            starts = starts[:0]
        for start in starts.tolist():
            self._continue(level[position:start])
            self._begin()
            position = start
        self._continue(level[position:])

    def _begin(self) -> None:
        period = self.sample_rate / self.values["rate_hz"]
        stay = max(1, round(self.values["duty"] * period))
        attack = min(stay, max(1, round(self.values["attack_ms"] * self.sample_rate / 1000)))
        decay = max(1, round(self.values["decay_ms"] * self.sample_rate / 1000))
        self._pulse = np.array([self._level(np.array([-1.0]))[0], attack, stay, decay, 0])

    def _continue(self, level: np.ndarray) -> None:
        level[:] = self._level(np.arange(level.size))
        self._pulse[SINCE] += level.size

    def _level(self, ahead: np.ndarray) -> np.ndarray:
        start, attack, stay, decay, since = self._pulse
        position = since + ahead + 1
        return (start + (1 - start) * raised_cosine(position / attack)) * (1 - raised_cosine((position - stay) / decay))

    def state(self) -> dict[str, np.ndarray]:
        """Return the state; see :meth:`~plugin_backend.effects.stage.Stage.state`."""
        arrays = {"pulse": self._pulse.copy(), "last": np.array(self._last), "struck": np.array(self._is_triggered)}
        return super().state() | arrays

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore a state; see :meth:`~plugin_backend.effects.stage.Stage.restore`."""
        super().restore(state)
        self._pulse, self._last = np.array(state["pulse"]), float(state["last"])
        self._is_triggered = bool(state["struck"])
