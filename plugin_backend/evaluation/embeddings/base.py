"""The embeddings, and how a sound is cut into windows for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import soxr

from plugin_backend.evaluation.embeddings.aisfx import Aisfx
from plugin_backend.evaluation.embeddings.yamnet import Yamnet

EMBEDDINGS: dict[str, Callable[[], Embedding]] = {"yamnet": Yamnet, "aisfx": Aisfx}
HOP_SHARE = 0.5
"""Distance between windows, as a share of the window."""


class Embedding(Protocol):
    """A function that turns windows of sound into numbers."""

    name: str
    rate_hz: int
    window_samples: int

    def embed(self, windows: np.ndarray) -> np.ndarray:
        """Return ``[n, dims]`` for ``[n, window_samples]`` at ``rate_hz``."""
        ...


def windows_of(audio: np.ndarray, sample_rate: int, embedding: Embedding, hop_share: float = HOP_SHARE) -> np.ndarray:
    """Cut a sound ``[samples]`` into ``[n, window_samples]``; a shorter sound is padded with silence.

    Args:
        audio: the sound.
        sample_rate: in Hz.
        embedding: whose windows are needed.
        hop_share: distance between windows, as a share of the window.
    """
    if sample_rate != embedding.rate_hz:
        audio = soxr.resample(audio, sample_rate, embedding.rate_hz)
    window = embedding.window_samples
    padded = np.pad(audio, (0, max(0, window - audio.size)))
    return np.lib.stride_tricks.sliding_window_view(padded, window)[:: max(1, round(window * hop_share))]


def embed(
    sounds: list[np.ndarray], sample_rate: int, embedding: Embedding, hop_share: float = HOP_SHARE
) -> list[np.ndarray]:
    """Return the embeddings of each sound's windows, one ``[n, dims]`` per sound.

    Args:
        sounds: ``[samples]`` each.
        sample_rate: in Hz.
        embedding: to use.
        hop_share: distance between windows, as a share of the window.
    """
    return [embedding.embed(windows_of(audio, sample_rate, embedding, hop_share)) for audio in sounds]
