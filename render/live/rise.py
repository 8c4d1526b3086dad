"""How loud a hit is, from what is heard of it so far on."""

from __future__ import annotations

from collections import deque

import numpy as np

from render.plan import velocity_gain

CELL_SAMPLES, CELLS = 64, 12
"""A hit's peak is followed for 12 × 64 samples, 16 ms at 48 kHz, after what the detector heard."""

USUAL_PEAK = 0.1
"""A loud hit's peak, −20 dBFS, until twenty were heard."""

REMEMBERED = 20


class FullLevel:
    """What counts as a loud hit: the loudest of the last twenty."""

    def __init__(self):
        self._peaks = deque([USUAL_PEAK], maxlen=REMEMBERED)

    def settle(self, peak: float) -> None:
        """A hit is over; its peak is known."""
        self._peaks.append(peak)

    def against(self, peak: float) -> float:
        """The level that a hit's peak is measured against."""
        return max(*self._peaks, peak)


class Rise:
    """One hit: its channels' peaks as they grow, and the gain of the take that is played at it.

    The gain is a hit's level relative to loud ones, as :mod:`render.apply.hits` has it: velocity squared. Corners lie
    every 64 samples from the onset on, so where blocks are cut changes nothing.

    Args:
        onset: its first sample.
        ahead: how much later the output is, in samples.
        heard: the input ``[channels, n]`` from sample ``first`` on, at least from the onset to ``decided``.
    """

    def __init__(
        self, onset: int, ahead: int, heard: np.ndarray, first: int, decided: int, full: FullLevel, follow: float
    ):
        self._onset, self._ahead, self._follow = onset, ahead, follow
        self._heard_to, self._corners = decided, []
        self._peaks = np.abs(heard[:, onset - first : decided - first]).max(axis=1, initial=0.0)
        self._full = full.against(float(self._peaks.max()))

    @property
    def whole(self) -> bool:
        """Whether it has been followed to its end."""
        return len(self._corners) == CELLS

    @property
    def peak(self) -> float:
        """Of the loudest channel."""
        return float(self._peaks.max())

    def hear(self, heard: np.ndarray, first: int, end: int) -> None:
        """Follow it through the input before sample ``end``."""
        while not self.whole:
            corner = max(self._heard_to, self._onset + self._ahead + CELL_SAMPLES * len(self._corners))
            if corner > end:
                return
            new = np.abs(heard[:, self._heard_to - first : corner - first]).max(axis=1, initial=0.0)
            self._peaks, self._heard_to = np.maximum(self._peaks, new), corner
            self._corners.append(self._level())

    def _level(self) -> np.ndarray:
        peak = self.peak
        if peak <= 0:
            return np.zeros(len(self._peaks), np.float32)
        velocity = np.sqrt(min(1.0, peak / self._full))
        return (self._peaks / peak * velocity_gain(velocity) ** self._follow).astype(np.float32)

    def levels(self, start: int, count: int) -> np.ndarray:
        """Gains ``[channels, count]`` from the take's sample ``start`` on; each leads on to what was last heard."""
        at = np.arange(start, start + count)
        corners = np.stack(self._corners, axis=1)
        places = CELL_SAMPLES * np.arange(1, corners.shape[1] + 1)
        return np.stack([np.interp(at, places, channel) for channel in corners]).astype(np.float32)
