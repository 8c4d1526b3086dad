"""Constant amplitude modulation: a sustained sound cut into knocks, or into an ignition's chatter."""

from __future__ import annotations

import numpy as np

from plugin_backend.dsp.crossfade import raised_cosine
from plugin_backend.dsp.oscillator import Oscillator
from plugin_backend.effects.base import DspStage
from plugin_backend.effects.parameters import PULSES, TRIGGER
from plugin_backend.effects.triggered import TRIGGERED, Triggered

START, ATTACK, STAY, DECAY, SINCE = range(5)


class Pulses(Triggered, DspStage):
    """Level times ``1 − depth · (1 − pulses)``, alike in all channels.

    A pulse rises from where the one before has left it, stays until ``duty`` of its cycle is over, and falls; both by
    raised cosines, the rise whole within the stay. What a pulse is like is settled as it begins. Where ``sync`` is
    ``trigger`` they come from a strike to its release; elsewhere neither does anything.
    """

    parameters, gliding = PULSES, {"depth": float}

    def __init__(self, sample_rate: int, channels: int):
        super().__init__(sample_rate, channels)
        self.parts["cycles"] = self._cycles = Oscillator(sample_rate, self.values["rate_hz"])
        self._pulse = np.array([0.0, 1, 0, 1, 2])
        self._last, self._struck = -1.0, False

    def _changed(self, name: str) -> None:
        if name == "rate_hz":
            self._cycles.set(self.values["rate_hz"], at_once=not self.position_samples)

    def _process(self, heard: np.ndarray) -> np.ndarray:
        count = heard.shape[1]
        level = np.empty(count)
        for here, strikes in self._strikes(count):
            for what in strikes:
                self._struck = what == TRIGGERED
                if self._struck and self.chosen("sync") == TRIGGER:
                    self._cycles.restart()
                    self._last = -1.0
            self._fill(level[here])
        return heard * (1 - self._glide("depth", count) * (1 - level))

    def _fill(self, level: np.ndarray) -> None:
        """The next samples, between strikes."""
        whole, at = np.floor(self._cycles.take(level.size)), 0
        starts = np.flatnonzero(np.diff(whole, prepend=self._last) > 0)
        self._last = float(whole[-1])
        if self.chosen("sync") == TRIGGER and not self._struck:
            starts = starts[:0]
        for start in starts.tolist():
            self._go_on(level[at:start])
            self._begin()
            at = start
        self._go_on(level[at:])

    def _begin(self) -> None:
        period = self.sample_rate / self.values["rate_hz"]
        stay = max(1, round(self.values["duty"] * period))
        attack = min(stay, max(1, round(self.values["attack_ms"] * self.sample_rate / 1000)))
        decay = max(1, round(self.values["decay_ms"] * self.sample_rate / 1000))
        self._pulse = np.array([self._level(np.array([-1.0]))[0], attack, stay, decay, 0])

    def _go_on(self, level: np.ndarray) -> None:
        level[:] = self._level(np.arange(level.size))
        self._pulse[SINCE] += level.size

    def _level(self, ahead: np.ndarray) -> np.ndarray:
        start, attack, stay, decay, since = self._pulse
        at = since + ahead + 1
        return (start + (1 - start) * raised_cosine(at / attack)) * (1 - raised_cosine((at - stay) / decay))

    def state(self) -> dict[str, np.ndarray]:
        """See :class:`~plugin_backend.effects.stage.Stage`."""
        own = {"pulse": self._pulse.copy(), "last": np.array(self._last), "struck": np.array(self._struck)}
        return super().state() | own

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """See :class:`~plugin_backend.effects.stage.Stage`."""
        super().restore(state)
        self._pulse, self._last = np.array(state["pulse"]), float(state["last"])
        self._struck = bool(state["struck"])
