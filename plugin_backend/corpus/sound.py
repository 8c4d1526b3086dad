"""One piece of a corpus, ready to learn from or to judge with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sound:
    """One recording, mono ``[samples]`` float32 at the corpus rate.

    ``source`` is what was recorded together (a Debian package, a session, a library); training and
    judging never share one. Above ``edge_hz`` the original holds nothing that a model should learn.
    """

    file: str
    label: str
    source: str
    edge_hz: float
    audio: np.ndarray
