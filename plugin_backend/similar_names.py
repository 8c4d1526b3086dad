"""Suggest known names for a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MAX_SUGGESTIONS = 3


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return the end of a message: ``; did you mean 'step-gravel'?``, or an empty string if no name is similar.

    Capitals, spaces and underscores are ignored. If a name differs in nothing else, it is the only suggestion.

    Args:
        name: the unknown name.
        names: the known names.

    Examples:
        >>> did_you_mean("step gravel", ["step-gravel", "door"])
        "; did you mean 'step-gravel'?"
    """
    known: dict[str, str] = {}
    for each in names:
        known.setdefault(_key(each), each)
    key = _key(name)
    close = [key] if key in known else difflib.get_close_matches(key, known, n=MAX_SUGGESTIONS)
    suggestions = [known[each] for each in close]
    return f"; did you mean {' or '.join(map(repr, suggestions))}?" if suggestions else ""


def _key(name: str) -> str:
    return name.strip().casefold().replace(" ", "-").replace("_", "-")
