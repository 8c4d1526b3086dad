"""Read the CSV of REAPER's Region/Marker Manager: markers (M1) and regions (R1), in the project's ruler unit."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction

from plugin_backend.errors import CueSheetError
from render.cues.readers.csv_sheet import filled_rows
from render.cues.readers.text_reading import (
    check_within_day,
    decode_text,
    error_at,
    line_remarks,
    text_lines,
    to_samples,
    unreadable_at,
)
from render.cues.sheet_file import SheetSource, open_sheet
from render.cues.timeline import Timeline, TimelineItem, UnreadItem
from render.project.timecode import Clock, frames_of, samples_at

COLUMNS = ["#", "Name", "Start", "End", "Length"]
NUMBER = re.compile(r"([MR]?)([0-9]{1,9})")
TIMECODE = re.compile(r"([0-9]{1,2}):([0-9]{2}:[0-9]{2})([:;])([0-9]{2})")
CLOCK = re.compile(r"(-?)(?:(?:([0-9]{1,4}):)?([0-9]{1,6}):)?([0-9]{1,9}\.[0-9]{1,12})")
SAMPLES = re.compile(r"-?[0-9]{1,15}")
REFUSED = {
    re.compile(r"-?[0-9]+\.[0-9]+\.[0-9]+"): "measures and beats, and the tempo is not in the file",
    re.compile(r"([0-9]+:)?[0-9]+:[0-9]+"): "in whole seconds, or in frames without hours",
}
ASK = "set the ruler to Hours:Minutes:Seconds:Frames, Seconds or Samples and export again"
AS_DROP = "a drop-frame programme: labels written with colons were read as drop-frame"
AS_SAMPLES = "whole numbers were read as samples at the programme's sample rate"


def is_reaper_regions(head: bytes) -> bool:
    """Return whether a file begins with the header of a Region/Marker Manager export."""
    text = decode_text(head, "latin-1")[0]
    return text.split("\n", 1)[0].strip().split(",")[: len(COLUMNS)] == COLUMNS


def read_reaper_regions(source: SheetSource, clock: Clock) -> Timeline:
    """Read a Region/Marker Manager export.

    Timecodes and seconds are REAPER's ruler, so they are absolute: they include the project's start offset. ``extra``
    holds the color and REAPER's number.

    Args:
        source: the export.
        clock: the programme's time base; timecodes need its rate, because the file states none.

    Raises:
        CueSheetError: damaged, or timecodes without a rate.
    """
    notes: dict[str, list[int]] = defaultdict(list)
    with open_sheet(source) as sheet, error_at(file=sheet.path):
        lines, remarks = text_lines(sheet, "latin-1")
        unreadable: list[UnreadItem] = []
        items = list(_items(lines, clock, notes, unreadable))
    return Timeline("REAPER regions", clock, items, remarks + line_remarks(notes), unreadable)


def _records(lines: list[str]) -> Iterator[tuple[int, list[str], list[str]]]:
    """Yield each row that is not blank: its first line's number, the columns, and its cells."""
    columns = None
    for row, cells in filled_rows(csv.reader((f"{line}\n" for line in lines), strict=True)):
        if columns is None:
            columns = cells
        else:
            yield row, columns, cells


def _items(
    lines: list[str], clock: Clock, notes: dict[str, list[int]], unreadable: list[UnreadItem]
) -> Iterator[TimelineItem]:
    for row, columns, texts in _records(lines):
        with unreadable_at(row, clock, unreadable):
            if len(texts) < len(COLUMNS) or any(texts[len(columns) :]):
                raise CueSheetError(f"{len(texts)} fields, but the header has {len(columns)}")
            cells = dict(zip(columns, texts, strict=False))
            if not (match := NUMBER.fullmatch(cells["#"])):
                raise CueSheetError(f"{cells['#'][:40]!r} is neither a marker (M1) nor a region (R1)", field="#")
            start = _position(cells, "Start", clock, row, notes)
            length = _position(cells, "End", clock, row, notes, start) - start if cells["End"] else 0
            if length < 0:
                raise CueSheetError(f"the end {cells['End']!r} is before the start {cells['Start']!r}", field="End")
            region = match[1] == "R" or bool(cells["End"] and not match[1])
            if region and not length:
                notes["regions without length: no duration"].append(row)
            extra = {"number": match[2]} | ({"color": cells["Color"]} if cells.get("Color") else {})
            name = " ".join(cells["Name"].split("\n"))
            yield TimelineItem("region" if region else "marker", name, "", start, length or None, row, extra=extra)


def _position(
    cells: dict[str, str], column: str, clock: Clock, row: int, notes: dict[str, list[int]], after_samples: int = 0
) -> int:
    """Return samples from the programme's start."""
    text = cells[column]
    try:
        return check_within_day(
            _samples(text, clock, row, notes, after_samples) - clock.start_samples, clock.sample_rate
        )
    except CueSheetError as error:
        raise error.at(field=column) from error


def _samples(text: str, clock: Clock, row: int, notes: dict[str, list[int]], after_samples: int) -> int:
    """Return samples from 00:00:00:00. After midnight, hours may go on or begin again at 0."""
    if match := TIMECODE.fullmatch(text):
        hour, middle, mark, frame = match.groups()
        days, hour = divmod(int(hour), 24)
        rate = clock.rate
        if mark == ":" and rate and rate.drop:  # REAPER writes both with colons
            mark = ";"
            notes[AS_DROP].append(row)
        frames = frames_of(f"{hour:02d}:{middle}{mark}{frame}", rate)  # refuses a timecode without a rate
        assert rate is not None
        frames = clock.frames_after(frames, after_samples) if not days else frames + days * rate.frames_per_day
        return samples_at(frames, rate, clock.sample_rate)
    if match := CLOCK.fullmatch(text):
        sign, hours, minutes, seconds = match.groups()
        total = 3600 * int(hours or 0) + 60 * int(minutes or 0) + Fraction(seconds)
        return to_samples(-total if sign else total, clock.sample_rate)
    if SAMPLES.fullmatch(text):
        notes[AS_SAMPLES].append(row)
        return int(text)
    reasons = (reason for shape, reason in REFUSED.items() if shape.fullmatch(text))
    raise CueSheetError(f"{text[:40]!r} is {next(reasons, 'not a time')}: {ASK}")
