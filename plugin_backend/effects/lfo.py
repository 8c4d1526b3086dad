"""Amplitude modulation by a slow wave (LFO)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from plugin_backend.dsp.crossfade import FADE_S, Crossfade, SmoothedValue, raised_cosine
from plugin_backend.dsp.oscillator import Oscillator
from plugin_backend.effects.base import DspStage
from plugin_backend.effects.parameters import LFO, TEMPO, TRIGGER
from plugin_backend.effects.triggered import TRIGGERED, Triggered

EDGE_S = 0.005
"""Duration of the square wave's change from one level to the other."""

RESTART_S = 0.01
"""Duration of the cross-fade to another shape, or to the phase of a new trigger."""


@lru_cache(4096)
def level(seed: int, cycle: int) -> float:
    """Return the random level, 0 to 1, at which a cycle begins."""
    return float(np.random.default_rng((seed, cycle)).random())


def sine(cycles: np.ndarray, edge: np.ndarray, seed: int) -> np.ndarray:
    """Return a sine wave that begins at half level and rises.

    Args:
        cycles: phases in cycles, ``[n]``.
        edge: not used.
        seed: not used.
    """
    return 0.5 + 0.5 * np.sin(2 * np.pi * cycles)


def square(cycles: np.ndarray, edge: np.ndarray, seed: int) -> np.ndarray:
    """Return a square wave: 1 for half a cycle, 0 for the other half.

    Args:
        cycles: phases in cycles.
        edge: length of an edge as a share of a cycle. Edges begin at the start and the middle of a cycle.
        seed: not used.
    """
    rise = raised_cosine(np.mod(2 * cycles, 1.0) / 2 / edge)
    return np.where(np.mod(cycles, 1.0) < 0.5, rise, 1 - rise)


def random(cycles: np.ndarray, edge: np.ndarray, seed: int) -> np.ndarray:
    """Return a wave from each cycle's random level to the next, along a raised cosine.

    Args:
        cycles: phases in cycles, ``[n]``.
        edge: not used.
        seed: of the random levels.
    """
    whole = np.floor(cycles)
    first = int(whole[0])
    levels = np.array([level(seed, cycle & 0xFFFFFFFF) for cycle in range(first, int(whole[-1]) + 2)])
    index = whole.astype(np.int64) - first
    return levels[index] + raised_cosine(cycles - whole) * (levels[index + 1] - levels[index])


WAVES = (sine, square, random)
"""In the order of the choice ``shape``: the wave, 0 to 1, at phases in cycles."""


class Lfo(Triggered, DspStage):
    """Multiplies all channels by ``1 − depth · (1 − wave)``.

    If ``sync`` is ``trigger``, a trigger begins a cycle at ``phase_deg``. Otherwise a trigger does nothing. A release
    never does anything.
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
        is_running, values = self.position_samples > 0, self.values
        if name in ("rate_hz", "sync", "bpm", "beats"):
            by_tempo = self.choice_name("sync") == TEMPO
            rate_hz = values["bpm"] / 60 / values["beats"] if by_tempo else values["rate_hz"]
            self._cycles.set(rate_hz, at_once=not is_running)
            self._edge.select(min(EDGE_S * rate_hz, 0.5), at_once=not is_running)
        if name in ("shape", "phase_deg"):
            self._select_wave(at_once=not is_running)

    def _select_wave(self, at_once: bool = False) -> None:
        self._wave.select([self.values["shape"], self._offset + self.values["phase_deg"] / 360], at_once)

    def _process(self, block: np.ndarray) -> np.ndarray:
        count = block.shape[1]
        depth, cycles, edge = self._glide("depth", count), self._cycles.advance(count), self._edge.advance(count)
        edge, wave, is_off = np.full(count, edge), np.empty(count), not np.any(depth)  # the phase still advances
        for span, events in self._event_parts(count):
            if TRIGGERED in events and self.choice_name("sync") == TRIGGER:
                now = cycles[span.start]
                self._offset = float(np.floor(now) + 1 - now)
                self._select_wave(at_once=self.position_samples + span.start == 0)
            for part, before, now, weight in self._wave.parts(span.stop - span.start):
                if is_off:
                    continue
                phases = cycles[span][part], edge[span][part]
                output = self._wave_at(*phases, now)
                if before is not None:
                    old = self._wave_at(*phases, before)
                    output = old + weight * (output - old)
                wave[span][part] = output
        return block if is_off else block * (1 - depth * (1 - wave))

    def _wave_at(self, cycles: np.ndarray, edge: np.ndarray, shape_and_offset: np.ndarray) -> np.ndarray:
        return WAVES[int(shape_and_offset[0])](cycles + shape_and_offset[1], edge, self._seed)

    def state(self) -> dict[str, np.ndarray]:
        """Return the state; see :meth:`~plugin_backend.effects.stage.Stage.state`."""
        return super().state() | {"offset": np.array(self._offset)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore a state; see :meth:`~plugin_backend.effects.stage.Stage.restore`."""
        super().restore(state)
        self._offset = float(state["offset"])
