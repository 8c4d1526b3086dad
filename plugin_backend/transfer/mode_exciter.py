"""Let the hits of the input strike the modes of the targets, so that ringing continues while the sound is moved."""

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
"""The strength of a hit is its peak within this time."""

SENSITIVITY, MIN_GAP_MS = 2.0, 80.0
MOST_VOICES, SOFTEST = 24, 10 ** (-80 / 20)


class ModeExciter:
    """Analyses the input in hops, and rings ``latency_samples`` later, or as soon as possible.

    Args:
        channels: of the input. Each rings as loud as its hit.
        sample_rate: in Hz.
        latency_samples: from input to output.

    Attributes:
        controls: values of :data:`plugin_backend.modes.parameters.CONTROLS`. They act on the next strikes.
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
        """Analyse a hop of the input, and return the modes that ring in the output at the same time.

        Args:
            hop: ``[channels, hop]``.
            slots: the pair's targets, then the summed targets, each with its weight.
            now: the node's controls.

        Returns:
            ``[channels, hop]``; ``None`` if nothing rings.
        """
        rings = any(target is not None and len(target.modes) for target, _ in slots)
        if rings or self._pending.size:
            self._detect_hits(hop)
        else:
            self._detector = None
        start, self._at = self._at, self._at + hop.shape[1]
        is_due = self._pending + round(PEAK_S * self._rate) <= self._at
        for onset in self._pending[is_due].tolist():
            self._strike(onset, start, slots, now)
        self._pending = self._pending[~is_due]
        if not self._voices:
            return None
        out = np.zeros(hop.shape)
        for first, levels, _, ringing in self._voices:
            out += levels[:, None] * ringing.samples(start - first, hop.shape[1])
        page_start = self._at - PAGE_SAMPLES
        self._voices = [voice for voice in self._voices if voice[0] + voice[3].end_samples > page_start]
        return out

    def _detect_hits(self, hop: np.ndarray) -> None:
        if self._detector is None:
            self._detector, self._began = OnsetDetector(self._rate, self._channels, SENSITIVITY, MIN_GAP_MS), self._at
            self._past = np.zeros((self._channels, 0), np.float32)
        keep = 4 * self._detector.lookahead_samples + 2 * round(PEAK_S * self._rate) + hop.shape[1]
        self._past = np.concatenate([self._past, hop], axis=1)[:, -keep:]
        onsets = [self._began + onset.onset_samples for onset in self._detector.push(hop)]
        self._pending = np.concatenate([self._pending, np.array(onsets, np.int64)])

    def _strike(self, onset: int, start: int, slots: Sequence[tuple[Target | None, float]], now: dict) -> None:
        begin = self._past.shape[1] - (self._at - onset)
        peaks = np.abs(self._past[:, max(0, begin) : begin + round(PEAK_S * self._rate)]).max(axis=1, initial=0.0)
        loudest = float(peaks.max(initial=0.0))
        number, self._hits = self._hits, self._hits + 1
        rows = apply_controls(self._modes_of_strike(slots, number, loudest, now), self.controls, number)
        rows[:, LEVEL] *= max(now["strength"], now["blend"])
        rows = rows[np.abs(rows[:, LEVEL]) > SOFTEST]
        if loudest > 0 and len(rows):
            first = max(onset + self._latency, start)
            self._voices.append((first, peaks / loudest, rows, ResonatorBank(rows, self._rate)))
        for index in range(len(self._voices) - MOST_VOICES):
            self._voices[index] = self._shorten(self._voices[index], start)

    def _modes_of_strike(self, slots: Sequence, number: int, peak: float, now: dict[str, float]) -> np.ndarray:
        """Return the modes of one strike, by morph and weights."""
        tables = [
            no_modes().astype(np.float64) if target is None else target.modes_for_hit(number, peak, now["follow"])
            for target, _ in slots
        ]
        paired = interpolate_modes(tables[0], tables[1], now["morph"]) if slots[1][0] is not None else tables[0]
        weights = [slots[0][1], *(weight for _, weight in slots[2:])]
        summed = [rows.copy() for rows in (paired, *tables[2:])]
        for rows, weight in zip(summed, weights, strict=True):
            rows[:, LEVEL] *= abs(weight)
        return np.concatenate(summed)

    def _shorten(self, voice: tuple, at: int) -> tuple:
        """Return the oldest voice, changed so that it ends within a millisecond."""
        first, levels, rows, _ = voice
        rows = rows[rows[:, DECAY] > 0].copy()
        until = np.maximum(at - first - rows[:, ONSET], 1)
        rows[:, LENGTH] = np.where(rows[:, LENGTH] > 0, np.minimum(rows[:, LENGTH], until), until)
        return first, levels, rows, ResonatorBank(rows, self._rate)

    def state(self) -> dict[str, np.ndarray]:
        """Return the state as plain arrays."""
        numbers = np.array([self._began, self._at, self._hits], np.int64)
        arrays: dict[str, np.ndarray] = {"numbers": numbers, "past": self._past, "pending": self._pending}
        arrays |= {f"control.{name}": np.array(value) for name, value in self.controls.items()}
        if self._detector is not None:
            arrays |= {f"detector.{name}": value for name, value in self._detector.state().items()}
        for index, (first, levels, rows, _) in enumerate(self._voices):
            arrays |= {f"voice.{index}.first": np.array(first), f"voice.{index}.levels": levels}
            arrays |= {f"voice.{index}.rows": rows}
        return arrays

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore a saved state."""
        self._began, self._at, self._hits = map(int, state["numbers"])
        self._past, self._pending = state["past"], state["pending"]
        self.controls = {name: float(state[f"control.{name}"]) for name in CONTROLS}
        detector_state = {
            name.removeprefix("detector."): arrays for name, arrays in state.items() if name.startswith("detector.")
        }
        self._detector = None
        if detector_state:
            self._detector = OnsetDetector(self._rate, self._channels, SENSITIVITY, MIN_GAP_MS)
            self._detector.restore(detector_state)
        self._voices = []
        while (voice := f"voice.{len(self._voices)}") + ".first" in state:
            rows = state[f"{voice}.rows"]
            first = int(state[f"{voice}.first"])
            self._voices.append((first, state[f"{voice}.levels"], rows, ResonatorBank(rows, self._rate)))
