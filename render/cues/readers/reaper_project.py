"""Read REAPER projects (.rpp): items of every track, markers and regions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Literal

from plugin_backend.errors import CueSheetError
from render.cues.readers.reaper_lines import Item, Line, Project, read_projects
from render.cues.readers.text_reading import (
    check_within_day,
    decode_text,
    error_at,
    line_remarks,
    parse_pisada_note,
    parse_seconds,
    text_lines,
    to_samples,
    unreadable_at,
)
from render.cues.readers.timeline_builder import with_counted_rate
from render.cues.sheet_file import SheetSource, open_sheet
from render.cues.timeline import Timeline, TimelineItem, UnreadItem
from render.project.timecode import RATES, Clock, FrameRate, round_half_up, samples_at

MAGIC = "<REAPER_PROJECT "
FOLDER_BEGINS, FOLDER_ENDS = "1", "2"
PISADA_NOTE = re.compile(r"pisada:\s*(\{.*)")
# TIMEMODE's frame rate and kind: 0 as stated, 1 drop-frame, 2 slower by 1000/1001.
DEFAULT_RATE = ("30", "0")
NTSC = {
    ("24", "2"): "23.976",
    ("30", "1"): "29.97df",
    ("30", "2"): "29.97ndf",
    ("48", "2"): "47.952",
    ("60", "1"): "59.94df",
    ("60", "2"): "59.94ndf",
}


def is_reaper_project(head: bytes) -> bool:
    """Return whether a file begins as a REAPER project."""
    return decode_text(head, "latin-1")[0].startswith(MAGIC)


def read_reaper_project(source: SheetSource, clock: Clock) -> Timeline:
    """Read a REAPER project. Its decimal seconds become the nearest sample, counted from the project's start.

    The project's start (PROJOFFS) is its position in time: on the next day, if it is more than half a day before the
    programme's start. It is the programme's start too if the user gave no rate. A
    line ``pisada: {…}`` in an item's notes becomes entries of ``extra``; other lines become the note. ``extra`` may
    hold ``muted``, ``track_muted`` and ``takes``; of markers ``number``.

    A backup may hold several versions of the project: the last saved one is read. Tracks in a muted folder are muted
    too.

    Args:
        source: the project.
        clock: the programme's time base.

    Raises:
        CueSheetError: damaged, of another frame rate than the clock's, or several projects that do not state when they
            were saved.
    """
    with open_sheet(source) as sheet, error_at(file=sheet.path):
        lines, remarks = text_lines(sheet, "latin-1")
        project = _newest(read_projects(lines), remarks)
        _mute_folders(project.tracks)
        clock, start_samples = _start(project, clock, remarks)
        offset_samples = start_samples - clock.start_samples
        offset_samples += clock.day_samples * clock.is_next_day(offset_samples)
        items = list(_timeline_items(project, clock, offset_samples))
    return Timeline("REAPER project", clock, items, remarks + line_remarks(project.unread), project.unreadable)


def _newest(projects: list[Project], remarks: list[str]) -> Project:
    """Return the project saved last, with a remark if there are others.

    Raises:
        CueSheetError: several, and they do not state which was saved last.
    """
    newest = max(projects, key=lambda project: project.saved_s)
    if len(projects) > 1:
        count = f"holds {len(projects)} versions of a project"
        if not newest.saved_s or sum(project.saved_s == newest.saved_s for project in projects) > 1:
            raise CueSheetError(f"{count} that do not say which was saved last: save one as a project of its own")
        saved = datetime.fromtimestamp(newest.saved_s, UTC)
        remarks.append(
            f"line {newest.row}: {count}; the newest is read, saved on {saved:%Y-%m-%d at %H:%M:%S} UTC; "
            f"the others are not"
        )
    return newest


def _mute_folders(tracks: list[dict[str, Line]]) -> None:
    """Mute the tracks inside muted folders.

    ISBUS states which track begins a folder, and how many folders end after a track.
    """
    muted = [False]  # one value per open folder, the outermost first
    for track in tracks:
        row, words = track.get("ISBUS", (0, ["ISBUS", "0", "0"]))
        kind, depth = (*words, "0", "0")[1:3]
        silent = muted[-1] or _is_muted(track)
        if silent:
            track["MUTESOLO"] = (row, ["MUTESOLO", "1"])
        if kind == FOLDER_BEGINS:
            muted.append(silent)
        elif kind == FOLDER_ENDS and re.fullmatch(r"-[0-9]{1,4}", depth):
            del muted[max(1, len(muted) + int(depth)) :]


def _is_muted(track: dict[str, Line]) -> bool:
    return track.get("MUTESOLO", (0, ["MUTESOLO", "0"]))[1][1] not in ("0", "")


def _start(project: Project, clock: Clock, remarks: list[str]) -> tuple[Clock, int]:
    """Return the completed clock, and the project's start in samples from 00:00:00:00."""
    row, words = project.settings.get("PROJOFFS", (1, ["PROJOFFS", "0"]))
    rate_row, rate = _rate(project, clock, remarks)
    with error_at(row=row):
        seconds = parse_seconds(words[1], "the project's start")
        in_first_day = to_samples(seconds, clock.sample_rate)
    if rate:
        with error_at(row=rate_row):
            first = max(0, round_half_up(seconds * rate.exact))
            clock = with_counted_rate(clock, rate.exact, rate.drop, first, remarks)
    if clock.rate is None:
        if seconds:
            raise CueSheetError(f"it starts at {words[1]} s but states no frame rate: give --fps", row=row)
        return clock, 0
    frames = round_half_up(seconds * clock.rate.exact)
    if abs(frames / clock.rate.exact - seconds) * clock.sample_rate < Fraction(1, 1000):  # rounded decimals
        return clock, samples_at(frames, clock.rate, clock.sample_rate)
    remarks.append(f"line {row}: the project's start, {words[1]} s, lies inside a frame")
    return clock, in_first_day


def _rate(project: Project, clock: Clock, remarks: list[str]) -> tuple[int, FrameRate | None]:
    """Return the frame rate that the project states, and its line."""
    row, words = project.settings.get("TIMEMODE", (1, []))
    if len(words) < 5:  # REAPER 4 wrote it so
        return row, None
    number, kind = words[4], words[5] if len(words) > 5 else "0"
    rate = RATES.get(NTSC.get((number, kind), number if kind == "0" else ""))
    if rate is None:
        remarks.append(f"line {row}: not a frame rate of film, so not used: {number[:20]} (kind {kind[:20]})")
    elif (number, kind) == DEFAULT_RATE and clock.rate not in (None, rate):
        remarks.append(f"line {row}: REAPER's default of 30 fps is not used: the project counts seconds")
        return row, None
    return row, rate


def _timeline_items(project: Project, clock: Clock, offset_samples: int) -> Iterator[TimelineItem]:
    """Yield items in the file's order; ``offset_samples`` is from the programme's start to the project's."""
    ends = _region_ends(project)

    def place(line: Line, word: int, *, after: Line | None = None) -> int:
        with error_at(row=line[0]):
            seconds = parse_seconds(line[1][word], line[1][0])
            seconds += parse_seconds(after[1][1], after[1][0]) if after else 0
            return check_within_day(to_samples(seconds, clock.sample_rate) + offset_samples, clock.sample_rate)

    for entries in project.entries:
        if isinstance(entries, Item):
            with unreadable_at(entries.row, clock, project.unreadable):
                for key in ("POSITION", "LENGTH"):
                    if key not in entries.values:
                        raise CueSheetError(f"the item has no {key}")
                start = place(entries.values["POSITION"], 1)
                end = place(entries.values["LENGTH"], 1, after=entries.values["POSITION"])
                yield _clip(entries, start, end - start, project)
        elif entries[0] in ends:
            row, words = entries
            with unreadable_at(row, clock, project.unreadable):
                start, closing = place(entries, 2), ends[row]
                length = place(closing, 2) - start if closing else 0
                if closing and length <= 0:
                    raise CueSheetError(f"the region ends before it starts, on line {closing[0]}")
                if _is_region(words) and not closing:
                    project.unread["regions without an end: no duration"].append(row)
                kind: Literal["region", "marker"] = "region" if _is_region(words) else "marker"
                yield TimelineItem(kind, words[3], "", start, length or None, row, extra={"number": words[1]})


def _is_region(words: list[str]) -> bool:
    return len(words) > 4 and words[4].isdecimal() and int(words[4][-9:]) % 2 == 1


def _region_ends(project: Project) -> dict[int, Line | None]:
    """Return, for each line that begins a marker or region, the line that ends it, if any.

    A region ends at the next region line of its number.
    """
    ends: dict[int, Line | None] = {}
    open_rows: dict[str, int] = {}
    for line in project.entries:
        if isinstance(line, Item):
            continue
        row, words = line
        if len(words) < 4:
            project.unreadable.append(UnreadItem(row, "MARKER needs a number, a place and a name"))
            continue
        if _is_region(words) and words[1] in open_rows:
            ends[open_rows.pop(words[1])] = line
            continue
        ends[row] = None
        if _is_region(words):
            open_rows[words[1]] = row
    return ends


def _clip(item: Item, start: int, length: int, project: Project) -> TimelineItem:
    texts = {key: words[1] for key, (_, words) in item.values.items()}
    track = {key: words[1] for key, (_, words) in item.track.items()}
    extra: dict[str, str] = {}
    note: list[str] = []
    for row, line in item.notes:
        if match := PISADA_NOTE.fullmatch(line.strip()):
            with error_at(row=row):
                extra |= parse_pisada_note(match[1])
        else:
            note.append(line)
    flags = {"muted": texts.get("MUTE", "0"), "track_muted": track.get("MUTESOLO", "0")}
    extra |= {key: "yes" for key, flag in flags.items() if flag not in ("0", "")}
    if item.takes > 1:
        extra["takes"] = str(item.takes)
    if length <= 0:
        project.unread["items without length: no duration"].append(item.row)
    source = Path(texts["FILE"]) if texts.get("FILE") else None
    name = texts.get("NAME", "")
    track_name = track.get("NAME") or f"Track {item.number}"
    return TimelineItem(
        "clip", name, track_name, start, length if length > 0 else None, item.row, "\n".join(note), source, extra
    )
