"""One piece of a corpus, ready to learn from or to judge with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sound:
    """One piece of a recording, mono ``[samples]`` float32 at the corpus rate.

    ``source`` is what was recorded together (a Debian package, a session, a library); training and
    judging never share one. Above ``edge_hz`` the original holds nothing that a model should learn.
    ``start_samples`` is where the piece begins in its file, at the corpus rate. ``audio`` may be a
    read-only view of a file on disk.
    """

    file: str
    label: str
    source: str
    edge_hz: float
    audio: np.ndarray
    start_samples: int = 0


def sounds_digest(sounds: Iterable[Sound]) -> str:
    """Tells sounds apart by name, label, source and place, without reading them: 40 hexadecimal digits."""
    each = [(one.file, one.label, one.source, one.edge_hz, one.start_samples, one.audio.size) for one in sounds]
    return hashlib.sha1(json.dumps(each).encode(), usedforsecurity=False).hexdigest()
