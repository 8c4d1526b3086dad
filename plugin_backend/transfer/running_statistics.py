"""Mean and deviation of latents, of all there is or of what was lately heard."""

from __future__ import annotations

import numpy as np

GATE = 10 ** (-60 / 20)
"""Frames of less RMS than −60 dBFS are silence: they say nothing of a sound's latents."""

RUNNING_S = 4.0
PRIOR_S = 0.25


class RunningStatistics:
    """Weighted sums over frames.

    Args:
        dims: of a frame.
        decay: what all earlier frames' weight is multiplied by at each new one; 1 forgets nothing.
        prior: how many frames of mean 0 and variance 1, about what codecs are trained to, it has heard before.
    """

    def __init__(self, dims: int, decay: float = 1.0, prior: float = 0.0):
        self._decay = decay
        self.count = float(prior)
        self.total, self.squares = np.zeros(dims), np.full(dims, float(prior))

    @classmethod
    def running(cls, dims: int, frames_per_s: float) -> RunningStatistics:
        """Of the last seconds: earlier frames fade with a time constant of :data:`RUNNING_S`."""
        return cls(dims, float(np.exp(-1 / (RUNNING_S * frames_per_s))), PRIOR_S * frames_per_s)

    def add(self, frames: np.ndarray) -> None:
        """Hear frames ``[n, dims]`` that came at one time."""
        if len(frames):
            frames = frames.astype(np.float64)
            self.count = self._decay * self.count + len(frames)
            self.total = self._decay * self.total + frames.sum(axis=0)
            self.squares = self._decay * self.squares + np.square(frames).sum(axis=0)

    def measured(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation, each ``[dims]``; 0 and 1 of nothing."""
        if self.count <= 0:
            return np.zeros_like(self.total), np.ones_like(self.total)
        mean = self.total / self.count
        return mean, np.sqrt(np.maximum(self.squares / self.count - np.square(mean), 0.0))

    def state(self) -> dict[str, np.ndarray]:
        """Plain arrays."""
        return {"count": np.array(self.count), "total": self.total.copy(), "squares": self.squares.copy()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Be as it was."""
        self.count, self.total, self.squares = float(state["count"]), state["total"].copy(), state["squares"].copy()


def audible_frames(audio: np.ndarray, hop_samples: int) -> np.ndarray:
    """Which frames of ``[..., frames * hop_samples]`` are louder than silence, ``[..., frames]``."""
    frames = audio.reshape(*audio.shape[:-1], -1, hop_samples)
    return np.square(frames, dtype=np.float64).sum(axis=-1) / hop_samples > GATE**2
