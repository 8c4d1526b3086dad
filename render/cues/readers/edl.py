"""Read CMX3600 edit decision lists: events, locators, Resolve's markers and comments. pycmx parses single lines."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from plugin_backend.errors import CueSheetError
from render.cues.readers.text_reading import (
    check_within_day,
    decode_text,
    error_at,
    line_remarks,
    parse_pisada_note,
    text_lines,
    unreadable_at,
)
from render.cues.sheet_file import SheetSource, open_sheet
from render.cues.timeline import Timeline, TimelineItem, UnreadItem
from render.project.timecode import DROPPABLE, Clock, FrameRate

LABEL = r"[0-9]{2}:[0-9]{2}:[0-9]{2}[:;][0-9]{2}"
PLACE = r"[0-9]{1,2}[:;][0-9]{2}[:;][0-9]{2}[:;.,][0-9]{2}"  # a record label, in any program's spelling
CUTS = r"C|D|W[0-9]{0,3}|K|KB|KO"
EVENT = re.compile(rf"[0-9]+ .* {PLACE} {PLACE}( .*)?")
LOOSE = re.compile(
    rf"([0-9]{{1,9}}) (.*?) ([A-Za-z0-9/,&+-]+) ({CUTS}) (?:([0-9]+) )?(\S+) (\S+) ({PLACE}) ({PLACE})(?: .*)?"
)
TIME = re.compile(r"[0-9]+[:;][0-9]+[:;][0-9:;.,]+")  # of any shape
BEGINS_EVENT = re.compile(rf"[0-9]+\w* \S.* (NONE|[ABV][ABV0-9/,&+-]*) ({CUTS})( .*)?")  # whatever follows the cut
FEWEST_WORDS = 5
COLORS = "RED|GREEN|BLUE|CYAN|MAGENTA|YELLOW|BLACK|WHITE|PINK|FOREST|DENIM|VIOLET|PURPLE|ORANGE|GREY|GOLD"
LOCATOR = re.compile(rf"LOC:\s*({PLACE})(?:\s+({COLORS})\b)?\s*(.*)")
RESOLVE_MARKER = re.compile(r"(.*?)\s*\|C:(?:ResolveColor)?(\S*)\s+\|M:(.*?)\s*\|D:([0-9]{1,7})\b.*")
FRAME_CODE_MODES = {"DROP FRAME": True, "NON-DROP FRAME": False, "NON DROP FRAME": False}
MODE_NAMES = {True: "drop-frame", False: "non-drop-frame"}
NO_FILE = ("", "(NULL)")
SOURCES = ("SOURCE FILE:", "AUDIO FILE:")
LONGEST_LINE = 1024
SHOWN_CHARS = 80
UNUSED = {
    "StmtCdlSop": "colour decisions: not read",
    "StmtCdlSat": "colour decisions: not read",
    "StmtCorruptRemark": "not readable",
    "StmtEffectsName": "effect names: not read",
    "StmtFrmc": "frame counts of the source: not read",
    "StmtSplitEdit": "split edits: not read, both parts are where the event is",
}


@dataclass
class Edit:
    """One event line.

    ``places`` are its record in and out. ``frames`` is the length of a Resolve marker, if the event is one.
    """

    row: int
    event: int
    reel: str
    track: str
    places: tuple[str, str]
    name: str = ""
    file: str = ""
    frames: int | None = None
    notes: list[str] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)


@dataclass
class Locator:
    """A ``* LOC`` line."""

    row: int
    place: str
    color: str | None
    name: str


def is_edl(head: bytes) -> bool:
    """Return whether a file begins as a CMX3600 EDL: with its title, its frame code mode or an event."""
    lines = [_single_spaced(line) for line in decode_text(head, "latin-1")[0].splitlines() if line.strip()]
    return bool(lines) and (lines[0].startswith(("TITLE:", "FCM:")) or bool(EVENT.fullmatch(lines[0])))


def read_edl(source: SheetSource, clock: Clock) -> Timeline:
    """Read a CMX3600 EDL. An event's position is its record in and out; its track is the channels it names.

    Source labels may be anything. A name is the clip's name (``* FROM CLIP NAME:``, of a transition ``* TO CLIP
    NAME:``), else the reel's. All other comments under an event are its note. ``extra`` holds ``reel``, ``source_in``,
    ``source_out``, ``transition`` and ``from_clip``; of locators and Resolve's markers ``color``.

    If the whole list has one frame code mode, it must be the clock's. Modes that change describe the sources; record
    labels then use the clock's mode.

    Args:
        source: the list.
        clock: the programme's time base; it needs a rate, because an EDL states none.

    Raises:
        CueSheetError: no rate is known, or the list's frame code mode contradicts it.
    """
    with open_sheet(source) as sheet, error_at(file=sheet.path):
        if clock.rate is None:
            raise CueSheetError("an EDL does not state its frame rate: give --fps")
        lines, remarks = text_lines(sheet, "latin-1")
        return _List(clock, clock.rate, remarks).read([line.replace("\t", " ").strip() for line in lines])


def _single_spaced(line: str) -> str:
    return " ".join(line.split())


class _List:
    """Reads a list. Holds its entries in the list's order, and remarks by line."""

    def __init__(self, clock: Clock, rate: FrameRate, remarks: list[str]):
        self.clock, self.rate, self.remarks = clock, rate, remarks
        self.notes: dict[str, list[int]] = defaultdict(list)
        self.unreadable: list[UnreadItem] = []
        self.entries: list[Edit | Locator] = []
        self.group: list[Edit] = []
        self.modes: dict[bool, list[int]] = defaultdict(list)

    def read(self, lines: list[str]) -> Timeline:
        for row, line in enumerate(lines, 1):
            if len(line) > LONGEST_LINE:
                self._too_long(row, line)
            elif line:
                self._line(row, line)
        if len(self.modes) > 1:
            rows = sorted(row for rows in self.modes.values() for row in rows)
            self.notes[
                f"the frame code mode changes, so it describes the sources; record times are read at "
                f"{self.rate.name} fps"
            ] += rows
        items = [item for entry in self.entries for item in self._items(entry)]
        return Timeline("CMX3600 EDL", self.clock, items, self.remarks + line_remarks(self.notes), self.unreadable)

    def _too_long(self, row: int, line: str) -> None:
        if line.split(maxsplit=1)[0].isdecimal():
            self._unread(row, f"an event of over {LONGEST_LINE} characters")
        else:
            self.notes[f"not read: over {LONGEST_LINE} characters"].append(row)

    def _line(self, row: int, line: str) -> None:
        from pycmx.parse_cmx_statements import parse_cmx3600_statements

        starred = f"* {line}" if line.startswith(("FROM CLIP NAME:", "TO CLIP NAME:")) else line
        statement = parse_cmx3600_statements(io.StringIO(starred))[0]
        kind, remark = type(statement).__name__, getattr(statement, "text", "")
        if line.startswith("FCM:"):
            self.modes[_frame_code_mode(line, row)].append(row)
        elif edit := _edit(statement, line, row):
            self.group = [*self.group, edit] if self.group and self.group[-1].event == edit.event else [edit]
            self.entries.append(edit)
        elif kind == "StmtTitle":
            self.remarks.append(f"line {row}: the list's title is {statement.title!r}")
        elif kind == "StmtRemark" and (match := LOCATOR.fullmatch(remark)):
            self.entries.append(Locator(row, *match.groups()))
        elif kind in UNUSED:
            self.notes[UNUSED[kind]].append(row)
        elif line.startswith("M2 "):
            self.notes["speed changes (M2): not read"].append(row)
        elif reason := _why_unread(line, remark):
            self._unread(row, reason)
        elif not (self.group and _add_to_event(self.group, kind, statement, line, row)):
            self.remarks.append(f"line {row}: not read: {line[:SHOWN_CHARS]}")

    def _unread(self, row: int, reason: str) -> None:
        self.unreadable.append(UnreadItem(row, reason))
        self.group = []  # the lines below it belong to no event that was read

    def _items(self, entry: Edit | Locator) -> list[TimelineItem]:
        self._check_mode(entry.row)
        with unreadable_at(entry.row, self.clock, self.unreadable):
            return self._make_items(entry)
        return []

    def _make_items(self, entry: Edit | Locator) -> list[TimelineItem]:
        if isinstance(entry, Locator):
            extra = {"color": entry.color} if entry.color else {}
            return [TimelineItem("marker", entry.name, "", self._samples(entry.place), None, entry.row, extra=extra)]
        start = self._samples(entry.places[0])
        end = self._samples(entry.places[1], start)
        if entry.frames is not None:
            return [self._marker(entry, start, entry.frames)]
        if entry.reel == "BL":
            self.notes["black or silence: no cues"].append(entry.row)
        elif end == start:
            self.notes["no frames long, as the outgoing half of a transition: no cues"].append(entry.row)
        elif end < start:
            self._unread(entry.row, f"its record out, {entry.places[1]}, is before its in, {entry.places[0]}")
        else:
            source = Path(entry.file) if entry.file else None
            name, note = entry.name or entry.reel, "; ".join(entry.notes)
            return [TimelineItem("clip", name, entry.track, start, end - start, entry.row, note, source, entry.extra)]
        return []

    def _marker(self, edit: Edit, start: int, frames: int) -> TimelineItem:
        """Return a Resolve marker. Its own line states its length; one frame means none."""
        length = self.clock.frames_away(start, frames) - start if frames > 1 else None
        kind: Literal["marker", "region"] = "marker" if length is None else "region"
        return TimelineItem(kind, edit.name, "", start, length, edit.row, "; ".join(edit.notes), extra=edit.extra)

    def _check_mode(self, row: int) -> None:
        """Refuse a list that is drop-frame throughout if the programme is not, and the reverse."""
        rate, drop = self.rate, next(iter(self.modes)) if len(self.modes) == 1 else None
        if drop is not None and drop != rate.drop:
            raise CueSheetError(
                f"the list is {MODE_NAMES[drop]} here (FCM), but the programme runs at {rate.name} fps, "
                f"{MODE_NAMES[rate.drop]}: give the --fps of the list",
                row=row,
            )

    def _samples(self, place: str, after_samples: int = 0) -> int:
        """Return the position of a record label. Under a frame code mode the label's last separator has no meaning."""
        rate = self.rate
        hour, minute, second, frame = re.split("[:;.,]", place)
        mark = ";" if place[-3] == ";" or (place[-3] in ".," and rate.exact in DROPPABLE) else ":"
        if self.modes and rate.drop:
            mark = ";"
        label = f"{hour:0>2}:{minute}:{second}{mark}{frame}"
        return check_within_day(self.clock.timecode_samples(label, after_samples), self.clock.sample_rate)


def _edit(statement: Any, line: str, row: int) -> Edit | None:
    """Return an event, or None.

    pycmx counts columns from the line's end; events with other columns are read too.
    """
    if type(statement).__name__ == "StmtEvent":
        fields = [statement.event, statement.source, statement.channels, statement.trans, statement.trans_op]
        labels = [statement.source_in, statement.source_out, statement.record_in, statement.record_out]
        if re.fullmatch(CUTS, statement.trans) and all(re.fullmatch(LABEL, label) for label in labels):
            return _make_edit(fields, labels, row)
    match = LOOSE.fullmatch(_single_spaced(line))
    if not match:
        return None
    texts = match.groups(default="")
    return _make_edit(list(texts[:5]), list(texts[5:]), row)


def _make_edit(fields: list, labels: list[str], row: int) -> Edit:
    event, reel, channels, kind, length = fields
    edit = Edit(row, int(event), reel, channels, (labels[2], labels[3]))
    edit.extra = {"reel": reel, "source_in": labels[0], "source_out": labels[1]}
    if kind != "C":
        edit.extra["transition"] = f"{kind} {length}".strip()
    return edit


def _why_unread(line: str, remark: str) -> str:
    """Return what is wrong with a line that looks like an event or a locator; empty for any other line."""
    words, shown = line.split(), repr(line[:SHOWN_CHARS])
    if remark.startswith("LOC:"):
        return f"a locator without a readable position: {shown}"
    if not words[0][0].isdecimal():
        return ""
    if words[0].isdecimal() and len(words) >= FEWEST_WORDS and all(word.isdecimal() for word in words[-4:]):
        return f"its positions are frame numbers, not timecodes: export the list with timecodes: {shown}"
    if BEGINS_EVENT.fullmatch(" ".join(words)) or sum(TIME.fullmatch(word) is not None for word in words) > 1:
        return f"an event that cannot be read: {shown}"
    return ""


def _frame_code_mode(line: str, row: int) -> bool:
    """Return whether the mode is drop-frame. Some programs write a path after it."""
    mode = line.removeprefix("FCM:").strip().upper()
    drop = next((drop for name, drop in FRAME_CODE_MODES.items() if mode.startswith(name)), None)
    if drop is None:
        raise CueSheetError(f"frame code mode {mode[:40]!r}: it is DROP FRAME or NON-DROP FRAME", row=row)
    return drop


def _add_to_event(group: list[Edit], kind: str, statement: Any, line: str, row: int) -> bool:
    """Add what a line states to the event above it. Return whether the line states anything about an event."""
    last = group[-1]
    if match := RESOLVE_MARKER.fullmatch(line.lstrip("* ")):
        note, color, last.name, frames = match.groups()
        last.frames, last.extra = int(frames), {"color": color} if color else {}
        last.notes += [note] if note else []
    elif kind == "StmtClipName":
        if statement.affect == "from":
            next((edit for edit in group if not edit.name), last).name = statement.name
        else:
            last.extra["from_clip"], last.name = group[0].name, statement.name
    elif kind == "StmtSourceFile":
        _set_file(group, statement.filename)
    elif kind == "StmtAudioExt":
        more = [name for name, there in (("A3", statement.audio3), ("A4", statement.audio4)) if there]
        last.track = "/".join([last.track, *more]).removeprefix("NONE/")
    elif kind == "StmtRemark":
        key, _, text = statement.text.partition(":")
        if key.upper() == "PISADA":
            with error_at(row=row):
                last.extra |= parse_pisada_note(text.strip())
        elif f"{key.upper()}:" in SOURCES:
            _set_file(group, text.strip())
        else:
            last.notes.append(text.strip() if key.upper() == "COMMENT" else statement.text)
    else:
        return False
    return True


def _set_file(group: list[Edit], file: str) -> None:
    """Set the file of the event's first edit that has none: of a transition, the outgoing clip's."""
    if file not in NO_FILE:
        next((edit for edit in group if not edit.file), group[-1]).file = file
