"""What a performer sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SMOOTHED_BLOCKS = 32


@dataclass(frozen=True)
class LevelMeter:
    """How playing goes.

    Attributes:
        blocks, late_blocks: played so far, and of them those where the dry input was heard for want of an answer.
        restarts: how often the worker was too far behind and left input out.
        input_peak_db, output_peak_db: of each channel, in dBFS, since last asked.
        latency_samples: from input to output.
        worker_share: of a block's time that its answer takes, smoothed.
        shed: held textures that were let go because the machine could not carry them.
        remark: why the worker has no real-time priority, where it was asked for.
        problem: why there are no answers any more, or no recording; "" if all is well.
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
    """The highest magnitude in each channel since last taken."""

    def __init__(self, channels: int):
        self._high, self._now = np.zeros(channels, np.float32), np.zeros(channels, np.float32)

    def add(self, block: np.ndarray) -> None:
        """Hear ``[channels, n]``."""
        for extreme in (np.max, np.min):
            extreme(block, axis=1, out=self._now)
            np.abs(self._now, out=self._now)
            np.maximum(self._high, self._now, out=self._high)

    def take_db(self) -> tuple[float, ...]:
        """In dBFS; −inf of silence."""
        high = self._high.tolist()
        self._high[:] = 0
        return tuple(float(20 * np.log10(value)) if value > 0 else -np.inf for value in high)
