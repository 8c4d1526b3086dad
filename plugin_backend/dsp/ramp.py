"""The way from 0 to 1 that all envelopes take."""

from __future__ import annotations

import numpy as np


def ramp(share: np.ndarray) -> np.ndarray:
    """A raised cosine from 0 at 0 to 1 at 1, and so on either side: it has no edges."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(share, 0.0, 1.0))
