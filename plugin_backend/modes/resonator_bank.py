"""Play decaying sinusoids. Each sample depends on its number only, so any blocks return the same bits.

Time is cut into pages of 4096 samples. Within a page a mode is an outer product, ``exp(s (a + b)) = exp(s a) · exp(s
b)`` with *a* the multiples of 64 and *b* from 0 to 63. So a sample costs two multiplications and no exponential. The
window of a grain is a sum of three exponentials, so a grain costs as much as three modes. A page is always computed
whole, so block boundaries change nothing. Measured: 32 modes take 1.5 ms per second on one core.
"""

from __future__ import annotations

import math

import numpy as np

from plugin_backend.modes.mode_table import DECAY, FREQUENCY, HIGHEST_SHARE, LENGTH, LEVEL, ONSET, PHASE

SIDE = 64
PAGE_SAMPLES = SIDE * SIDE
RISE_S = 0.001
"""A struck mode fades in over a millisecond, so that its first sample does not click.

It fades out so when it is struck again.
"""

INAUDIBLE = 10 ** (-120 / 20)
LN_60_DB = math.log(1000)


class ResonatorBank:
    """Modes that sound from sample 0 on.

    Args:
        rows: ``[modes, 6]`` in any order; see :mod:`plugin_backend.modes.mode_table`. Onsets may be negative.
        sample_rate: in Hz.

    Attributes:
        end_samples: from this sample on every mode is below −120 dBFS. From the next page on the output is 0.
    """

    def __init__(self, rows: np.ndarray, sample_rate: int):
        rows = np.asarray(rows, np.float64)
        rows = rows[(rows[:, FREQUENCY] < HIGHEST_SHARE * sample_rate) & (rows[:, LEVEL] > INAUDIBLE)]
        grains = rows[:, DECAY] == 0
        self._rise, self._origin = round(RISE_S * sample_rate), 0
        if grains.any():
            self._origin = int(rows[grains][0, ONSET]) % SIDE
        onsets, lengths = (np.rint(rows[:, column]).astype(np.int64) for column in (ONSET, LENGTH))
        fall = np.where(grains, 0.0, LN_60_DB / (np.where(grains, 1.0, rows[:, DECAY]) * sample_rate))
        rings = np.ceil(np.log(rows[:, LEVEL] / INAUDIBLE) / np.where(grains, 1.0, fall)).astype(np.int64) + 1
        limited_rings = np.where(grains, lengths, np.minimum(rings, lengths + self._rise))
        ends = onsets + np.where(lengths > 0, limited_rings, rings)
        poles = -fall + 2j * np.pi * rows[:, FREQUENCY] / sample_rate
        starts = rows[:, LEVEL] * np.exp(1j * rows[:, PHASE])
        window_pole = 2j * np.pi / np.maximum(lengths[grains], 1)
        poles = np.concatenate([poles, poles[grains] + window_pole, poles[grains] - window_pole])
        starts = np.concatenate(
            [
                np.where(grains, starts / 2, starts),
                *[-starts[grains] * np.exp(s * window_pole / 2) / 4 for s in (1, -1)],
            ]
        )
        row_of_mode = np.concatenate([np.arange(len(rows)), *[np.flatnonzero(grains)] * 2])
        self._poles, self._starts, self._grains = poles, starts, grains[row_of_mode]
        self._onsets, self._lengths, self._ends = onsets[row_of_mode], lengths[row_of_mode], ends[row_of_mode]
        self._within = np.exp(self._poles[:, None] * np.arange(SIDE))
        self._page: int | None = None
        self._held = np.zeros(PAGE_SAMPLES)
        self.end_samples = int(self._ends.max(initial=0))

    def samples(self, start: int, count: int) -> np.ndarray:
        """Return the samples from ``start`` on, ``[count]`` float64. They are 0 before sample 0."""
        out = np.zeros(count)
        begin, end = max(0, start), min(start + count, self.end_samples + PAGE_SAMPLES)
        for page in range((begin - self._origin) // PAGE_SAMPLES, (end - 1 - self._origin) // PAGE_SAMPLES + 1):
            first = self._origin + page * PAGE_SAMPLES
            low, high = max(begin, first), min(end, first + PAGE_SAMPLES)
            if low < high:
                out[low - start : high - start] = self._get_page(first)[low - first : high - first]
        return out

    def _get_page(self, first: int) -> np.ndarray:
        if first != self._page:
            self._page, self._held = first, self._compute_page(first)
        return self._held

    def _compute_page(self, first: int) -> np.ndarray:
        active = np.flatnonzero((self._onsets < first + PAGE_SAMPLES) & (self._ends > first))
        since, lengths, grains = first - self._onsets[active], self._lengths[active], self._grains[active]
        steps = SIDE * np.arange(SIDE) + since[:, None]
        coarse, fine = self._starts[active, None] * np.exp(self._poles[active, None] * steps), self._within[active]
        coarse[grains] *= ((steps >= 0) & (steps < lengths[:, None]))[grains]
        is_full = (since >= self._rise) & ((lengths == 0) | (since + PAGE_SAMPLES <= lengths))
        is_full = np.where(grains, (since % SIDE == 0) & (lengths % SIDE == 0), is_full)
        left = np.concatenate([coarse[is_full].real, -coarse[is_full].imag])
        right = np.concatenate([fine[is_full].real, fine[is_full].imag])
        out = np.einsum("ma,mb->ab", left, right).reshape(-1)  # not BLAS: its sums depend on the load of the machine
        for mode in np.flatnonzero(~is_full):
            out += self._compute_mode_page(
                self._poles[active[mode]], self._starts[active[mode]], since[mode], lengths[mode], grains[mode]
            )
        return out

    def _compute_mode_page(self, pole: complex, start: complex, since: int, length: int, grain: bool) -> np.ndarray:
        """Return a page of a mode that begins or ends in it."""
        at = np.arange(PAGE_SAMPLES) + since
        if grain:
            level = ((at >= 0) & (at < length)).astype(np.float64)
        else:
            level = 0.5 - 0.5 * np.cos(np.pi * np.clip((at + 1) / (self._rise + 1), 0, 1))
            if length:
                level *= 0.5 + 0.5 * np.cos(np.pi * np.clip((at + 1 - length) / (self._rise + 1), 0, 1))
        return level * (start * np.exp(pole * np.maximum(at, 0))).real
