"""The order in which rows become cues: each after the rows whose cues it needs."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import cast

from plugin_backend.errors import CueSheetError
from render.cues.cue import Cue
from render.cues.walks.rows import Follow, Walk

FIRST_FOLLOW = 2


def turns_of(rows: Sequence[Cue]) -> tuple[list[tuple[int, Cue]], list[CueSheetError]]:
    """Return each row with its turn, in the order of the turns, and a problem for each row that never has one.

    Walks with a cadence of their own have turn 0, walks that take their times from a stem or a guide track 1. A row
    that follows a stem has a later turn than all rows that follow another and put their cues on this stem.

    Args:
        rows: walks and rows that follow.

    Returns:
        Turns and rows; problems of rows that follow one another in a circle.
    """
    follows = [row for row in rows if isinstance(row.becomes, Follow)]
    problems: list[CueSheetError] = []
    while True:
        try:
            levels = _levels(follows)
            break
        except CycleError as circle:
            stems = circle.args[1]
            inside = [row for row in follows if row.stem in stems and _followed(row) in stems]
            path = ", ".join(f"{stem} follows {after}" for after, stem in zip(stems, stems[1:], strict=False))
            problem = f"{path}: rows cannot follow one another in a circle; let one of them follow another stem"
            problems += [CueSheetError(problem, row=row.row, field="follow") for row in inside]
            left_out = {id(row) for row in inside}
            follows = [row for row in follows if id(row) not in left_out]
    turns = [(int(row.becomes.timed_by is not None), row) for row in rows if isinstance(row.becomes, Walk)]
    turns += [(FIRST_FOLLOW + levels[row.stem], row) for row in follows]
    return sorted(turns, key=lambda turn: turn[0]), problems


def _followed(row: Cue) -> str:
    return cast(Follow, row.becomes).stem


def _levels(follows: Sequence[Cue]) -> dict[str, int]:
    """Return stem → how many stems its rows follow behind one another; raise :class:`CycleError` for a circle."""
    graph: dict[str, set[str]] = {}
    for row in follows:
        graph.setdefault(row.stem, set()).add(_followed(row))
    sorter, level = TopologicalSorter(graph), 0
    levels: dict[str, int] = {}
    sorter.prepare()
    while sorter.is_active():
        ready = sorter.get_ready()
        levels |= dict.fromkeys(ready, level)
        sorter.done(*ready)
        level += 1
    return levels
