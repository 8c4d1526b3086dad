"""Delay a stream by a fixed number of samples."""

from __future__ import annotations

import numpy as np


class Delay:
    """A fixed delay line.

    Args:
        channels: of every block.
        samples: length of the delay.

    Attributes:
        held: the samples in the delay line, ``[channels, samples]``. This is the whole state.

    Examples:
        >>> Delay(channels=1, samples=2).push(np.array([[1, 2, 3]], np.float32)).tolist()
        [[0.0, 0.0, 1.0]]
    """

    def __init__(self, channels: int, samples: int):
        self.held = np.zeros((channels, samples), np.float32)

    def push(self, block: np.ndarray) -> np.ndarray:
        """Delay ``[channels, n]``. Return the same shape."""
        joined = np.concatenate([self.held, block], axis=1)
        self.held = joined[:, block.shape[1] :].copy()
        return joined[:, : block.shape[1]]
