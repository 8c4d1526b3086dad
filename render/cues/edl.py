"""CMX3600 edit decision lists: events, locators and the comments under them. Lines are parsed by pycmx."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from plugin_backend.errors import CueSheetError
from render.cues.reading import decoded, in_reach, noted, own_note, text_lines, told_at
from render.cues.spot import Spot, Timeline
from render.timecode import Clock

LABEL = r"[0-9]{2}:[0-9]{2}:[0-9]{2}[:;][0-9]{2}"
CUTS = r"C|D|W[0-9]{0,3}|K|KB|KO"
EVENT = re.compile(rf"[0-9]+ .*( {LABEL}){{4}}")
LOOSE = re.compile(rf"([0-9]{{1,9}}) (.*?) ([A-Z0-9/]+) ({CUTS}) ([0-9]*) ?(({LABEL} ){{3}}{LABEL})")
COLORS = "RED|GREEN|BLUE|CYAN|MAGENTA|YELLOW|BLACK|WHITE|PINK|FOREST|DENIM|VIOLET|PURPLE|ORANGE|GREY|GOLD"
LOCATOR = re.compile(rf"LOC:\s*({LABEL})(?:\s+({COLORS})\b)?\s*(.*)")
FRAME_CODE_MODES = {"DROP FRAME": True, "NON-DROP FRAME": False, "NON DROP FRAME": False}
NO_FILE = ("", "(NULL)")
MODE_NAMES = {True: "drop-frame", False: "non-drop-frame"}
SOURCES = ("SOURCE FILE:", "AUDIO FILE:")
LONGEST_LINE = 1024
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
    """One event line; ``drop`` is the frame code mode it stands under, if any."""

    row: int
    event: int
    reel: str
    track: str
    labels: list[str]
    drop: bool | None
    name: str = ""
    file: str = ""
    notes: list[str] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)


def is_edl(head: bytes) -> bool:
    """Whether a file begins as a CMX3600 EDL: with its title, its frame code mode or an event."""
    lines = [_single_spaced(line) for line in decoded(head, "latin-1")[0].splitlines() if line.strip()]
    return bool(lines) and (lines[0].startswith(("TITLE:", "FCM:")) or bool(EVENT.fullmatch(lines[0])))


def read_edl(path: Path, clock: Clock) -> Timeline:
    """Reads a CMX3600 EDL; an event's place is its record in and out, its track the channels it names.

    A name is the clip's (``* FROM CLIP NAME:``, of a transition ``* TO CLIP NAME:``) or else the reel's. A note is
    every comment under the event that is nothing else. In ``extra``: ``reel``, ``source_in``, ``source_out``,
    ``transition``, ``from_clip``; of locators ``color``.

    Args:
        path: the list.
        clock: the programme's time base; an EDL states no rate, so it needs one.

    Raises:
        CueSheetError: no rate is known, a label is not of it, or the list's frame code mode contradicts it.
    """
    path, notes = Path(path), defaultdict(list)
    with told_at(file=path):
        if clock.rate is None:
            raise CueSheetError("an EDL does not state its frame rate: give --fps")
        lines, remarks = text_lines(path, "latin-1")
        found = _read([line.replace("\t", " ").strip() for line in lines], notes, remarks, clock)
        spots = [spot for each in found for spot in _spots(each, clock, notes)]
    return Timeline("CMX3600 EDL", clock, spots, remarks + noted(notes))


def _statements(lines: list[str], notes: dict[str, list[int]]):
    """pycmx's statement of each line, and the line's number."""
    from pycmx.parse_cmx_statements import parse_cmx3600_statements

    for row, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE:
            notes[f"not read: over {LONGEST_LINE} characters"].append(row)
        elif line:
            starred = f"* {line}" if line.startswith(("FROM CLIP NAME:", "TO CLIP NAME:")) else line
            yield row, line, parse_cmx3600_statements(io.StringIO(starred))[0]


def _read(lines: list[str], notes: dict, remarks: list[str], clock: Clock) -> list[Edit | Spot]:
    """Edits and locators in the list's order."""
    found, group, drop = [], [], None
    for row, line, statement in _statements(lines, notes):
        kind = type(statement).__name__
        if line.startswith("FCM:"):
            drop = _frame_code_mode(line, row)
        elif edit := _edit(statement, line, row, drop):
            group = [*group, edit] if group and group[-1].event == edit.event else [edit]
            found.append(edit)
        elif kind == "StmtTitle":
            remarks.append(f"line {row}: the list's title is {statement.title!r}")
        elif kind == "StmtRemark" and (match := LOCATOR.fullmatch(statement.text)):
            found.append(_locator(match, row, drop, clock))
        elif kind in UNUSED:
            notes[UNUSED[kind]].append(row)
        elif line.startswith("M2 "):
            notes["speed changes (M2): not read"].append(row)
        elif not (group and _told(group, kind, statement, row)):
            remarks.append(f"line {row}: not read: {line[:80]}")
    return found


def _edit(statement, line: str, row: int, drop: bool | None) -> Edit | None:
    """An event, also one whose columns are not where CMX3600 wants them (pycmx counts columns from the line's end)."""
    if type(statement).__name__ == "StmtEvent":
        fields = [statement.event, statement.source, statement.channels, statement.trans, statement.trans_op]
        labels = [statement.source_in, statement.source_out, statement.record_in, statement.record_out]
        if re.fullmatch(CUTS, statement.trans) and all(re.fullmatch(LABEL, label) for label in labels):
            return _filled(fields, labels, row, drop)
    match = LOOSE.fullmatch(_single_spaced(line))
    return _filled(list(match.groups()[:5]), match[6].split(), row, drop) if match else None


def _filled(fields: list, labels: list[str], row: int, drop: bool | None) -> Edit:
    event, reel, channels, kind, length = fields
    edit = Edit(row, int(event), reel, channels, labels, drop)
    edit.extra = {"reel": reel, "source_in": labels[0], "source_out": labels[1]}
    if kind != "C":
        edit.extra["transition"] = f"{kind} {length}".strip()
    return edit


def _single_spaced(line: str) -> str:
    return " ".join(line.split())


def _frame_code_mode(line: str, row: int) -> bool:
    """Whether it is drop-frame; some programs write a path behind it."""
    mode = line.removeprefix("FCM:").strip().upper()
    drop = next((drop for name, drop in FRAME_CODE_MODES.items() if mode.startswith(name)), None)
    if drop is None:
        raise CueSheetError(f"frame code mode {mode[:40]!r}: it is DROP FRAME or NON-DROP FRAME", row=row)
    return drop


def _told(group: list[Edit], kind: str, statement, row: int) -> bool:
    """Adds what a line says to the event it stands under; whether it says anything of one."""
    last = group[-1]
    if kind == "StmtClipName":
        if statement.affect == "from":
            next((edit for edit in group if not edit.name), last).name = statement.name
        else:
            last.extra["from_clip"], last.name = group[0].name, statement.name
    elif kind == "StmtSourceFile":
        _play(group, statement.filename)
    elif kind == "StmtAudioExt":
        more = [name for name, there in (("A3", statement.audio3), ("A4", statement.audio4)) if there]
        last.track = "/".join([last.track, *more]).removeprefix("NONE/")
    elif kind == "StmtRemark":
        key, _, text = statement.text.partition(":")
        if key.upper() == "PISADA":
            with told_at(row=row):
                last.extra |= own_note(text.strip())
        elif f"{key.upper()}:" in SOURCES:
            _play(group, text.strip())
        else:
            last.notes.append(text.strip() if key.upper() == "COMMENT" else statement.text)
    else:
        return False
    return True


def _play(group: list[Edit], file: str) -> None:
    """A file named under an event is its first edit's: of a transition, the outgoing clip's."""
    if file not in NO_FILE:
        next((edit for edit in group if not edit.file), group[-1]).file = file


def _samples(label: str, drop: bool | None, clock: Clock) -> int:
    """A record label's place; under a frame code mode its last separator says nothing."""
    if drop is not None:
        if drop != clock.rate.drop:
            raise CueSheetError(
                f"the list is {MODE_NAMES[drop]} here (FCM), but the programme runs at {clock.rate.name} fps, "
                f"{MODE_NAMES[clock.rate.drop]}: give the --fps of the list"
            )
        if not (";" in label and not drop):
            label = f"{label[:8]}{':;'[drop]}{label[9:]}"
    return in_reach(clock.timecode_samples(label), clock.sample_rate)


def _locator(match: re.Match, row: int, drop: bool | None, clock: Clock) -> Spot:
    label, color, name = match.groups()
    with told_at(row=row):
        start = _samples(label, drop, clock)
    return Spot("marker", name, "", start, None, row, extra={"color": color} if color else {})


def _spots(found: Edit | Spot, clock: Clock, notes: dict[str, list[int]]) -> list[Spot]:
    if isinstance(found, Spot):
        return [found]
    with told_at(row=found.row):
        start, end = (_samples(label, found.drop, clock) for label in found.labels[2:])
    for wrong, what in (
        (found.reel == "BL", "black or silence: no spots"),
        (end == start, "no frames long, as the outgoing half of a transition: no spots"),
        (end < start, "not read: the record out is before the in"),
    ):
        if wrong:
            notes[what].append(found.row)
            return []
    source = Path(found.file) if found.file else None
    name, note = found.name or found.reel, "; ".join(found.notes)
    return [Spot("clip", name, found.track, start, end - start, found.row, note, source, found.extra)]
