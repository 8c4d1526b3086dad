"""What a name that is not known may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MAX_SUGGESTIONS = 3


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The end of a message: ``; did you mean 'step-gravel'?``, or nothing if no name is near.

    Capitals do not count, nor do spaces and underscores for hyphens: a name that differs in nothing else is the
    only one told.

    Args:
        name: what is not known.
        names: what is.
    """
    known: dict[str, str] = {}
    for each in names:
        known.setdefault(_folded(each), each)
    folded = _folded(name)
    close = [folded] if folded in known else difflib.get_close_matches(folded, known, n=MAX_SUGGESTIONS)
    near = [known[each] for each in close]
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


def _folded(name: str) -> str:
    return name.strip().casefold().replace(" ", "-").replace("_", "-")
