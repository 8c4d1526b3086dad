"""Measure the loudness of a file while it is written. libebur128 does it; silent and quiet parts cost little.

ITU-R BS.1770-4 and EBU Tech 3341: K-weighting, momentary and short-term loudness, true peak.
"""

from __future__ import annotations

import math
from array import array

import numpy as np

from render.project.channel_layout import Layout
from render.wav.r128_gating import STEPS_PER_SECOND, Loudness, LoudnessSteps

PIECES = 10
"""Pieces per step. Momentary loudness is read after every piece: every 10 ms."""

RING_PIECES = 10
"""Pieces of digital silence (100 ms) after which neither loudness can rise any more."""

SETTLE_S, WINDOW_S = 6, 3
"""The first 6 s of silence are measured: 3 s until the meter's filters are exactly zero, 3 s for its longest window.
Then whole windows of 3 s (the length of the meter's buffer) are skipped, which changes no bit."""

OVERSHOOT = 2.0
"""Upper bound of true peak over sample peak. The magnitudes of the interpolator's taps sum to at most 1.87."""


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
    """Measures the true peak. Most pieces are not interpolated, and the highest true peak is still exact.

    A piece that is too quiet to exceed the peak so far is not interpolated, unless a piece next to it could.

    Attributes:
        measured: true peak of the interpolated pieces of each step.
        bound: upper bound of the true peak of the other pieces of each step.
    """

    def __init__(self, channels: int, sample_rate: int):
        import pyebur128

        self._read, self._channels = pyebur128.get_previous_true_peak, channels
        self._state = pyebur128.R128State(channels, sample_rate, pyebur128.MeasurementMode.MODE_TRUE_PEAK)
        self._last: np.ndarray | None = None
        self._last_loud = False
        self._last_measured = self._last_bound = 0.0
        self._highest, self._pieces = 0.0, 0
        self.measured, self.bound = array("d"), array("d")

    def add(self, piece: np.ndarray, peak: float) -> None:
        """Add a piece.

        Args:
            piece: interleaved samples.
            peak: its highest absolute sample; full scale is 1.
        """
        loud = peak * OVERSHOOT > self._highest
        if loud and self._last is not None and self._last_bound:
            self._last_measured, self._last_bound = self._measure(self._last), 0.0
        self.end_piece()
        interpolated = loud or self._last_loud
        self._last_measured, self._last_bound = (self._measure(piece), 0.0) if interpolated else (0.0, peak * OVERSHOOT)
        self._last, self._last_loud = piece, loud

    def end_piece(self) -> None:
        """Store the values of the last piece. After this it is not interpolated any more."""
        if self._last is None:
            return
        step = self._pieces // PIECES
        if step == len(self.measured):
            self.measured.append(0.0)
            self.bound.append(0.0)
        self.measured[step] = max(self.measured[step], self._last_measured)
        self.bound[step] = max(self.bound[step], self._last_bound)
        self._pieces += 1
        self._last = None

    def skip_silence(self, steps: int) -> None:
        """Add steps of silence within long silence."""
        self.end_piece()
        self.measured.extend([0.0] * steps)
        self.bound.extend([0.0] * steps)
        self._pieces += steps * PIECES

    def _measure(self, piece: np.ndarray) -> float:
        self._state.add_frames(piece, piece.size // self._channels)
        peak = max(self._read(self._state, channel) for channel in range(self._channels))
        self._highest = max(self._highest, peak)
        return peak


class R128Meter:
    """Measures the samples of one file while they are written.

    Args:
        layout: layout of the file. LFE does not count (BS.1770).
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
        """Add samples.

        Args:
            frames: ``[n, channels]``, always of the same type: full-scale int16 or int32, or float of ±1.
        """
        silent = not frames.any()
        if silent and self._quiet >= self._settle:
            self._held += len(frames)
            return
        self._resume(frames.dtype)
        self._quiet = self._quiet + len(frames) if silent else 0
        self._measure(frames)

    def _resume(self, dtype: np.dtype) -> None:
        if self._held:
            windows, rest = divmod(self._held, self._window)
            self._held = 0
            steps = windows * WINDOW_S * STEPS_PER_SECOND
            for series in (self._momentary, self._short_term, self._loudest):
                series.extend([-math.inf] * steps)
            self._true_peak.skip_silence(steps)
            self._measure(np.zeros((rest, self._channels), dtype))

    def _measure(self, frames: np.ndarray) -> None:
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
        """Return the values of each tenth of a second. Call this once, at the end."""
        whole = 0
        if self._waiting is not None:
            self._resume(self._waiting.dtype)
            whole = len(self._momentary)
            if self._waiting.size:
                self._true_peak.add(self._waiting, _peaks(self._waiting[None])[0])
            self._true_peak.end_piece()
            if len(self._true_peak.measured) > whole:
                self._momentary.append(-math.inf)
                self._short_term.append(-math.inf)
                self._loudest.append(self._top)
        return LoudnessSteps(
            momentary=np.array(self._momentary),
            short_term=np.array(self._short_term),
            loudest=np.array(self._loudest),
            true_peak=np.array(self._true_peak.measured),
            peak_bound=np.array(self._true_peak.bound),
            whole=whole,
        )

    def result(self) -> Loudness:
        """Return the gated loudness. Call this once, at the end."""
        return self.steps().loudness()


def _peaks(pieces: np.ndarray) -> list[float]:
    """Return the highest absolute sample of each row; full scale is 1."""
    full = 1.0 if pieces.dtype.kind == "f" else -float(np.iinfo(pieces.dtype).min)
    return (np.maximum(pieces.max(axis=1), -pieces.min(axis=1).astype(np.float64)) / full).tolist()
