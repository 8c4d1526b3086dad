"""Cue sheets as CSV: header required, columns in any order, ``,`` ``;`` or tab between them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from plugin_backend.errors import CueSheetError
from render.cues.cue import RANGES, Cue, CueSheet, check_number, check_seed
from render.timecode import Clock, round_half_up

REQUIRED = ("id", "start", "stem", "preset")
OPTIONAL = ("end", "duration", *RANGES, "source", "seed", "note")
DELIMITERS = ",;\t"
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
SECONDS = re.compile(r"\d{1,9}\.\d{1,12}")
SAMPLES = re.compile(r"(\d{1,15})smp")
TIMECODE_LIKE = re.compile(r"[\d:;.,]*[:;][\d:;.,]*")
WAYS = "a timecode such as 01:00:10:12, seconds with a decimal point such as 12.5, or samples such as 48000smp"


def read_csv(path: Path, clock: Clock) -> CueSheet:
    """Read a sheet.

    Raises:
        CueSheetError: names file, row (the header is row 1) and column; see the README's table.
    """
    try:
        return _parse(path, _text(path), clock)
    except CueSheetError as problem:
        raise problem.at(file=path) from problem.__cause__


def _text(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        row = data[: problem.start].count(b"\n") + 1
        raise CueSheetError(
            f"byte {problem.start} is not UTF-8; save the sheet as UTF-8 (in Excel: 'CSV UTF-8')", row=row
        ) from problem


def _parse(path: Path, text: str, clock: Clock) -> CueSheet:
    rows = _rows(text)
    _, header = next(rows, (1, []))
    columns = [name.strip().lower() for name in header]
    if not any(columns):
        raise CueSheetError(f"the sheet is empty; its first row must name columns, at least {', '.join(REQUIRED)}")
    _check_header(columns)
    cues: list[Cue] = []
    seen: dict[str, int] = {}
    for row, cells in rows:
        try:
            cue = _cue(row, dict(_cells(columns, cells)), path.parent, clock)
        except CueSheetError as problem:
            raise problem.at(row=row) from problem.__cause__
        if cue.id in seen:
            raise CueSheetError(f"'{cue.id}' is also the id of row {seen[cue.id]}", row=row, field="id")
        seen[cue.id] = row
        cues.append(cue)
    if not cues:
        raise CueSheetError("the sheet has a header but no cues")
    cues.sort(key=lambda cue: cue.start_samples)
    unknown = [name for name in columns if name and name not in REQUIRED + OPTIONAL]
    return CueSheet(path, cues, unknown, [])


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, each with the line it begins on."""
    first = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as problem:
        raise CueSheetError(f"not readable as CSV ({problem})", row=line) from problem


def _check_header(columns: list[str]) -> None:
    for name in columns:
        if name and columns.count(name) > 1:
            raise CueSheetError("the column stands there twice", row=1, field=name)
    missing = [name for name in REQUIRED if name not in columns and not (name == "preset" and "source" in columns)]
    if missing:
        found = ", ".join(name for name in columns if name)
        raise CueSheetError(f"no column '{missing[0]}'; the header has {found}", row=1)


def _cells(columns: list[str], cells: list[str]) -> Iterator[tuple[str, str]]:
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        raise CueSheetError(f"{len(cells)} cells, but the header names {len(columns)} columns")
    for name, cell in zip(columns, cells, strict=False):
        if name:
            yield name, cell.strip()


def _cue(row: int, cells: dict[str, str], folder: Path, clock: Clock) -> Cue:
    def cell(name: str) -> str:
        return cells.get(name, "")

    def checked(name: str, check, *args):
        try:
            return check(*args)
        except CueSheetError as problem:
            raise problem.at(field=name) from problem.__cause__

    for name in ("id", "start", "stem"):
        if not cell(name):
            raise CueSheetError("this cell must not be empty", field=name)
    for name in ("id", "stem", "preset", "source"):
        if CONTROL.search(cell(name)):
            raise CueSheetError("control characters are not allowed", field=name)
    if not cell("preset") and not cell("source"):
        raise CueSheetError("a cue needs a preset, or a source file", field="preset")
    start, start_frames = checked("start", _position, cell("start"), clock)
    if start < 0:
        raise CueSheetError(
            f"{cell('start')} is before the programme's start {clock.label_at(0)}; give it with --start-tc",
            field="start",
        )
    numbers = {name: checked(name, check_number, name, cell(name)) for name in RANGES if cell(name)}
    return Cue(
        id=cell("id"),
        start_samples=start,
        stem=cell("stem"),
        preset=cell("preset") or None,
        duration_samples=_duration(cells, start, start_frames, clock, checked),
        source=folder / cell("source") if cell("source") else None,
        seed=checked("seed", check_seed, cell("seed")) if cell("seed") else None,
        note=cell("note"),
        row=row,
        extra={name: text for name, text in cells.items() if name not in REQUIRED + OPTIONAL},
        **numbers,
    )


def _position(text: str, clock: Clock) -> tuple[int, int | None]:
    """Samples from the programme's start; and frames from midnight when ``text`` is a timecode."""
    if TIMECODE_LIKE.fullmatch(text):
        frames = clock.frames_of(text)
        return clock.samples_of(frames), frames
    return _plain_samples(text, clock), None


def _plain_samples(text: str, clock: Clock) -> int:
    if found := SAMPLES.fullmatch(text):
        return int(found[1])
    if SECONDS.fullmatch(text):
        return round_half_up(Fraction(Decimal(text)) * clock.sample_rate)
    raise CueSheetError(f"'{text}' is not a time; write {WAYS}")


def _duration(cells: dict[str, str], start: int, start_frames: int | None, clock: Clock, checked) -> int | None:
    end, duration = cells.get("end", ""), cells.get("duration", "")
    if end and duration:
        raise CueSheetError("give 'end' or 'duration', not both", field="end")
    if not end and not duration:
        return None
    name, text = ("end", end) if end else ("duration", duration)
    if end:
        length = checked(name, _position, text, clock)[0] - start
    elif TIMECODE_LIKE.fullmatch(text):
        frames = checked(name, clock.frames_of, text)
        first = clock.start_frames if start_frames is None else start_frames
        length = clock.samples_of(first + frames) - clock.samples_of(first)
    else:
        length = checked(name, _plain_samples, text, clock)
    if length <= 0:
        raise CueSheetError(f"'{text}' makes the cue end at or before its start", field=name)
    return length
