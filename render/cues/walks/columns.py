"""Read and write the columns of rows that become many cues: kind, walk and follow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from plugin_backend.errors import CueSheetError
from plugin_backend.similar_names import did_you_mean
from render.cues.cue import Cue, Range, read_number
from render.cues.walks.gaits import GAITS
from render.cues.walks.rows import Follow, Walk
from render.cues.walks.surfaces import read_surfaces
from render.project.stem_names import is_stem_name
from render.project.timecode import Clock

NUMBERS = {
    "slope": Range(-1, 1),
    "start_steps": Range(0, 50, whole=True),
    "stop_steps": Range(0, 50, whole=True),
    "end_pan": Range(-1, 1),
    "every": Range(1, 1000, whole=True),
}
CADENCE = Range(1, 1200)
"""Steps a minute."""

WALK = ("gait", "cadence", "surface", "slope", "start_steps", "stop_steps", "end_pan")
FOLLOW = ("follow", "every")
COLUMNS = ("kind", *WALK, *FOLLOW)
KINDS = {"": (), "cue": (), "walk": WALK, "follow": FOLLOW}
"""Kind of a row → the columns that only it uses."""

OLD_KINDS = ("clip", "marker", "region")
"""Values of a column ``kind`` that earlier versions wrote beside cues of sessions."""
OLD_KIND_COLUMN = "clip kind"

FROM = "from:"


def old_kind(cells: Mapping[str, str]) -> dict[str, str]:
    """Return the value of a column ``kind`` that an earlier version wrote, as the column that now holds it."""
    kind = cells.get("kind", "")
    return {OLD_KIND_COLUMN: kind} if kind in OLD_KINDS else {}


def read_row(
    cells: Mapping[str, str], start_samples: int, length_samples: int | None, folder: Path, clock: Clock
) -> Walk | Follow | None:
    """Read the columns of a row that becomes many cues.

    Args:
        cells: column → cell; columns may be missing.
        start_samples: the row's start, from the programme's start.
        length_samples: its length, if it states one.
        folder: files are relative to it.
        clock: the programme's time base.

    Returns:
        The walk or the sound that follows; None if the row is an ordinary cue.

    Raises:
        CueSheetError: a value is not allowed, belongs to another kind of row, or is missing; names the column.
    """
    kind = "cue" if old_kind(cells) else cells.get("kind", "").lower()
    if kind not in KINDS:
        raise CueSheetError(f"{cells['kind']!r} is neither cue, walk nor follow", field="kind")
    for owner, columns in (("walk", WALK), ("follow", FOLLOW)):
        for name in columns if owner != kind else ():
            if cells.get(name):
                raise CueSheetError(f"is for rows of the kind {owner}: write {owner} in the column 'kind'", field=name)
    if kind not in ("walk", "follow"):
        return None
    if length_samples is None:
        if cells.get("end") or cells.get("duration"):  # they are refused elsewhere
            return None
        raise CueSheetError(f"a {kind} needs an end or a duration", field="end")
    filled = [name for name in KINDS[kind] if name in NUMBERS and cells.get(name)]
    numbers: dict[str, Any] = {name: read_number(name, cells[name], NUMBERS[name]) for name in filled}
    if kind == "follow":
        return _follow(cells, numbers)
    gait = cells.get("gait", "").lower() or "walk"
    if gait not in GAITS:
        message = f"there is no gait {gait!r}; there are {', '.join(GAITS)}{did_you_mean(gait, GAITS)}"
        raise CueSheetError(message, field="gait")
    if not GAITS[gait].on_feet:
        for name in ("slope", "foot", "part"):
            if cells.get(name):
                raise CueSheetError(f"the gait {gait!r} is of hands, not of feet: leave it empty", field=name)
    cadence, timed_by = _cadence(cells.get("cadence", ""), folder, cells.get("stem", ""))
    surfaces = read_surfaces(cells.get("surface", ""), start_samples, length_samples, folder, clock)
    velocity = float(read_number("velocity", cells["velocity"])) if cells.get("velocity") else None
    return Walk(gait, cadence, timed_by, tuple(surfaces), velocity=velocity, **numbers)


def _follow(cells: Mapping[str, str], numbers: dict[str, Any]) -> Follow:
    stem = cells.get("follow", "")
    if not is_stem_name(stem):
        problem = f"{stem!r} is no stem's name" if stem else "must be filled in: the stem whose steps it follows"
        raise CueSheetError(problem, field="follow")
    if stem == cells.get("stem"):
        raise CueSheetError(f"{stem} cannot follow itself", field="follow")
    return Follow(stem, has_pan=bool(cells.get("pan")), **numbers)


def _cadence(text: str, folder: Path, own_stem: str) -> tuple[Fraction | None, str | Path | None]:
    """Return the steps a minute, and the stem or the audio file that gives the steps; at most one of both."""
    if not text:
        return None, None
    if not text.lower().startswith(FROM):
        read_number("cadence", text, CADENCE)
        return Fraction(text), None
    name = text[len(FROM) :].strip()
    if not name:
        raise CueSheetError(f"{text!r} names neither a stem nor an audio file after {FROM}", field="cadence")
    if not is_stem_name(name):
        return None, Path(os.path.normpath(folder / name))
    if name == own_stem:
        raise CueSheetError(f"the walk is on the stem {name} itself: name another stem", field="cadence")
    return None, name


def written(cue: Cue, folder: Path | None = None) -> dict[str, str]:
    """Return the cells of a row that becomes many cues, by column; empty for an ordinary cue.

    Args:
        cue: the row.
        folder: files in or below it are written relative to it.
    """
    if isinstance(cue.becomes, Walk):
        return _walk_cells(cue.becomes, cue, folder)
    if not isinstance(cue.becomes, Follow):
        return {}
    follow = cue.becomes
    cells = {"kind": "follow", "follow": follow.stem}
    if follow.every != 1:
        cells["every"] = str(follow.every)
    if follow.has_pan and cue.pan == 0:
        cells["pan"] = "0"
    return cells


def _walk_cells(walk: Walk, cue: Cue, folder: Path | None) -> dict[str, str]:
    """Return the cells that :func:`read_row` reads back as the same walk."""
    cells = {"kind": "walk", "gait": walk.gait}
    if walk.cadence_spm is not None:
        cells["cadence"] = _decimal(walk.cadence_spm)
    elif walk.timed_by is not None:
        named = walk.timed_by if isinstance(walk.timed_by, str) else relative_to(folder, walk.timed_by)
        cells["cadence"] = f"{FROM}{named}"
    if walk.surfaces:
        parts = (f"{relative_to(folder, each.preset)}@{each.start_samples}smp" for each in walk.surfaces)
        cells["surface"] = ", ".join(parts)
    for name in ("start_steps", "stop_steps", "end_pan"):
        if (value := getattr(walk, name)) is not None:
            cells[name] = repr(value)
    if walk.slope:
        cells["slope"] = repr(walk.slope)
    if walk.velocity is not None:  # 1 is the default of a cue, and would be left out
        cells["velocity"] = repr(walk.velocity)
    return cells


def _decimal(number: Fraction) -> str:
    """Return a cadence as a decimal number; it was read from one, so it has an end."""
    digits = 0
    while (number * 10**digits).denominator != 1:
        digits += 1
    return f"{Decimal(int(number * 10**digits)).scaleb(-digits):f}"


def relative_to(folder: Path | None, file: str | Path) -> str:
    """Return the path of a file relative to a folder if it is in or below it; else as it is."""
    path = Path(file)
    inside = folder is not None and path.is_relative_to(folder)
    return (path.relative_to(folder) if inside and folder is not None else path).as_posix()
