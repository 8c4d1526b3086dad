"""CSV cue sheets: comma, semicolon or tab; one header line; one row a cue."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from plugin_backend.errors import CueSheetError
from render.cues.cue import NUMBERS, Cue, CueSheet, check_reach, read_number, sheet_bytes
from render.timecode import Clock, frames_of, round_half_up, samples_at

DELIMITERS = ",;\t"
REQUIRED = ("id", "start", "stem")
KNOWN = {*REQUIRED, *NUMBERS, "end", "duration", "preset", "source", "note"}
NAMES = ("id", "stem", "preset", "source")
CONTROL_BYTE = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
BOM = "\ufeff"

THREE_WAYS = "a timecode (01:00:10:00), seconds with a decimal point (12.5) or samples (48000smp)"
SECONDS = re.compile(r"-?[0-9]{0,9}\.[0-9]{1,20}")
SAMPLES = re.compile(r"(-?[0-9]{1,15}) ?smp", re.IGNORECASE)
BARE = re.compile(r"[+-]?[0-9]+")


def read_csv(path: Path, clock: Clock) -> CueSheet:
    """Reads a CSV cue sheet.

    Args:
        path: UTF-8 text, with or without a byte-order mark.
        clock: the programme's time base.

    Raises:
        CueSheetError: anything that cannot be used, with file, row and column where they apply.
    """
    path, row, cues, rows_by_id = Path(path), None, [], {}
    try:
        records = _records(_text(sheet_bytes(path)))
        row, names = next(records, (None, None))
        if names is None:
            raise CueSheetError("the sheet is empty: it needs a header line and one line a cue")
        columns = _columns(names)
        folder = path.parent.resolve()
        for row, cells in records:
            cue = _cue(_by_column(columns, cells), row, clock, folder)
            if cue.id in rows_by_id:
                raise CueSheetError(f"{cue.id!r} is already the id of row {rows_by_id[cue.id]}", field="id")
            rows_by_id[cue.id] = row
            cues.append(cue)
        if not cues:
            raise CueSheetError("the sheet has a header and no cues")
    except CueSheetError as error:
        raise error.at(file=path, row=row) from error
    cues.sort(key=lambda cue: cue.start_samples)
    return CueSheet(path, cues, [name for name in columns if name not in KNOWN], [])


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8").removeprefix(BOM)
    except UnicodeDecodeError as error:
        raise CueSheetError(
            f"byte {error.start} (0x{data[error.start]:02x}) is not UTF-8: save it as UTF-8",
            row=_line_of(data, error.start),
        ) from error
    if match := CONTROL_BYTE.search(data):
        raise CueSheetError(
            f"byte {match.start()} is a control character (0x{match[0][0]:02x}): is this a text file?",
            row=_line_of(data, match.start()),
        )
    return text


def _line_of(data: bytes, position: int) -> int:
    return data[:position].replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n") + 1


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank: its first line's number, and its stripped cells."""
    header = next((line for line in io.StringIO(text, newline="") if line.strip()), "")
    delimiter = max(DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        row = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise CueSheetError(f"not readable as CSV (check the quotes): {error}", row=row) from error
        if any(cells):
            yield row, cells


def _columns(names: list[str]) -> list[str]:
    """The header's names: known ones in lower case, others as written, nameless ones at the end dropped."""
    while not names[-1]:
        names = names[:-1]
    columns = [name.lower() if name.lower() in KNOWN else name for name in names]
    found = f"the columns found are: {', '.join(names)}"
    if "" in columns:
        raise CueSheetError(f"column {columns.index('') + 1} has no name; {found}")
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
            f"{len(cells)} fields, but the header has {len(columns)}: put quotes around a text with the delimiter in it"
        )
    cells = cells[: len(columns)] + [""] * (len(columns) - len(cells))
    return dict.fromkeys(KNOWN, "") | dict(zip(columns, cells, strict=True))


def _cue(cells: dict[str, str], row: int, clock: Clock, folder: Path) -> Cue:
    for name in REQUIRED:
        if not cells[name]:
            raise CueSheetError("must be filled in", field=name)
    for name in NAMES:
        if CONTROL.search(cells[name]):
            raise CueSheetError(f"{cells[name]!r} holds a line break or a control character", field=name)
    if not cells["preset"] and not cells["source"]:
        raise CueSheetError("a cue needs a preset or a source", field="preset")
    start_frames, start_samples = _start(cells["start"], clock)
    return Cue(
        id=cells["id"],
        start_samples=start_samples,
        stem=cells["stem"],
        preset=cells["preset"] or None,
        duration_samples=_duration(cells, start_frames, start_samples, clock),
        source=Path(os.path.normpath(folder / cells["source"])) if cells["source"] else None,
        note=cells["note"],
        row=row,
        extra={name: cell for name, cell in cells.items() if name not in KNOWN},
        **{name: read_number(name, cells[name]) for name in NUMBERS if cells[name]},
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
    end, duration = cells["end"], cells["duration"]
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
