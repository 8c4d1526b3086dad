"""An envelope: attack, decay, sustain, release."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from plugin_backend.dsp.crossfade import raised_cosine
from plugin_backend.effects.base import DspStage
from plugin_backend.effects.parameters import ADSR, THRESHOLD
from plugin_backend.effects.triggered import TRIGGERED, Triggered

DETECT_S = 0.005
HYSTERESIS_DB = 6.0
OPEN, START, FIRST, SECOND, SINCE = range(5)
"""Indices of the state: whether the gate is open, the start level, two lengths in samples, samples since the gate
changed.
"""


class Adsr(Triggered, DspStage):
    """Multiplies all channels by the envelope. Every rise and fall is a raised cosine.

    The envelope is 1 at the attack's last sample, ``sustain`` at the decay's last, and 0 at the release's last. A
    trigger during the envelope continues from the current level. Lengths are read when the gate changes; ``sustain``
    glides. If ``gate`` is ``threshold``, the mean power of the channels opens the gate, and triggers do nothing.
    """

    parameters, gliding = ADSR, {"sustain": float}

    def __init__(self, sample_rate: int, channels: int):
        from scipy.signal import lfilter

        super().__init__(sample_rate, channels)
        self._lfilter = lfilter  # imported here, not during playback
        self._envelope = np.array([0.0, 0, 1, 1, 1])
        self._power = 0.0

    def _process(self, block: np.ndarray) -> np.ndarray:
        count, start = block.shape[1], 0
        level, sustain = np.empty(count), np.broadcast_to(self._glide("sustain", count), count)
        for position, is_opening in self._gate_changes(block):
            if not (is_opening or self._envelope[OPEN]):  # it is closed already
                continue
            self._fill(level[start:position], sustain[start:position])
            self._change_gate(is_opening, float(sustain[position]))
            start = position
        self._fill(level[start:], sustain[start:])
        return block * level

    def _gate_changes(self, block: np.ndarray) -> Iterator[tuple[int, bool]]:
        """Yield where the gate opens (true) and closes, in order."""
        triggers = [
            (part.start, event == TRIGGERED) for part, events in self._event_parts(block.shape[1]) for event in events
        ]
        power = self._smoothed_power(block)
        if self.choice_name("gate") != THRESHOLD:
            yield from triggers
            return
        opening = 10 ** (self.values["threshold_db"] / 10)
        masks = {False: power > opening, True: power < opening * 10 ** (-HYSTERESIS_DB / 10)}
        start, is_open = 0, bool(self._envelope[OPEN])
        while (turns := masks[is_open][start:]).any():
            start, is_open = start + int(turns.argmax()), not is_open
            yield start, is_open

    def _smoothed_power(self, block: np.ndarray) -> np.ndarray:
        """Return the mean power after a one-pole filter, ``[n]``."""
        keep = np.exp(-1 / (DETECT_S * self.sample_rate))
        power = np.square(block, dtype=np.float64).mean(axis=0)
        followed, memory = self._lfilter([1 - keep], [1, -keep], power, zi=[self._power])
        self._power = float(memory[0]) if memory[0] > np.finfo(np.float32).tiny else 0.0
        return followed

    def _change_gate(self, is_opening: bool, sustain: float) -> None:
        level, values = float(self._level(np.array([-1.0]), sustain)[0]), self.values
        lengths = ("attack_ms", "decay_ms") if is_opening else ("release_ms", "release_ms")
        first, second = (max(1, round(values[name] * self.sample_rate / 1000)) for name in lengths)
        self._envelope = np.array([is_opening, level, first, second, 0])

    def _fill(self, level: np.ndarray, sustain: np.ndarray) -> None:
        level[:] = self._level(np.arange(level.size), sustain)
        self._envelope[SINCE] += level.size

    def _level(self, ahead: np.ndarray, sustain: float | np.ndarray) -> np.ndarray:
        is_open, start, first, second, since = self._envelope
        at = since + ahead + 1
        if not is_open:
            return start * (1 - raised_cosine(at / first))
        return (start + (1 - start) * raised_cosine(at / first)) * (
            1 - (1 - sustain) * raised_cosine((at - first) / second)
        )

    def state(self) -> dict[str, np.ndarray]:
        """Return the state; see :meth:`~plugin_backend.effects.stage.Stage.state`."""
        return super().state() | {"now": self._envelope.copy(), "power": np.array(self._power)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore a state; see :meth:`~plugin_backend.effects.stage.Stage.restore`."""
        super().restore(state)
        self._envelope, self._power = np.array(state["now"]), float(state["power"])
