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
"""What is in force: whether the gate is open, the level it began at, two lengths in samples, and how long ago."""


class Adsr(Triggered, DspStage):
    """Level times the envelope, alike in all channels; every way is a raised cosine.

    At the attack's last sample it is 1, at the decay's last ``sustain``, at the release's last 0. A strike while it
    sounds goes on from where it is. Lengths are settled as the gate turns; ``sustain`` glides. Where ``gate`` is
    ``threshold`` the channels' mean power opens it, and strikes do nothing.
    """

    parameters, gliding = ADSR, {"sustain": float}

    def __init__(self, sample_rate: int, channels: int):
        from scipy.signal import lfilter

        super().__init__(sample_rate, channels)
        self._lfilter = lfilter  # imported here, and not while it plays
        self._now = np.array([0.0, 0, 1, 1, 1])
        self._power = 0.0

    def _process(self, heard: np.ndarray) -> np.ndarray:
        count, at = heard.shape[1], 0
        level, sustain = np.empty(count), np.broadcast_to(self._glide("sustain", count), count)
        for turn, opens in self._turns(heard):
            if not (opens or self._now[OPEN]):  # there is nothing to let go
                continue
            self._go_on(level[at:turn], sustain[at:turn])
            self._turn(opens, float(sustain[turn]))
            at = turn
        self._go_on(level[at:], sustain[at:])
        return heard * level

    def _turns(self, heard: np.ndarray) -> Iterator[tuple[int, bool]]:
        """Where the gate opens and closes, in order."""
        strikes = [(here.start, what == TRIGGERED) for here, struck in self._strikes(heard.shape[1]) for what in struck]
        power = self._followed(heard)
        if self.chosen("gate") != THRESHOLD:
            yield from strikes
            return
        opening = 10 ** (self.values["threshold_db"] / 10)
        masks = {False: power > opening, True: power < opening * 10 ** (-HYSTERESIS_DB / 10)}
        at, is_open = 0, bool(self._now[OPEN])
        while (turns := masks[is_open][at:]).any():
            at, is_open = at + int(turns.argmax()), not is_open
            yield at, is_open

    def _followed(self, heard: np.ndarray) -> np.ndarray:
        """Mean power through a one-pole, ``[n]``."""
        keep = np.exp(-1 / (DETECT_S * self.sample_rate))
        power = np.square(heard, dtype=np.float64).mean(axis=0)
        followed, memory = self._lfilter([1 - keep], [1, -keep], power, zi=[self._power])
        self._power = float(memory[0]) if memory[0] > np.finfo(np.float32).tiny else 0.0
        return followed

    def _turn(self, opens: bool, sustain: float) -> None:
        level, values = float(self._level(np.array([-1.0]), sustain)[0]), self.values
        lengths = ("attack_ms", "decay_ms") if opens else ("release_ms", "release_ms")
        first, second = (max(1, round(values[name] * self.sample_rate / 1000)) for name in lengths)
        self._now = np.array([opens, level, first, second, 0])

    def _go_on(self, level: np.ndarray, sustain: np.ndarray) -> None:
        level[:] = self._level(np.arange(level.size), sustain)
        self._now[SINCE] += level.size

    def _level(self, ahead: np.ndarray, sustain) -> np.ndarray:
        is_open, start, first, second, since = self._now
        at = since + ahead + 1
        if not is_open:
            return start * (1 - raised_cosine(at / first))
        return (start + (1 - start) * raised_cosine(at / first)) * (
            1 - (1 - sustain) * raised_cosine((at - first) / second)
        )

    def state(self) -> dict[str, np.ndarray]:
        """See :class:`~plugin_backend.effects.stage.Stage`."""
        return super().state() | {"now": self._now.copy(), "power": np.array(self._power)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """See :class:`~plugin_backend.effects.stage.Stage`."""
        super().restore(state)
        self._now, self._power = np.array(state["now"]), float(state["power"])
