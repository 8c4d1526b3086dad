"""One piece of a corpus, for training or validation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sound:
    """One piece of a recording, mono ``[samples]`` float32 at the corpus rate.

    Attributes:
        file: its file.
        label: what it is.
        source: what was recorded together (a Debian package, a session, a library). Training and validation never share
            a source.
        edge_hz: band edge. Above it the original holds nothing that a model should learn.
        audio: the samples; it may be a read-only view of a file on disk.
        start_samples: where the piece begins in its file, at the corpus rate.
    """

    file: str
    label: str
    source: str
    edge_hz: float
    audio: np.ndarray
    start_samples: int = 0


def sounds_digest(sounds: Iterable[Sound]) -> str:
    """Return 40 hexadecimal digits of name, label, source and position of sounds, without reading the samples."""
    rows = [
        (sound.file, sound.label, sound.source, sound.edge_hz, sound.start_samples, sound.audio.size)
        for sound in sounds
    ]
    return hashlib.sha1(json.dumps(rows).encode(), usedforsecurity=False).hexdigest()
