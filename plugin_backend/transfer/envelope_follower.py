"""One sound takes another's envelope, and stays under its loudest peak."""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np

CELLS = 8
"""A hop is measured in so many parts: 1.3 ms each of 512 samples at 48 kHz."""

FLOOR = 1e-12
"""Powers below −120 dBFS are equal."""

MOST_GAIN = 10 ** (24 / 20)

RELEASE_S = 0.05
"""Time constant with which a gain that a peak lowered comes back."""

PHASES, TAPS = 4, 12
NEAR = 0.5
"""Between samples that stay below half of a level none is taken to exceed it: nothing is interpolated."""


def _interpolation() -> np.ndarray:
    """A windowed sinc for the points between two samples, ``[PHASES - 1, TAPS]``; the two are in its middle."""
    places = np.arange(TAPS) - TAPS / 2 + 1 - np.arange(1, PHASES)[:, None] / PHASES
    rows = np.sinc(places) * np.cos(np.pi * places / (TAPS + 1)) ** 2
    return rows / rows.sum(axis=1, keepdims=True)


BETWEEN = _interpolation()


def _glided(corners: np.ndarray, size: int) -> np.ndarray:
    """Straight from corner to corner ``[channels, cells + 1]``: each cell's ``size`` samples, all of them in a row."""
    rise = (corners[:, 1:] - corners[:, :-1])[:, :, None] * (np.arange(1, size + 1) / size)
    return (corners[:, :-1, None] + rise).reshape(len(corners), -1)


@lru_cache(256)
def one_pole_matrix(cell_ms: float, time_ms: float, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """A one-pole of all cells at once: what each hears of every earlier one ``[cells, cells]``, and of what was before
    them ``[cells]``."""
    keep, steps = np.exp(-cell_ms / time_ms), np.arange(cells)
    fall = np.tril(keep ** np.maximum(steps[:, None] - steps, 0)) * (1 - keep)
    return fall, keep ** (steps + 1)


class EnvelopeFollower:
    """Powers of two aligned sounds, each through a one-pole, and the gain that makes one's the other's.

    Attributes:
        follow_ms: the one-pole's time constant.
    """

    def __init__(self, channels: int, hop_samples: int, sample_rate: int, follow_ms: float):
        self.follow_ms = follow_ms
        self._cells = gcd(hop_samples, CELLS)
        self._size = hop_samples // self._cells
        self._cell_ms = 1000 * self._size / sample_rate
        self._powers, self._ratio = np.zeros((2, channels)), np.ones(channels)

    def gains(self, dry: np.ndarray, wet: np.ndarray, follow: float) -> np.ndarray:
        """The gain ``[channels, hop]`` for ``wet``, both ``[channels, hop]``; ``follow`` 0 makes it 1."""
        both = np.array([dry, wet]).reshape(2, len(dry), self._cells, self._size)
        heard = np.square(both, dtype=np.float64).sum(axis=3) / self._size
        fall, kept = one_pole_matrix(self._cell_ms, self.follow_ms, self._cells)
        powers = (heard[:, :, None] * fall).sum(axis=3) + kept * self._powers[:, :, None]
        wanted, had = np.maximum(powers, FLOOR)
        corners = np.empty((len(dry), self._cells + 1))
        corners[:, 0], corners[:, 1:] = self._ratio, np.minimum(np.sqrt(wanted / had), MOST_GAIN)
        self._powers, self._ratio = powers[:, :, -1], corners[:, -1].copy()
        return _glided(corners**follow, self._size)

    def state(self) -> dict[str, np.ndarray]:
        """Plain arrays."""
        return {"powers": self._powers, "ratio": self._ratio, "follow_ms": np.array(self.follow_ms)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Be as it was."""
        self._powers, self._ratio, self.follow_ms = state["powers"], state["ratio"], float(state["follow_ms"])


ROOM = 10 ** (-0.4 / 20)
"""What a gliding gain leaves over the input's peak is cut this far under it, less where the gain is within 0.9 dB of 1:
a cut makes peaks between samples."""


class PeakLimiter:
    """Peaks of one sound held under the loudest that another, aligned one has had so far: samples' and true peaks.

    True peaks are looked for at four times the rate, as ITU-R BS.1770-4 does. A gain goes down within the cell before
    the peak's. Before a hop's first cell nothing is known, and no latency is added to know it: there the gain goes down
    within the cell itself, and samples that are still too high are clipped.
    """

    def __init__(self, channels: int, hop_samples: int, sample_rate: int):
        self._cells = gcd(hop_samples, CELLS)
        self._size = hop_samples // self._cells
        self._back = 1 - np.exp(-self._size / (RELEASE_S * sample_rate))
        self._loudest = np.zeros((2, channels))
        self._tails, self._gain = np.zeros((2, channels, TAPS - 1)), np.ones(channels)

    def held(self, dry: np.ndarray, wet: np.ndarray, follow: float) -> np.ndarray:
        """``wet`` under the loudest of ``dry``, both ``[channels, hop]``; ``follow`` 0 leaves it as it is."""
        self._loudest = np.maximum(self._loudest, self._peaks(0, dry, self._loudest[1]).max(axis=2))
        peaks = self._peaks(1, wet, self._loudest[1])
        allowed = np.minimum(((self._loudest + FLOOR)[:, :, None] / (peaks + FLOOR)).min(axis=0), 1.0)
        if (allowed == 1).all() and (self._gain == 1).all():
            return wet
        corners = np.empty((len(wet), self._cells + 1))
        corners[:, 0] = self._gain
        around = np.minimum(allowed, np.pad(allowed[:, 1:], ((0, 0), (0, 1)), constant_values=1.0))
        for cell in range(self._cells):
            released = corners[:, cell] + self._back * (1 - corners[:, cell])
            corners[:, cell + 1] = np.minimum(released, around[:, cell])
        self._gain = np.where(corners[:, -1] > 1 - 1e-6, 1.0, corners[:, -1])
        gains = _glided(corners**follow, self._size)
        room = 1 - (1 - ROOM) * np.minimum(1, 10 * (1 - gains))
        made, most = wet * gains, room * self._loudest[0][:, None]
        return made + follow * (np.clip(made, -most, most) - made)

    def _peaks(self, which: int, sound: np.ndarray, level: np.ndarray) -> np.ndarray:
        """The highest sample and the true peak of every cell, ``[2, channels, cells]``; below ``level`` as precisely as
        is needed to see that they are."""
        count, joined = sound.shape[1], np.concatenate([self._tails[which], sound], axis=1)
        self._tails[which] = joined[:, count:]
        samples = np.abs(sound).reshape(len(sound), self._cells, -1).max(axis=2)
        if not (np.abs(joined).max(axis=1) > NEAR * level).any():
            return np.stack([samples, samples])
        between = sum(tap[:, None, None] * joined[:, at : at + count] for at, tap in enumerate(BETWEEN.T))
        between = np.abs(between).max(axis=0).reshape(samples.shape[0], self._cells, -1).max(axis=2)
        return np.stack([samples, np.maximum(samples, between)])

    def state(self) -> dict[str, np.ndarray]:
        """Plain arrays."""
        return {"loudest": self._loudest, "tails": self._tails.copy(), "gain": self._gain}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Be as it was."""
        self._loudest, self._tails, self._gain = state["loudest"], state["tails"].copy(), state["gain"]
