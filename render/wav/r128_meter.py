"""Hear a file as it is written, tenth of a second by tenth: libebur128, at little cost for what is silent or quiet.

ITU-R BS.1770-4 and EBU Tech 3341: K-weighting, momentary and short-term loudness, true peak.
"""

from __future__ import annotations

import math
from array import array

import numpy as np

from render.project.channel_layout import Layout
from render.wav.r128_gating import STEPS_PER_SECOND, Loudness, LoudnessSteps

PIECES = 10
"""Momentary loudness is read ten times a step: every 10 ms."""

RING_PIECES = 10
"""Once the meter's filters have rung for 100 ms of digital silence, neither loudness can rise any more."""

SETTLE_S, WINDOW_S = 6, 3
"""Silence is heard out for 6 s: 3 s until the meter's filters hold exactly zero, 3 s for its longest window.
After that it is left out by whole windows of 3 s (the length of the meter's ring), which changes no bit."""

OVERSHOOT = 2.0
"""More than the interpolator can raise a sample peak by: the magnitudes of its taps sum to 1.87 at most."""


def _speaker_types() -> dict[str, int]:
    from pyebur128 import ChannelType as C

    return {
        "L": C.LEFT,
        "R": C.RIGHT,
        "C": C.CENTER,
        "LFE": C.UNUSED,
        "Ls": C.LEFT_SURROUND,
        "Rs": C.RIGHT_SURROUND,
    }


class TruePeakMeter:
    """The true peak alone; most of the interpolator's work is left out and the highest is the same.

    A piece so quiet that it cannot exceed the peak so far is not interpolated, unless it is the
    neighbour of one that might.

    Attributes:
        found: of each step, the true peak of what was interpolated.
        bound: of each step, what the true peak of the rest cannot exceed.
    """

    def __init__(self, channels: int, sample_rate: int):
        import pyebur128

        self._read, self._channels = pyebur128.get_previous_true_peak, channels
        self._state = pyebur128.R128State(channels, sample_rate, pyebur128.MeasurementMode.MODE_TRUE_PEAK)
        self._last: np.ndarray | None = None
        self._last_loud = False
        self._last_found = self._last_bound = 0.0
        self._highest, self._pieces = 0.0, 0
        self.found, self.bound = array("d"), array("d")

    def add(self, piece: np.ndarray, peak: float) -> None:
        """Take interleaved samples, and the highest of them (full scale is 1)."""
        loud = peak * OVERSHOOT > self._highest
        if loud and self._last_bound:
            self._last_found, self._last_bound = self._hear(self._last), 0.0
        self.end_piece()
        heard = loud or self._last_loud
        self._last_found, self._last_bound = (self._hear(piece), 0.0) if heard else (0.0, peak * OVERSHOOT)
        self._last, self._last_loud = piece, loud

    def end_piece(self) -> None:
        """Note the last piece, which no later one can ask to hear any more."""
        if self._last is None:
            return
        step = self._pieces // PIECES
        if step == len(self.found):
            self.found.append(0.0)
            self.bound.append(0.0)
        self.found[step] = max(self.found[step], self._last_found)
        self.bound[step] = max(self.bound[step], self._last_bound)
        self._pieces += 1
        self._last = None

    def leave_out(self, steps: int) -> None:
        """Note steps of silence amid long silence."""
        self.end_piece()
        self.found.extend([0.0] * steps)
        self.bound.extend([0.0] * steps)
        self._pieces += steps * PIECES

    def _hear(self, piece: np.ndarray) -> float:
        self._state.add_frames(piece, piece.size // self._channels)
        peak = max(self._read(self._state, channel) for channel in range(self._channels))
        self._highest = max(self._highest, peak)
        return peak


class R128Meter:
    """Measures one file's samples as they come.

    Args:
        layout: its channels; LFE does not count (BS.1770).
        sample_rate: in Hz.
    """

    def __init__(self, layout: Layout, sample_rate: int):
        import pyebur128

        self._library, mode = pyebur128, pyebur128.MeasurementMode
        self._state = pyebur128.R128State(layout.channels, sample_rate, mode.MODE_M | mode.MODE_S)
        types = _speaker_types()
        for index, speaker in enumerate(layout.speakers):
            self._state.set_channel(index, types[speaker])
        self._true_peak = TruePeakMeter(layout.channels, sample_rate)
        self._channels, self._piece = layout.channels, sample_rate // (STEPS_PER_SECOND * PIECES)
        self._settle, self._window = SETTLE_S * sample_rate, WINDOW_S * sample_rate
        self._quiet = self._held = self._pieces = self._quiet_pieces = 0
        self._waiting: np.ndarray | None = None
        self._top = -math.inf
        self._momentary, self._short_term, self._loudest = array("d"), array("d"), array("d")

    def add(self, frames: np.ndarray) -> None:
        """Take ``[n, channels]`` samples: int16 or int32 of full scale, or float of ±1; always the same type."""
        silent = not frames.any()
        if silent and self._quiet >= self._settle:
            self._held += len(frames)
            return
        self._resume(frames.dtype)
        self._quiet = self._quiet + len(frames) if silent else 0
        self._hear(frames)

    def _resume(self, dtype: np.dtype) -> None:
        if self._held:
            windows, rest = divmod(self._held, self._window)
            self._held = 0
            steps = windows * WINDOW_S * STEPS_PER_SECOND
            for series in (self._momentary, self._short_term, self._loudest):
                series.extend([-math.inf] * steps)
            self._true_peak.leave_out(steps)
            self._hear(np.zeros((rest, self._channels), dtype))

    def _hear(self, frames: np.ndarray) -> None:
        flat = np.ascontiguousarray(frames).reshape(-1)
        if self._waiting is not None and self._waiting.size:
            flat = np.concatenate([self._waiting, flat])
        size = self._piece * self._channels
        pieces = flat[: flat.size // size * size].reshape(-1, size)
        self._waiting = flat[pieces.size :].copy()
        for piece, peak in zip(pieces, _peaks(pieces), strict=True):
            self._state.add_frames(piece, self._piece)
            self._true_peak.add(piece, peak)
            self._pieces += 1
            self._quiet_pieces = 0 if peak else self._quiet_pieces + 1
            if self._quiet_pieces <= RING_PIECES:
                self._top = max(self._top, self._library.get_loudness_momentary(self._state))
            if self._pieces % PIECES == 0:
                self._end_step()

    def _end_step(self) -> None:
        self._momentary.append(self._library.get_loudness_momentary(self._state))
        self._short_term.append(self._library.get_loudness_shortterm(self._state))
        self._loudest.append(self._top)
        self._top = -math.inf

    def steps(self) -> LoudnessSteps:
        """What was heard of each tenth of a second; call once, at the end."""
        whole = 0
        if self._waiting is not None:
            self._resume(self._waiting.dtype)
            whole = len(self._momentary)
            if self._waiting.size:
                self._true_peak.add(self._waiting, _peaks(self._waiting[None])[0])
            self._true_peak.end_piece()
            if len(self._true_peak.found) > whole:
                self._momentary.append(-math.inf)
                self._short_term.append(-math.inf)
                self._loudest.append(self._top)
        series = (self._momentary, self._short_term, self._loudest, self._true_peak.found, self._true_peak.bound)
        return LoudnessSteps(*map(np.array, series), whole)

    def result(self) -> Loudness:
        """All that was measured; call once, at the end."""
        return self.steps().loudness()


def _peaks(pieces: np.ndarray) -> list[float]:
    """Highest absolute sample of each row, full scale being 1."""
    full = 1.0 if pieces.dtype.kind == "f" else -float(np.iinfo(pieces.dtype).min)
    return (np.maximum(pieces.max(axis=1), -pieces.min(axis=1).astype(np.float64)) / full).tolist()
