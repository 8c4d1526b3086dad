"""Amplitude modulation by a slow wave."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from plugin_backend.dsp.crossfade import FADE_S, Crossfade, SmoothedValue, raised_cosine
from plugin_backend.dsp.oscillator import Oscillator
from plugin_backend.effects.base import DspStage
from plugin_backend.effects.parameters import LFO, TEMPO, TRIGGER
from plugin_backend.effects.triggered import TRIGGERED, Triggered

EDGE_S = 0.005
"""How long the square takes from one level to the other."""

RESTART_S = 0.01
"""How long another shape or a strike's new phase takes to replace what was."""


@lru_cache(4096)
def level(seed: int, cycle: int) -> float:
    """The random level, 0..1, that a cycle begins at."""
    return float(np.random.default_rng((seed, cycle)).random())


def sine(cycles: np.ndarray, edge, seed: int) -> np.ndarray:
    """Half at the cycle's start, then up."""
    return 0.5 + 0.5 * np.sin(2 * np.pi * cycles)


def square(cycles: np.ndarray, edge, seed: int) -> np.ndarray:
    """1 for half a cycle, 0 for the other; edges of so much of a cycle begin at its start and middle."""
    rise = raised_cosine(np.mod(2 * cycles, 1.0) / 2 / edge)
    return np.where(np.mod(cycles, 1.0) < 0.5, rise, 1 - rise)


def random(cycles: np.ndarray, edge, seed: int) -> np.ndarray:
    """From each cycle's level to the next one's, by a raised cosine."""
    whole = np.floor(cycles)
    first = int(whole[0])
    levels = np.array([level(seed, cycle & 0xFFFFFFFF) for cycle in range(first, int(whole[-1]) + 2)])
    index = whole.astype(np.int64) - first
    return levels[index] + raised_cosine(cycles - whole) * (levels[index + 1] - levels[index])


WAVES = (sine, square, random)
"""In the order of the choice ``shape``: the wave, 0..1, at phases in cycles."""


class Lfo(Triggered, DspStage):
    """Level times ``1 − depth · (1 − wave)``, alike in all channels.

    A strike begins a cycle, at ``phase_deg``, where ``sync`` is ``trigger``; elsewhere, and a release, does nothing.
    """

    parameters, gliding = LFO, {"depth": float}

    def __init__(self, sample_rate: int, channels: int, seed: float = 0):
        super().__init__(sample_rate, channels, seed=round(seed))
        self._seed = round(seed)
        self.parts["cycles"] = self._cycles = Oscillator(sample_rate, self.values["rate_hz"])
        self._offset = 0.0
        self.parts["edge"] = self._edge = SmoothedValue(EDGE_S * self.values["rate_hz"], round(FADE_S * sample_rate))
        self.parts["wave"] = self._wave = Crossfade([0.0, 0.0], round(RESTART_S * sample_rate))

    def _changed(self, name: str) -> None:
        begun, values = self.position_samples > 0, self.values
        if name in ("rate_hz", "sync", "bpm", "beats"):
            by_tempo = self.chosen("sync") == TEMPO
            rate_hz = values["bpm"] / 60 / values["beats"] if by_tempo else values["rate_hz"]
            self._cycles.set(rate_hz, at_once=not begun)
            self._edge.select(min(EDGE_S * rate_hz, 0.5), at_once=not begun)
        if name in ("shape", "phase_deg"):
            self._turn(at_once=not begun)

    def _turn(self, at_once: bool = False) -> None:
        self._wave.select([self.values["shape"], self._offset + self.values["phase_deg"] / 360], at_once)

    def _process(self, heard: np.ndarray) -> np.ndarray:
        count = heard.shape[1]
        depth, cycles, edge = self._glide("depth", count), self._cycles.take(count), self._edge.take(count)
        edge, wave, unheard = np.full(count, edge), np.empty(count), not np.any(depth)  # its time goes on
        for here, struck in self._strikes(count):
            if TRIGGERED in struck and self.chosen("sync") == TRIGGER:
                now = cycles[here.start]
                self._offset = float(np.floor(now) + 1 - now)
                self._turn(at_once=self.position_samples + here.start == 0)
            for part, before, now, weight in self._wave.parts(here.stop - here.start):
                if unheard:
                    continue
                at = cycles[here][part], edge[here][part]
                made = self._waved(*at, now)
                if before is not None:
                    gone = self._waved(*at, before)
                    made = gone + weight * (made - gone)
                wave[here][part] = made
        return heard if unheard else heard * (1 - depth * (1 - wave))

    def _waved(self, cycles: np.ndarray, edge: np.ndarray, what: np.ndarray) -> np.ndarray:
        return WAVES[int(what[0])](cycles + what[1], edge, self._seed)

    def state(self) -> dict[str, np.ndarray]:
        """See :class:`~plugin_backend.effects.stage.Stage`."""
        return super().state() | {"offset": np.array(self._offset)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """See :class:`~plugin_backend.effects.stage.Stage`."""
        super().restore(state)
        self._offset = float(state["offset"])
