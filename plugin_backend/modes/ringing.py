"""A bank of decaying sinusoids, reckoned from the sample number alone: the same bits in any blocks.

Time is cut into pages of 4096 samples counted from the bank's start. Within a page a mode is an outer product,
``exp(s (a + b)) = exp(s a) · exp(s b)`` with *a* the multiples of 64 and *b* from 0 to 63, so a sample costs two
multiplications and no exponential. A page is always reckoned whole, so what is asked for in which pieces changes
nothing. Measured: 32 modes take 1.5 ms a second on one core.
"""

from __future__ import annotations

import math

import numpy as np

from plugin_backend.modes.table import DECAY, FREQUENCY, HIGHEST_SHARE, LENGTH, LEVEL, ONSET, PHASE

SIDE = 64
PAGE_SAMPLES = SIDE * SIDE
RISE_S = 0.001
"""A struck mode comes in over a millisecond, so that its first sample is no click."""

INAUDIBLE = 10 ** (-120 / 20)
LN_60_DB = math.log(1000)


class Ringing:
    """Modes that sound from sample 0 on.

    Args:
        rows: see :mod:`plugin_backend.modes.table`, ``[modes, 6]``, any order; onsets may be negative.
        sample_rate: in Hz.
        shift_samples: is added to every onset.

    Attributes:
        end_samples: from here on every mode is below −120 dBFS; from the next page on there is nothing.
    """

    def __init__(self, rows: np.ndarray, sample_rate: int, shift_samples: int = 0):
        rows = np.asarray(rows, np.float64)
        rows = rows[(rows[:, FREQUENCY] < HIGHEST_SHARE * sample_rate) & (rows[:, LEVEL] > INAUDIBLE)]
        fall = np.where(rows[:, LENGTH] > 0, 0.0, LN_60_DB / (rows[:, DECAY] * sample_rate))
        self._onsets = np.rint(rows[:, ONSET]).astype(np.int64) + shift_samples
        self._lengths = np.rint(rows[:, LENGTH]).astype(np.int64)
        rings = np.log(rows[:, LEVEL] / INAUDIBLE) / np.where(fall > 0, fall, 1.0)
        self._ends = self._onsets + np.where(fall > 0, np.ceil(rings).astype(np.int64) + 1, self._lengths)
        self._poles = -fall + 2j * np.pi * rows[:, FREQUENCY] / sample_rate
        self._starts = rows[:, LEVEL] * np.exp(1j * rows[:, PHASE])
        self._within = np.exp(self._poles[:, None] * np.arange(SIDE))
        self._rise = round(RISE_S * sample_rate)
        self._page, self._held = -1, np.zeros(PAGE_SAMPLES)
        self.end_samples = int(self._ends.max(initial=0))

    def samples(self, start: int, count: int) -> np.ndarray:
        """Its samples from ``start`` on, ``[count]`` float64; 0 before sample 0."""
        out = np.zeros(count)
        for page in range(max(0, start) // PAGE_SAMPLES, -(-min(start + count, self.end_samples) // PAGE_SAMPLES)):
            first = page * PAGE_SAMPLES
            low, high = max(start, first), min(start + count, first + PAGE_SAMPLES)
            out[low - start : high - start] = self._paged(page)[low - first : high - first]
        return out

    def _paged(self, page: int) -> np.ndarray:
        if page != self._page:
            self._page, self._held = page, self._reckoned(page * PAGE_SAMPLES)
        return self._held

    def _reckoned(self, first: int) -> np.ndarray:
        here = np.flatnonzero((self._onsets < first + PAGE_SAMPLES) & (self._ends > first))
        steps = first + SIDE * np.arange(SIDE) - self._onsets[here, None]
        across, within = self._starts[here, None] * np.exp(self._poles[here, None] * steps), self._within[here]
        plain = (self._lengths[here] == 0) & (first - self._onsets[here] >= self._rise)
        left = np.concatenate([across[plain].real, -across[plain].imag])
        right = np.concatenate([within[plain].real, within[plain].imag])
        out = np.einsum("ma,mb->ab", left, right).reshape(-1)  # no BLAS: its sums depend on the machine's load
        for mode in np.flatnonzero(~plain):
            wave = across[mode].real[:, None] * within[mode].real - across[mode].imag[:, None] * within[mode].imag
            out += wave.reshape(-1) * self._level(here[mode], first)
        return out

    def _level(self, mode: int, first: int) -> np.ndarray:
        """What a page of a mode is multiplied with besides its decay: its rise, or a grain's window."""
        at, length = np.arange(PAGE_SAMPLES) + (first - self._onsets[mode]), self._lengths[mode]
        if length:
            return np.sin(np.pi * np.clip((at + 0.5) / length, 0, 1)) ** 2
        return 0.5 - 0.5 * np.cos(np.pi * np.clip((at + 1) / (self._rise + 1), 0, 1))
