"""The columns and checks of cue sheet rows that CSV and XLSX share. One row is one cue."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from plugin_backend.errors import CueSheetError, combine_errors
from plugin_backend.similar_names import did_you_mean
from plugin_backend.text import NOT_IN_CELL
from presets.bank import absolute_preset_name
from render.cues.cue import (
    DEFAULT_OPTIONS,
    NUMBERS,
    STEP_TEXTS,
    Cue,
    CueSheet,
    ReadOptions,
    after_midnight,
    read_number,
)
from render.cues.readers.spreadsheet_cells import check_no_date, decimal_point
from render.cues.readers.time_cells import TIMES, duration_of, start_of
from render.cues.walks import columns as walk_columns
from render.project.characters import CHARACTER_RULE, is_character_name
from render.project.cue_offset import offset_samples
from render.project.timecode import Clock

REQUIRED = ("id", "start", "stem")
KNOWN = {*REQUIRED, *NUMBERS, "end", "duration", "preset", "source", "note", "gate", "sync", "offset", *STEP_TEXTS}
KNOWN |= {*walk_columns.COLUMNS}
NAMES = ("id", "stem", "preset", "source", "character")
SOUNDS = ("preset", "source", "surface")
MOST_ROWS, MOST_COLUMNS, LISTED = 100_000, 256, 12
YES_OR_NO = {"": False, "no": False, "yes": True}
SYNC = {"": None, "onset": "onset", "peak": "peak"}
FEET = {"": None, "l": "L", "r": "R", "auto": "auto"}
PARTS = {"": None, "heel": "heel", "toe": "toe", "scuff": "scuff", "whole": "whole"}

WITH_POINTS = (*TIMES, *NUMBERS, "offset", "cadence", "slope", "end_pan")

Cells = Sequence[str | CueSheetError]
"""A row's cells; a cell that cannot be read is its error."""


@dataclass
class Problems:
    """Collects the errors of a row, field by field."""

    row: int
    errors: list[CueSheetError] = field(default_factory=list)

    def parsed(self, field: str, parse: Callable, otherwise: Any = None) -> Any:
        """Return the result of ``parse``, or ``otherwise`` if it raises; the error is kept."""
        try:
            return parse()
        except CueSheetError as error:
            self.add(error, field)
            return otherwise

    def add(self, error: CueSheetError, field: str | None = None) -> None:
        """Add an error."""
        self.errors += [each.at(row=self.row, field=field) for each in error.each]

    def check(self) -> None:
        """Raise the collected errors, if any."""
        if self.errors:
            raise combine_errors(self.errors)


@dataclass(frozen=True, slots=True)
class Place:
    """A cue's row, start (samples from the programme's start), length and time base.

    A relative ``source`` is relative to ``folder``.
    """

    row: int
    start_samples: int
    duration_samples: int | None
    folder: Path
    clock: Clock


def rows_to_sheet(
    path: Path,
    kind: str,
    records: Iterator[tuple[int, Cells]] | Iterator[tuple[int, list[str]]],
    clock: Clock,
    options: ReadOptions = DEFAULT_OPTIONS,
    remarks: tuple[str, ...] = (),
) -> CueSheet:
    """Make a cue sheet of rows.

    Args:
        path: the file; sources are relative to its folder.
        kind: its format.
        records: number and stripped cells of each row that is not blank, the header first.
        clock: the programme's time base.
        options: whether rows may lack a preset or be left out.
        remarks: on how the file was read.

    Returns:
        The sheet, its cues by start.

    Raises:
        CueSheetError: everything that cannot be used, with file, row and column where they apply; or over 100,000 rows
            or 256 columns.
    """
    row: int | None = None
    cues: list[Cue] = []
    rows_by_id: dict[str, int] = {}
    problems: list[CueSheetError] = []
    partly_read: list[Cue] = []
    commas: dict[str, list[int]] = {}
    try:
        first = next(records, None)
        if first is None:
            raise CueSheetError("the sheet is empty: it needs a header line and one line a cue")
        row, names = first
        columns = columns_of([str(name) for name in names])
        folder = path.parent.resolve()
        for row, cells in _until_damage(records, problems):
            if len(rows_by_id) == MOST_ROWS:
                raise CueSheetError(f"more than {MOST_ROWS} cues: split the sheet")
            named: dict[str, str | CueSheetError] = {}
            try:
                named = _with_points(_by_column(columns, cells), row, commas)
                cues.append(_cue(named, Place(row, 0, None, folder, clock), rows_by_id, options.blank))
            except CueSheetError as error:
                problems += [each.at(row=row) for each in error.each]
                partly_read += [_partly_read(named, row, folder)] if named else []
        if problems and not options.partial:
            raise combine_errors(problems)
        if not cues and not problems:
            raise CueSheetError("the sheet has a header and no cues")
    except CueSheetError as error:
        raise error.at(file=path, row=row) from error
    cues.sort(key=lambda cue: cue.start_samples)
    notes = [f"decimal commas read as points in column {name!r}: {_row_numbers(rows)}" for name, rows in commas.items()]
    return CueSheet(
        path, cues, [name for name in columns if name not in KNOWN], [*remarks, *notes, *after_midnight(cues, clock)],
        kind, clock, problems=[problem.at(file=path) for problem in problems], partly_read=partly_read,
    )  # fmt: skip


def _until_damage(
    records: Iterator[tuple[int, Cells]] | Iterator[tuple[int, list[str]]], problems: list[CueSheetError]
) -> Iterator[tuple[int, Cells]]:
    """Yield the rows up to the first damage; its error is added to the problems."""
    try:
        yield from records
    except CueSheetError as error:
        problems.append(error)


def _row_numbers(rows: list[int]) -> str:
    more = f" and {len(rows) - LISTED} more" if len(rows) > LISTED else ""
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(map(str, rows[:LISTED]))}{more}"


def _with_points(cells: dict[str, str | CueSheetError], row: int, commas: dict[str, list[int]]) -> dict:
    """Replace decimal commas by points in the columns of times and numbers; ``commas`` notes the rows."""
    for name in WITH_POINTS:
        cell = cells.get(name)
        if isinstance(cell, str) and (pointed := decimal_point(cell)) != cell:
            cells[name] = pointed
            commas.setdefault(name, []).append(row)
    return cells


def columns_of(names: list[str]) -> list[str]:
    """Return the header's names: known ones in lower case, others as written, without unnamed ones at the end.

    Raises:
        CueSheetError: a required column is missing, one has no name or another's, or there are over 256.
    """
    named = max(number for number, name in enumerate(names, 1) if name)
    if named > MOST_COLUMNS:
        raise CueSheetError(f"more than {MOST_COLUMNS} columns")
    names = names[:named]
    columns = [name.lower() if name.lower() in KNOWN else name for name in names]
    errors = f"the columns found are: {', '.join(names)}"
    if "" in columns:
        raise CueSheetError(f"column {columns.index('') + 1} has no name; {errors}")
    for name in columns:
        if NOT_IN_CELL.search(name):
            raise CueSheetError(f"the column {name!r} holds a line break or a control character in its name")
    folded = [name.lower() for name in columns]
    for name in folded:
        if folded.count(name) > 1:
            raise CueSheetError(f"two columns are called '{name}'; {errors}")
    needed = REQUIRED if {"source", "surface"} & {*columns} else (*REQUIRED, "preset")
    for name in needed:
        if name not in columns:
            raise CueSheetError(f"there is no column '{name}'; {errors}{_suggestion(name, columns)}")
    return columns


def _suggestion(name: str, columns: list[str]) -> str:
    return did_you_mean(name, [column for column in columns if column not in KNOWN])


def _by_column(columns: list[str], cells: Cells) -> dict[str, str | CueSheetError]:
    if any(cells[len(columns) :]):
        raise CueSheetError(
            f"{len(cells)} fields, but the header has {len(columns)}: put quotes around a text with the delimiter in "
            "it, or name every column"
        )
    cells = [*cells[: len(columns)], *[""] * (len(columns) - len(cells))]
    return dict(zip(columns, cells, strict=True))


def _cue(row_cells: dict[str, str | CueSheetError], place: Place, rows_by_id: dict[str, int], blank: bool) -> Cue:
    """Return a row's cue; ``place`` holds row, folder and clock only."""
    row, clock = place.row, place.clock
    problems = Problems(row)
    cells: dict[str, str] = {}
    unread: set[str] = set()
    for name, cell in row_cells.items():
        if isinstance(cell, CueSheetError):
            problems.add(cell, name)
            unread.add(name)
        cells[name] = "" if isinstance(cell, CueSheetError) else cell
    start_frames, start_samples, settled = None, 0, None
    if cells["start"]:
        settled = problems.parsed("start", lambda: start_of(cells["start"], clock))
        start_frames, start_samples = settled or (None, 0)
    elif "start" not in unread:
        problems.add(CueSheetError("must be filled in"), "start")
    duration = None
    if settled is not None:  # a length needs a start
        duration = problems.parsed("end", lambda: duration_of(cells, start_frames, start_samples, clock))
    first = rows_by_id.setdefault(cells["id"], row) if cells["id"] else row
    if first != row:
        problems.add(CueSheetError(f"{cells['id']!r} is already the id of row {first}"), "id")
    place = replace(place, start_samples=start_samples, duration_samples=duration)
    cue = problems.parsed("id", lambda: row_to_cue(cells, place, blank, unread))
    problems.check()
    return cue


def _partly_read(row_cells: Mapping[str, str | CueSheetError], row: int, folder: Path) -> Cue:
    """Return a cue with the names of a row that cannot be read; a name that cannot be read is empty."""
    id_, stem, preset = (cell if isinstance(cell := row_cells.get(name), str) else "" for name in NAMES[:3])
    return Cue(id_, 0, stem, preset=absolute_preset_name(preset, folder) if preset else None, row=row)


def row_to_cue(cells: dict[str, str], place: Place, blank: bool = False, unread: Collection[str] = ()) -> Cue:
    """Return the cue of a row whose position and length are known.

    Args:
        cells: column → cell; columns may be missing.
        place: its row, position, length, folder and clock.
        blank: whether it may lack both preset and source.
        unread: columns whose cells could not be read; their errors are reported elsewhere.

    Raises:
        CueSheetError: cells that cannot be used; names the columns.
    """
    problems = Problems(place.row)
    for name in ("id", "stem"):
        if not cells.get(name) and name not in unread:
            problems.add(CueSheetError("must be filled in"), name)
    for name in NAMES:
        if NOT_IN_CELL.search(cells.get(name, "")):
            problems.add(CueSheetError(f"{cells[name]!r} holds a line break or a control character"), name)
    if not (any(map(cells.get, SOUNDS)) or blank or {*SOUNDS} & set(unread)):
        problems.add(CueSheetError("a cue needs a preset or a source"), "preset")
    numbers = {
        name: problems.parsed(name, lambda name=name: read_number(name, check_no_date(cells[name])), 0)
        for name in NUMBERS
        if cells.get(name)
    }
    offset = problems.parsed("offset", lambda: _offset(cells.get("offset", ""), place))
    gate = problems.parsed("gate", lambda: _one_of(cells.get("gate", ""), YES_OR_NO, "yes nor no"), False)
    sync = problems.parsed("sync", lambda: _one_of(cells.get("sync", ""), SYNC, "onset nor peak"))
    foot = problems.parsed("foot", lambda: _one_of(cells.get("foot", ""), FEET, "L, R nor auto"))
    part = problems.parsed("part", lambda: _one_of(cells.get("part", ""), PARTS, "heel, toe, scuff nor whole"))
    if (character := cells.get("character", "")) and not is_character_name(character):
        problems.add(CueSheetError(CHARACTER_RULE), "character")
    becomes = problems.parsed(
        "kind",
        lambda: walk_columns.read_row(cells, place.start_samples, place.duration_samples, place.folder, place.clock),
    )
    problems.check()
    return Cue(
        id=cells["id"],
        start_samples=place.start_samples,
        stem=cells["stem"],
        preset=absolute_preset_name(cells["preset"], place.folder) if cells.get("preset") else None,
        duration_samples=place.duration_samples,
        source=Path(os.path.normpath(place.folder / cells["source"])) if cells.get("source") else None,
        note=cells.get("note", ""),
        row=place.row,
        gate=gate,
        sync=sync,
        offset_samples=offset,
        character=character,
        foot=foot,
        part=part,
        becomes=becomes,
        extra={name: cell for name, cell in cells.items() if name not in KNOWN} | walk_columns.old_kind(cells),
        **numbers,
    )


def _one_of(text: str, words: Mapping[str, object], allowed: str) -> Any:
    if text.lower() not in words:
        raise CueSheetError(f"{text!r} is neither {allowed}")
    return words[text.lower()]


def _offset(text: str, place: Place) -> int | None:
    return offset_samples(check_no_date(text), place.start_samples, place.clock) if text else None
