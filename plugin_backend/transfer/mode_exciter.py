"""The input's hits strike the modes of the targets: what rings goes on ringing while the sound is moved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plugin_backend.dsp.onset_detector import OnsetDetector
from plugin_backend.modes.match_modes import interpolate_modes
from plugin_backend.modes.mode_table import DECAY, LENGTH, LEVEL, ONSET, apply_controls, no_modes
from plugin_backend.modes.parameters import CONTROLS
from plugin_backend.modes.resonator_bank import PAGE_SAMPLES, ResonatorBank
from plugin_backend.transfer.parameters import RING
from plugin_backend.transfer.target import Target

PEAK_S = 0.005
"""How hard a hit is, is its peak within so long."""

SENSITIVITY, MIN_GAP_MS = 2.0, 80.0
MOST_VOICES, SOFTEST = 24, 10 ** (-80 / 20)


class ModeExciter:
    """Hears the input in hops, and rings in the output's time: ``latency_samples`` later, or as soon as it can.

    Args:
        channels: of the input; each rings as loud as its hit was.
        sample_rate: in Hz.
        latency_samples: from input to output.

    Attributes:
        controls: values of :data:`plugin_backend.modes.parameters.CONTROLS`; they act on the strikes to come.
    """

    def __init__(self, channels: int, sample_rate: int, latency_samples: int):
        self._channels, self._rate, self._latency = channels, sample_rate, latency_samples
        self.controls = {name: float(RING[f"ring_{name}"].default) for name in CONTROLS}
        self._detector: OnsetDetector | None = None
        self._began = self._at = self._hits = 0
        self._past, self._pending = np.zeros((channels, 0), np.float32), np.zeros(0, np.int64)
        self._voices: list[tuple[int, np.ndarray, np.ndarray, ResonatorBank]] = []

    def push(
        self, hop: np.ndarray, slots: Sequence[tuple[Target | None, float]], now: dict[str, float]
    ) -> np.ndarray | None:
        """Take ``[channels, hop]`` of the input; return what rings in the output meanwhile, as many; ``None``: nothing.

        Args:
            slots: the pair's targets, then those summed with it, each with its weight.
            now: the node's controls.
        """
        rings = any(target is not None and len(target.modes) for target, _ in slots)
        if rings or self._pending.size:
            self._hear(hop)
        else:
            self._detector = None
        start, self._at = self._at, self._at + hop.shape[1]
        due = self._pending + round(PEAK_S * self._rate) <= self._at
        for onset in self._pending[due].tolist():
            self._strike(onset, start, slots, now)
        self._pending = self._pending[~due]
        if not self._voices:
            return None
        out = np.zeros(hop.shape)
        for first, levels, _, ringing in self._voices:
            out += levels[:, None] * ringing.samples(start - first, hop.shape[1])
        over = self._at - PAGE_SAMPLES
        self._voices = [voice for voice in self._voices if voice[0] + voice[3].end_samples > over]
        return out

    def _hear(self, hop: np.ndarray) -> None:
        if self._detector is None:
            self._detector, self._began = OnsetDetector(self._rate, self._channels, SENSITIVITY, MIN_GAP_MS), self._at
            self._past = np.zeros((self._channels, 0), np.float32)
        keep = 4 * self._detector.lookahead_samples + 2 * round(PEAK_S * self._rate) + hop.shape[1]
        self._past = np.concatenate([self._past, hop], axis=1)[:, -keep:]
        found = [self._began + onset.onset_samples for onset in self._detector.push(hop)]
        self._pending = np.concatenate([self._pending, np.array(found, np.int64)])

    def _strike(self, onset: int, start: int, slots: Sequence[tuple[Target | None, float]], now: dict) -> None:
        begin = self._past.shape[1] - (self._at - onset)
        peaks = np.abs(self._past[:, max(0, begin) : begin + round(PEAK_S * self._rate)]).max(axis=1, initial=0.0)
        loudest = float(peaks.max(initial=0.0))
        number, self._hits = self._hits, self._hits + 1
        rows = apply_controls(self._rows(slots, number, loudest, now), self.controls, number)
        rows[:, LEVEL] *= max(now["strength"], now["blend"])
        rows = rows[np.abs(rows[:, LEVEL]) > SOFTEST]
        if loudest > 0 and len(rows):
            first = max(onset + self._latency, start)
            self._voices.append((first, peaks / loudest, rows, ResonatorBank(rows, self._rate)))
        for place in range(len(self._voices) - MOST_VOICES):
            self._voices[place] = self._choked(self._voices[place], start)

    def _rows(self, slots: Sequence, number: int, peak: float, now: dict[str, float]) -> np.ndarray:
        """The modes of one strike, by morph and weights."""
        tables = [
            no_modes().astype(np.float64) if target is None else target.struck(number, peak, now["follow"])
            for target, _ in slots
        ]
        paired = interpolate_modes(tables[0], tables[1], now["morph"]) if slots[1][0] is not None else tables[0]
        weights = [slots[0][1], *(weight for _, weight in slots[2:])]
        struck = [rows.copy() for rows in (paired, *tables[2:])]
        for rows, weight in zip(struck, weights, strict=True):
            rows[:, LEVEL] *= abs(weight)
        return np.concatenate(struck)

    def _choked(self, voice: tuple, at: int) -> tuple:
        """The voice, of too many the oldest, which ends there within a millisecond."""
        first, levels, rows, _ = voice
        rows = rows[rows[:, DECAY] > 0].copy()
        until = np.maximum(at - first - rows[:, ONSET], 1)
        rows[:, LENGTH] = np.where(rows[:, LENGTH] > 0, np.minimum(rows[:, LENGTH], until), until)
        return first, levels, rows, ResonatorBank(rows, self._rate)

    def state(self) -> dict[str, np.ndarray]:
        """Plain arrays."""
        numbers = np.array([self._began, self._at, self._hits], np.int64)
        own = {"numbers": numbers, "past": self._past, "pending": self._pending}
        own |= {f"control.{name}": np.array(value) for name, value in self.controls.items()}
        if self._detector is not None:
            own |= {f"detector.{name}": value for name, value in self._detector.state().items()}
        for place, (first, levels, rows, _) in enumerate(self._voices):
            own |= {f"voice.{place}.first": np.array(first), f"voice.{place}.levels": levels}
            own |= {f"voice.{place}.rows": rows}
        return own

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Be as it was."""
        self._began, self._at, self._hits = map(int, state["numbers"])
        self._past, self._pending = state["past"], state["pending"]
        self.controls = {name: float(state[f"control.{name}"]) for name in CONTROLS}
        heard = {name.removeprefix("detector."): own for name, own in state.items() if name.startswith("detector.")}
        self._detector = None
        if heard:
            self._detector = OnsetDetector(self._rate, self._channels, SENSITIVITY, MIN_GAP_MS)
            self._detector.restore(heard)
        self._voices = []
        while (voice := f"voice.{len(self._voices)}") + ".first" in state:
            rows = state[f"{voice}.rows"]
            own = int(state[f"{voice}.first"]), state[f"{voice}.levels"], rows, ResonatorBank(rows, self._rate)
            self._voices.append(own)
