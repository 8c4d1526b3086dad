"""Rows of a cue sheet, one a cue: the columns and checks that CSV and XLSX share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from plugin_backend.errors import CueSheetError, combine_errors
from plugin_backend.similar_names import did_you_mean
from presets.bank import absolute_preset_name
from render.cues.cue import (
    DEFAULT_OPTIONS,
    NUMBERS,
    Cue,
    CueSheet,
    ReadOptions,
    after_midnight,
    check_reach,
    read_number,
)
from render.cues.readers.spreadsheet_cells import check_no_date, decimal_point, is_date
from render.project.cue_offset import offset_samples
from render.project.timecode import Clock, frames_of, round_half_up, samples_at

REQUIRED = ("id", "start", "stem")
TIMES = ("start", "end", "duration")
KNOWN = {*REQUIRED, *NUMBERS, "end", "duration", "preset", "source", "note", "gate", "sync", "offset"}
NAMES = ("id", "stem", "preset", "source")
MOST_ROWS, MOST_COLUMNS, LISTED = 100_000, 256, 12
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
YES_OR_NO = {"": False, "no": False, "yes": True}
SYNC = {"": None, "onset": "onset", "peak": "peak"}

TIME_FORMATS = "a timecode (01:00:10:00), seconds with a decimal point (12.5) or samples (48000smp)"
SECONDS = re.compile(r"-?[0-9]{0,9}\.[0-9]{1,20}")
SAMPLES = re.compile(r"(-?[0-9]{1,15}) ?smp", re.IGNORECASE)
BARE = re.compile(r"[+-]?[0-9]+")
WITH_POINTS = (*TIMES, *NUMBERS, "offset")

Cells = list[str | CueSheetError]
"""A row's cells; what cannot be read is the reason."""


@dataclass
class Problems:
    """What is wrong with a row, gathered field by field."""

    row: int
    found: list[CueSheetError] = field(default_factory=list)

    def parsed(self, field: str, parse: Callable, otherwise=None):
        """What ``parse`` returns, or ``otherwise`` where it raises; the reason is kept."""
        try:
            return parse()
        except CueSheetError as error:
            self.add(error, field)
            return otherwise

    def add(self, error: CueSheetError, field: str | None = None) -> None:
        self.found += [each.at(row=self.row, field=field) for each in error.each]

    def check(self) -> None:
        """Raises what was found, if anything."""
        if self.found:
            raise combine_errors(self.found)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row's cue is, settled: its row, samples from the programme's start, length, and time base.

    ``folder`` is what a relative ``source`` is relative to.
    """

    row: int
    start_samples: int
    duration_samples: int | None
    folder: Path
    clock: Clock


def rows_to_sheet(
    path: Path,
    kind: str,
    records: Iterator[tuple[int, Cells]],
    clock: Clock,
    wanted: ReadOptions = DEFAULT_OPTIONS,
    remarks: tuple[str, ...] = (),
) -> CueSheet:
    """The sheet that rows make.

    Args:
        path: where they come from; sources are taken from its folder.
        kind: its format.
        records: row's number and stripped cells of each row that is not blank, the header first.
        clock: the programme's time base.
        wanted: whether rows may be without a preset, and be left out.
        remarks: on how the file was read.

    Raises:
        CueSheetError: all that cannot be used, each with file, row and column where they apply; or over 100,000 rows
            or 256 columns.
    """
    row, cues, rows_by_id, problems, commas = None, [], {}, [], {}
    try:
        row, names = next(records, (None, None))
        if names is None:
            raise CueSheetError("the sheet is empty: it needs a header line and one line a cue")
        columns = columns_of(names)
        folder = path.parent.resolve()
        for row, cells in _until_damage(records, problems):
            if len(rows_by_id) == MOST_ROWS:
                raise CueSheetError(f"more than {MOST_ROWS} cues: split the sheet")
            try:
                named = _with_points(_by_column(columns, cells), row, commas)
                cues.append(_cue(named, Place(row, 0, None, folder, clock), rows_by_id, wanted.blank))
            except CueSheetError as error:
                problems += [each.at(row=row) for each in error.each]
        if problems and not wanted.partial:
            raise combine_errors(problems)
        if not cues and not problems:
            raise CueSheetError("the sheet has a header and no cues")
    except CueSheetError as error:
        raise error.at(file=path, row=row) from error
    cues.sort(key=lambda cue: cue.start_samples)
    told = [f"decimal commas read as points in column {name!r}: {_rows(rows)}" for name, rows in commas.items()]
    return CueSheet(
        path, cues, [name for name in columns if name not in KNOWN], [*remarks, *told, *after_midnight(cues, clock)],
        kind, clock, problems=[problem.at(file=path) for problem in problems],
    )  # fmt: skip


def _until_damage(records: Iterator[tuple[int, Cells]], problems: list[CueSheetError]) -> Iterator[tuple[int, Cells]]:
    """The rows up to where no more can be told apart; why is one of the problems."""
    try:
        yield from records
    except CueSheetError as error:
        problems.append(error)


def _rows(rows: list[int]) -> str:
    more = f" and {len(rows) - LISTED} more" if len(rows) > LISTED else ""
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(map(str, rows[:LISTED]))}{more}"


def _with_points(cells: dict[str, str | CueSheetError], row: int, commas: dict[str, list[int]]) -> dict:
    """Decimal commas as points, in the columns of times and numbers; ``commas`` notes where."""
    for name in WITH_POINTS:
        cell = cells.get(name)
        if isinstance(cell, str) and (pointed := decimal_point(cell)) != cell:
            cells[name] = pointed
            commas.setdefault(name, []).append(row)
    return cells


def columns_of(names: list[str]) -> list[str]:
    """The header's names: known ones in lower case, others as written, nameless ones at the end dropped.

    Raises:
        CueSheetError: a required column is missing, one has no name or another's, or there are over 256.
    """
    named = max(number for number, name in enumerate(names, 1) if name)
    if named > MOST_COLUMNS:
        raise CueSheetError(f"more than {MOST_COLUMNS} columns")
    names = names[:named]
    columns = [name.lower() if name.lower() in KNOWN else name for name in names]
    found = f"the columns found are: {', '.join(names)}"
    if "" in columns:
        raise CueSheetError(f"column {columns.index('') + 1} has no name; {found}")
    for name in columns:
        if CONTROL.search(name):
            raise CueSheetError(f"the column {name!r} holds a line break or a control character in its name")
    folded = [name.lower() for name in columns]
    for name in folded:
        if folded.count(name) > 1:
            raise CueSheetError(f"two columns are called '{name}'; {found}")
    needed = REQUIRED if "source" in columns else (*REQUIRED, "preset")
    for name in needed:
        if name not in columns:
            raise CueSheetError(f"there is no column '{name}'; {found}{_meant(name, columns)}")
    return columns


def _meant(name: str, columns: list[str]) -> str:
    return did_you_mean(name, [column for column in columns if column not in KNOWN])


def _by_column(columns: list[str], cells: Cells) -> dict[str, str | CueSheetError]:
    if any(cells[len(columns) :]):
        raise CueSheetError(
            f"{len(cells)} fields, but the header has {len(columns)}: put quotes around a text with the delimiter in "
            "it, or name every column"
        )
    cells = cells[: len(columns)] + [""] * (len(columns) - len(cells))
    return dict(zip(columns, cells, strict=True))


def _cue(cells: dict[str, str | CueSheetError], place: Place, rows_by_id: dict[str, int], blank: bool) -> Cue:
    """A row's cue; ``place`` is the programme's start yet."""
    row, clock = place.row, place.clock
    problems = Problems(row)
    unread = {name for name, cell in cells.items() if isinstance(cell, CueSheetError)}
    for name in unread:
        problems.add(cells[name], name)
        cells[name] = ""
    start_frames, start_samples, settled = None, 0, None
    if cells["start"]:
        settled = problems.parsed("start", lambda: _start(cells["start"], clock))
        start_frames, start_samples = settled or (None, 0)
    elif "start" not in unread:
        problems.add(CueSheetError("must be filled in"), "start")
    duration = None
    if settled is not None:  # a length is one from somewhere
        duration = problems.parsed("end", lambda: _duration(cells, start_frames, start_samples, clock))
    first = rows_by_id.setdefault(cells["id"], row) if cells["id"] else row
    if first != row:
        problems.add(CueSheetError(f"{cells['id']!r} is already the id of row {first}"), "id")
    place = replace(place, start_samples=start_samples, duration_samples=duration)
    cue = problems.parsed("id", lambda: row_to_cue(cells, place, blank, unread))
    problems.check()
    return cue


def row_to_cue(cells: dict[str, str], place: Place, blank: bool = False, unread: Collection[str] = ()) -> Cue:
    """The cue of a row whose position and length are settled.

    Args:
        cells: column → cell; columns may be left out.
        place: where it is.
        blank: whether it may be without a preset and a source.
        unread: columns whose cells could not be read, which is told already.

    Raises:
        CueSheetError: cells that cannot be used; names the columns.
    """
    problems = Problems(place.row)
    for name in ("id", "stem"):
        if not cells.get(name) and name not in unread:
            problems.add(CueSheetError("must be filled in"), name)
    for name in NAMES:
        if CONTROL.search(cells.get(name, "")):
            problems.add(CueSheetError(f"{cells[name]!r} holds a line break or a control character"), name)
    if not (cells.get("preset") or cells.get("source") or blank or {"preset", "source"} & set(unread)):
        problems.add(CueSheetError("a cue needs a preset or a source"), "preset")
    numbers = {
        name: problems.parsed(name, lambda name=name: read_number(name, check_no_date(cells[name])), 0)
        for name in NUMBERS
        if cells.get(name)
    }
    offset = problems.parsed("offset", lambda: _offset(cells.get("offset", ""), place))
    gate = problems.parsed("gate", lambda: _word(cells.get("gate", ""), YES_OR_NO, "yes nor no"), False)
    sync = problems.parsed("sync", lambda: _word(cells.get("sync", ""), SYNC, "onset nor peak"))
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
        extra={name: cell for name, cell in cells.items() if name not in KNOWN},
        **numbers,
    )


def _word(text: str, words: dict[str, object], allowed: str):
    if text.lower() not in words:
        raise CueSheetError(f"{text.lower()!r} is neither {allowed}")
    return words[text.lower()]


def _offset(text: str, place: Place) -> int | None:
    return offset_samples(check_no_date(text), place.start_samples, place.clock) if text else None


def _start(text: str, clock: Clock) -> tuple[int | None, int]:
    """Frames from 00:00:00:00 if it is a timecode, and samples from the programme's start."""
    frames, samples = _position(text, "start", clock)
    if samples < 0:
        begin = clock.label_at(0)
        problem = f"{text!r} is before the programme's start"
        raise CueSheetError(
            f"{problem}, {begin}: give an earlier --start-tc" if begin else f"{problem}, which is 0.0", field="start"
        )
    return frames, samples


def _duration(cells: dict[str, str], start_frames: int | None, start_samples: int, clock: Clock) -> int | None:
    """Samples from start to end, by whichever of the two columns is filled; None if neither is."""
    end, duration = cells.get("end"), cells.get("duration")
    if end and duration:
        raise CueSheetError("both end and duration are filled in: keep one", field="end")
    if end:
        samples = _position(end, "end", clock, start_samples)[1] - start_samples
        if samples <= 0:
            raise CueSheetError(f"the end {end!r} is not after the start {cells['start']!r}", field="end")
        return samples
    if not duration:
        return None
    frames, samples = _time(duration, "duration", clock)
    if frames is not None and start_frames is not None:
        samples = clock.frame_samples(start_frames + frames) - start_samples
    if samples <= 0:
        raise CueSheetError(f"{duration!r} is not longer than nothing", field="duration")
    return samples


def _position(text: str, field: str, clock: Clock, after_samples: int = 0) -> tuple[int | None, int]:
    """Frames from 00:00:00:00 if it is a timecode, and samples from the programme's start."""
    frames, samples = _time(text, field, clock)
    if frames is None:
        return None, samples
    frames = clock.frames_after(frames, after_samples)
    return frames, clock.frame_samples(frames)


def _time(text: str, field: str, clock: Clock) -> tuple[int | None, int]:
    """Frames if it is a timecode, and samples, both from zero."""
    try:
        if (":" in text or ";" in text) and not is_date(text):
            frames = frames_of(text, clock.rate)
            return frames, samples_at(frames, clock.rate, clock.sample_rate)
        if SECONDS.fullmatch(text):
            return None, check_reach(round_half_up(Fraction(text) * clock.sample_rate), clock.sample_rate)
        if match := SAMPLES.fullmatch(text):
            return None, check_reach(int(match[1]), clock.sample_rate)
        check_no_date(text)
    except CueSheetError as error:
        raise error.at(field=field) from error
    what = "could be seconds, frames or samples" if BARE.fullmatch(text) else "is not a time"
    raise CueSheetError(f"{text!r} {what}: write {TIME_FORMATS}", field=field)
