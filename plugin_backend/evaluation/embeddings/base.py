"""Sounds as points: which embeddings there are, and how a sound is cut into windows for them."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import soxr

from plugin_backend.evaluation.embeddings.aisfx import Aisfx
from plugin_backend.evaluation.embeddings.yamnet import Yamnet

EMBEDDINGS = {"yamnet": Yamnet, "aisfx": Aisfx}
HOP_SHARE = 0.5
"""From one window to the next, as a share of the window."""


class Embedding(Protocol):
    """What a window of sound is turned into numbers by."""

    name: str
    rate_hz: int
    window_samples: int

    def embed(self, windows: np.ndarray) -> np.ndarray:
        """``[n, window_samples]`` at ``rate_hz`` as ``[n, dims]``."""
        ...


def windows_of(audio: np.ndarray, sample_rate: int, embedding: Embedding, hop_share: float = HOP_SHARE) -> np.ndarray:
    """A sound ``[samples]`` as ``[n, window_samples]``; one shorter than a window is followed by silence."""
    if sample_rate != embedding.rate_hz:
        audio = soxr.resample(audio, sample_rate, embedding.rate_hz)
    window = embedding.window_samples
    padded = np.pad(audio, (0, max(0, window - audio.size)))
    return np.lib.stride_tricks.sliding_window_view(padded, window)[:: max(1, round(window * hop_share))]


def embed(
    sounds: list[np.ndarray], sample_rate: int, embedding: Embedding, hop_share: float = HOP_SHARE
) -> list[np.ndarray]:
    """Each sound's windows as points, one ``[n, dims]`` per sound."""
    return [embedding.embed(windows_of(audio, sample_rate, embedding, hop_share)) for audio in sounds]
