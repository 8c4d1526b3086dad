"""A space of sounds alone, to find what sounds like a given sound: YAMNet's embedding, averaged over the sound."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from plugin_backend.errors import ProjectError
from plugin_backend.evaluation.embeddings.base import windows_of
from plugin_backend.evaluation.embeddings.yamnet import DIMS, RATE_HZ, Yamnet
from plugin_backend.evaluation.joint_spaces.base import unit

ONLY_SOUNDS = "the space 'sounds' compares sounds with sounds only; search words and pictures with --space words"


class SoundSpace:
    """The space; see the module's docstring."""

    space = "sounds-1"
    licence = "Apache-2.0"
    rate_hz = RATE_HZ
    reads_names = False

    def __init__(self, weights: Path | None = None, download: bool = False) -> None:
        """Take nothing: the weights come from an installed package."""
        self._yamnet = Yamnet()

    def embed_audio(self, sounds: Sequence[np.ndarray]) -> np.ndarray:
        """Return ``[n, 1024]`` float32 of length 1 for mono sounds ``[samples]`` at 16 kHz."""
        points = [self._yamnet.embed(windows_of(sound, RATE_HZ, self._yamnet)).mean(axis=0) for sound in sounds]
        return unit(np.array(points).reshape(len(points), DIMS))

    def embed_image(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Raise ProjectError: pictures cannot be compared here."""
        raise ProjectError(ONLY_SOUNDS)

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """Raise ProjectError: texts cannot be compared here."""
        raise ProjectError(ONLY_SOUNDS)
