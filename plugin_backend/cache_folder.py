"""Where Pisada keeps what it can compute again."""

from __future__ import annotations

import os
from pathlib import Path

HOME_VARIABLE = "PISADA_CACHE"


def cache_home() -> Path:
    """Return the cache folder: ``$PISADA_CACHE``, or the user's cache folder."""
    from platformdirs import user_cache_path

    folder = os.environ.get(HOME_VARIABLE)
    return Path(folder) if folder else user_cache_path("pisada")
