"""Levels, lateness and load, as a performer sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SMOOTHED_BLOCKS = 32


@dataclass(frozen=True)
class LevelMeter:
    """A reading of the player's meter.

    Attributes:
        blocks: blocks played so far.
        late_blocks: those of them whose output was late, so that the dry input was played.
        restarts: how often the worker was too far behind and skipped input.
        input_peak_db, output_peak_db: of each channel, in dBFS, since the last reading.
        latency_samples: from input to output.
        worker_share: share of a block's time that processing takes, smoothed.
        problem: why nothing is processed or recorded any more; "" if all is well.
        remark: why the worker has no real-time priority, if it was requested and refused.
        shed: held textures that were ended because the machine is too slow for them.
    """

    blocks: int
    late_blocks: int
    restarts: int
    input_peak_db: tuple[float, ...]
    output_peak_db: tuple[float, ...]
    latency_samples: int
    worker_share: float
    problem: str = ""
    remark: str = ""
    shed: int = 0


class Peaks:
    """The highest magnitude in each channel since the last reading."""

    def __init__(self, channels: int):
        self._high, self._now = np.zeros(channels, np.float32), np.zeros(channels, np.float32)

    def add(self, block: np.ndarray) -> None:
        """Measure a block ``[channels, n]``."""
        for extreme in (np.max, np.min):
            extreme(block, axis=1, out=self._now)
            np.abs(self._now, out=self._now)
            np.maximum(self._high, self._now, out=self._high)

    def take_db(self) -> tuple[float, ...]:
        """Return the peaks in dBFS (−inf for silence), and start over."""
        high = self._high.tolist()
        self._high[:] = 0
        return tuple(float(20 * np.log10(value)) if value > 0 else -np.inf for value in high)
