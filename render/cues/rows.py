"""Rows of a cue sheet, one a cue: the columns and checks that CSV and XLSX share."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from plugin_backend.errors import CueSheetError
from presets.bank import located
from render.cues.cue import NUMBERS, Cue, CueSheet, check_reach, read_number
from render.timecode import Clock, frames_of, round_half_up, samples_at

REQUIRED = ("id", "start", "stem")
TIMES = ("start", "end", "duration")
KNOWN = {*REQUIRED, *NUMBERS, "end", "duration", "preset", "source", "note", "gate"}
NAMES = ("id", "stem", "preset", "source")
MOST_ROWS, MOST_COLUMNS = 100_000, 256
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
YES_OR_NO = {"": False, "no": False, "yes": True}

THREE_WAYS = "a timecode (01:00:10:00), seconds with a decimal point (12.5) or samples (48000smp)"
SECONDS = re.compile(r"-?[0-9]{0,9}\.[0-9]{1,20}")
SAMPLES = re.compile(r"(-?[0-9]{1,15}) ?smp", re.IGNORECASE)
BARE = re.compile(r"[+-]?[0-9]+")


def sheet_of(path: Path, kind: str, records: Iterator[tuple[int, list[str]]], clock: Clock) -> CueSheet:
    """The sheet that rows make.

    Args:
        path: where they come from; sources are taken from its folder.
        kind: its format.
        records: row's number and stripped cells of each row that is not blank, the header first.
        clock: the programme's time base.

    Raises:
        CueSheetError: anything that cannot be used, or over 100,000 rows or 256 columns; with file, row and column
            where they apply.
    """
    row, cues, rows_by_id = None, [], {}
    try:
        row, names = next(records, (None, None))
        if names is None:
            raise CueSheetError("the sheet is empty: it needs a header line and one line a cue")
        columns = columns_of(names)
        folder = path.parent.resolve()
        for row, cells in records:
            cue = _cue(_by_column(columns, cells), row, clock, folder)
            if cue.id in rows_by_id:
                raise CueSheetError(f"{cue.id!r} is already the id of row {rows_by_id[cue.id]}", field="id")
            if len(cues) == MOST_ROWS:
                raise CueSheetError(f"more than {MOST_ROWS} cues: split the sheet")
            rows_by_id[cue.id] = row
            cues.append(cue)
        if not cues:
            raise CueSheetError("the sheet has a header and no cues")
    except CueSheetError as error:
        raise error.at(file=path, row=row) from error
    cues.sort(key=lambda cue: cue.start_samples)
    return CueSheet(path, cues, [name for name in columns if name not in KNOWN], [], kind, clock)


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
            raise CueSheetError(f"there is no column '{name}'; {found}")
    return columns


def _by_column(columns: list[str], cells: list[str]) -> dict[str, str]:
    if any(cells[len(columns) :]):
        raise CueSheetError(
            f"{len(cells)} fields, but the header has {len(columns)}: put quotes around a text with the delimiter in "
            "it, or name every column"
        )
    cells = cells[: len(columns)] + [""] * (len(columns) - len(cells))
    return dict(zip(columns, cells, strict=True))


def _cue(cells: dict[str, str], row: int, clock: Clock, folder: Path) -> Cue:
    if not cells["id"]:
        raise CueSheetError("must be filled in", field="id")
    if not cells["start"]:
        raise CueSheetError("must be filled in", field="start")
    start_frames, start_samples = _start(cells["start"], clock)
    return cue_of(cells, row, start_samples, _duration(cells, start_frames, start_samples, clock), folder)


def cue_of(cells: dict[str, str], row: int, start_samples: int, duration_samples: int | None, folder: Path) -> Cue:
    """The cue of a row whose position and length are settled.

    Args:
        cells: column → cell; columns may be left out.
        folder: what a relative ``source``, or a preset's file, is relative to.

    Raises:
        CueSheetError: a cell that cannot be used; names the column.
    """
    for name in ("id", "stem"):
        if not cells.get(name):
            raise CueSheetError("must be filled in", field=name)
    for name in NAMES:
        if CONTROL.search(cells.get(name, "")):
            raise CueSheetError(f"{cells[name]!r} holds a line break or a control character", field=name)
    if not cells.get("preset") and not cells.get("source"):
        raise CueSheetError("a cue needs a preset or a source", field="preset")
    gate = cells.get("gate", "").lower()
    if gate not in YES_OR_NO:
        raise CueSheetError(f"{gate!r} is neither yes nor no", field="gate")
    return Cue(
        id=cells["id"],
        start_samples=start_samples,
        stem=cells["stem"],
        preset=located(cells["preset"], folder) if cells.get("preset") else None,
        duration_samples=duration_samples,
        source=Path(os.path.normpath(folder / cells["source"])) if cells.get("source") else None,
        note=cells.get("note", ""),
        row=row,
        gate=YES_OR_NO[gate],
        extra={name: cell for name, cell in cells.items() if name not in KNOWN},
        **{name: read_number(name, cells[name]) for name in NUMBERS if cells.get(name)},
    )


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
        samples = _position(end, "end", clock)[1] - start_samples
        if samples <= 0:
            raise CueSheetError(f"the end {end!r} is not after the start {cells['start']!r}", field="end")
        return samples
    if not duration:
        return None
    frames, samples = _time(duration, "duration", clock)
    if frames is not None and start_frames is not None:
        end_samples = samples_at(start_frames + frames, clock.rate, clock.sample_rate) - clock.start_samples
        samples = end_samples - start_samples
    if samples <= 0:
        raise CueSheetError(f"{duration!r} is not longer than nothing", field="duration")
    return samples


def _position(text: str, field: str, clock: Clock) -> tuple[int | None, int]:
    """Frames from 00:00:00:00 if it is a timecode, and samples from the programme's start."""
    frames, samples = _time(text, field, clock)
    return frames, samples if frames is None else samples - clock.start_samples


def _time(text: str, field: str, clock: Clock) -> tuple[int | None, int]:
    """Frames if it is a timecode, and samples, both from zero."""
    try:
        if ":" in text or ";" in text:
            frames = frames_of(text, clock.rate)
            return frames, samples_at(frames, clock.rate, clock.sample_rate)
        if SECONDS.fullmatch(text):
            return None, check_reach(round_half_up(Fraction(text) * clock.sample_rate), clock.sample_rate)
        if match := SAMPLES.fullmatch(text):
            return None, check_reach(int(match[1]), clock.sample_rate)
    except CueSheetError as error:
        raise error.at(field=field) from error
    what = "could be seconds, frames or samples" if BARE.fullmatch(text) else "is not a time"
    raise CueSheetError(f"{text!r} {what}: write {THREE_WAYS}", field=field)
