"""Give one sound the envelope of another, and limit it to the other's loudest peak."""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np

from plugin_backend.dsp.true_peak import NEAR, TAPS, peaks_between

CELLS = 8
"""A hop is measured in this number of cells; a cell is 1.3 ms for 512 samples at 48 kHz."""

FLOOR = 1e-12
"""Powers below −120 dBFS count as equal."""

MOST_GAIN = 10 ** (24 / 20)

RELEASE_S = 0.05
"""Time constant with which a gain that a peak lowered returns."""


def _interpolate_cells(corners: np.ndarray, size: int) -> np.ndarray:
    """Interpolate from corner to corner ``[channels, cells + 1]``.

    Return ``size`` samples per cell, all cells in a row.
    """
    rise = (corners[:, 1:] - corners[:, :-1])[:, :, None] * (np.arange(1, size + 1) / size)
    return (corners[:, :-1, None] + rise).reshape(len(corners), -1)


@lru_cache(256)
def one_pole_matrix(cell_ms: float, time_ms: float, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a one-pole filter for all cells at once.

    Args:
        cell_ms: length of a cell.
        time_ms: time constant.
        cells: number of cells.

    Returns:
        The weight of every earlier cell in each cell, ``[cells, cells]``, and the weight of the earlier state,
        ``[cells]``.
    """
    keep, steps = np.exp(-cell_ms / time_ms), np.arange(cells)
    weights = np.tril(keep ** np.maximum(steps[:, None] - steps, 0)) * (1 - keep)
    return weights, keep ** (steps + 1)


class EnvelopeFollower:
    """Follows the powers of two aligned sounds, and returns the gain that gives one the level of the other.

    Attributes:
        follow_ms: time constant of the one-pole filters.
    """

    def __init__(self, channels: int, hop_samples: int, sample_rate: int, follow_ms: float):
        self.follow_ms = follow_ms
        self._cells = gcd(hop_samples, CELLS)
        self._size = hop_samples // self._cells
        self._cell_ms = 1000 * self._size / sample_rate
        self._powers, self._ratio = np.zeros((2, channels)), np.ones(channels)

    def gains(self, dry: np.ndarray, wet: np.ndarray, follow: float) -> np.ndarray:
        """Return the gain ``[channels, hop]`` for ``wet``.

        Args:
            dry: the input, ``[channels, hop]``.
            wet: the sound whose level changes, ``[channels, hop]``.
            follow: 0 … 1; at 0 the gain is 1.
        """
        sounds = np.array([dry, wet]).reshape(2, len(dry), self._cells, self._size)
        cell_powers = np.square(sounds, dtype=np.float64).sum(axis=3) / self._size
        weights, state_weights = one_pole_matrix(self._cell_ms, self.follow_ms, self._cells)
        powers = (cell_powers[:, :, None] * weights).sum(axis=3) + state_weights * self._powers[:, :, None]
        dry_power, wet_power = np.maximum(powers, FLOOR)
        corners = np.empty((len(dry), self._cells + 1))
        corners[:, 0], corners[:, 1:] = self._ratio, np.minimum(np.sqrt(dry_power / wet_power), MOST_GAIN)
        self._powers, self._ratio = powers[:, :, -1], corners[:, -1].copy()
        return _interpolate_cells(corners**follow, self._size)

    def state(self) -> dict[str, np.ndarray]:
        """Return the state as plain arrays."""
        return {"powers": self._powers, "ratio": self._ratio, "follow_ms": np.array(self.follow_ms)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore a saved state."""
        self._powers, self._ratio, self.follow_ms = state["powers"], state["ratio"], float(state["follow_ms"])


ROOM = 10 ** (-0.4 / 20)
"""A gliding gain limits peaks this far below the input's peak, because limiting makes peaks between samples.

Less if the gain is within 0.9 dB of 1.
"""


class PeakLimiter:
    """Limits the peaks of one sound to the loudest peak so far of another, aligned one: sample peaks and true peaks.

    True peaks are measured at four times the rate, as in ITU-R BS.1770-4. The gain falls within the cell before the
    peak's cell. The peak of a hop's first cell is not known earlier, and no latency is added to know it. There the gain
    falls within the cell itself, and samples that are still too high are clipped.
    """

    def __init__(self, channels: int, hop_samples: int, sample_rate: int):
        self._cells = gcd(hop_samples, CELLS)
        self._size = hop_samples // self._cells
        self._back = 1 - np.exp(-self._size / (RELEASE_S * sample_rate))
        self._loudest = np.zeros((2, channels))
        self._tails, self._gain = np.zeros((2, channels, TAPS - 1)), np.ones(channels)

    def limit_peaks(self, dry: np.ndarray, wet: np.ndarray, follow: float) -> np.ndarray:
        """Return ``wet`` limited to the loudest peak of ``dry``.

        Args:
            dry: the input, ``[channels, hop]``.
            wet: the sound to limit, ``[channels, hop]``.
            follow: 0 … 1; at 0 ``wet`` does not change.
        """
        self._loudest = np.maximum(self._loudest, self._peaks(0, dry, self._loudest[1]).max(axis=2))
        peaks = self._peaks(1, wet, self._loudest[1])
        allowed = np.minimum(((self._loudest + FLOOR)[:, :, None] / (peaks + FLOOR)).min(axis=0), 1.0)
        if (allowed == 1).all() and (self._gain == 1).all():
            return wet
        corners = np.empty((len(wet), self._cells + 1))
        corners[:, 0] = self._gain
        around = np.minimum(allowed, np.pad(allowed[:, 1:], ((0, 0), (0, 1)), constant_values=1.0))
        for cell in range(self._cells):
            recovered = corners[:, cell] + self._back * (1 - corners[:, cell])
            corners[:, cell + 1] = np.minimum(recovered, around[:, cell])
        self._gain = np.where(corners[:, -1] > 1 - 1e-6, 1.0, corners[:, -1])
        gains = _interpolate_cells(corners**follow, self._size)
        room = 1 - (1 - ROOM) * np.minimum(1, 10 * (1 - gains))
        limited, limit = wet * gains, room * self._loudest[0][:, None]
        return limited + follow * (np.clip(limited, -limit, limit) - limited)

    def _peaks(self, index: int, sound: np.ndarray, level: np.ndarray) -> np.ndarray:
        """Return the sample peak and the true peak of every cell, ``[2, channels, cells]``.

        Peaks below ``level`` are only as exact as needed to know that they are below.
        """
        count, joined = sound.shape[1], np.concatenate([self._tails[index], sound], axis=1)
        self._tails[index] = joined[:, count:]
        samples = np.abs(sound).reshape(len(sound), self._cells, -1).max(axis=2)
        if not (np.abs(joined).max(axis=1) > NEAR * level).any():
            return np.stack([samples, samples])
        between = peaks_between(joined).reshape(samples.shape[0], self._cells, -1).max(axis=2)
        return np.stack([samples, np.maximum(samples, between)])

    def state(self) -> dict[str, np.ndarray]:
        """Return the state as plain arrays."""
        return {"loudest": self._loudest, "tails": self._tails.copy(), "gain": self._gain}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore a saved state."""
        self._loudest, self._tails, self._gain = state["loudest"], state["tails"].copy(), state["gain"]
