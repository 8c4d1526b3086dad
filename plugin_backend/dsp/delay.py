"""The same sound, later."""

from __future__ import annotations

import numpy as np


class Delay:
    """Later by a constant.

    Args:
        channels: of every block.
        samples: how much.

    Attributes:
        held: what has come and not gone, ``[channels, samples]``: all there is of its state.
    """

    def __init__(self, channels: int, samples: int):
        self.held = np.zeros((channels, samples), np.float32)

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take ``[channels, n]``; answer as many."""
        joined = np.concatenate([self.held, block], axis=1)
        self.held = joined[:, block.shape[1] :].copy()
        return joined[:, : block.shape[1]]
