"""Sort the lines of a REAPER project into tracks, items and markers. rpp's scanner splits the lines.

rpp's own tree has no line numbers, and its parser's time grows with the square of an element's length.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from plugin_backend.errors import CueSheetError
from render.cues.readers.text_reading import error_at
from render.cues.timeline import UnreadItem

PROJECT, TRACK, ITEM = ["REAPER_PROJECT"], ["REAPER_PROJECT", "TRACK"], ["REAPER_PROJECT", "TRACK", "ITEM"]
READ = {
    "REAPER_PROJECT": ("PROJOFFS", "TIMEMODE", "PLAYRATE"),
    "TRACK": ("NAME", "MUTESOLO", "ISBUS"),
    "ITEM": ("POSITION", "LENGTH", "NAME", "MUTE"),
}
DEEPEST = 64
LONGEST_LINE = 4096
FREEZE = [*TRACK, "FREEZE"]

Line = tuple[int, list[str]]  # its number and its words


@dataclass
class Item:
    """One media item and the first of its takes."""

    row: int
    track: dict[str, Line]
    number: int
    values: dict[str, Line] = field(default_factory=dict)
    notes: list[tuple[int, str]] = field(default_factory=list)
    takes: int = 1


@dataclass
class Project:
    """A project as its lines state it; ``entries`` holds items and MARKER lines in the file's order.

    ``saved_s`` is the time it was saved, in seconds from 1970, from its first line; 0 if not stated.
    """

    row: int = 1
    saved_s: int = 0
    settings: dict[str, Line] = field(default_factory=dict)
    entries: list[Item | Line] = field(default_factory=list)
    tracks: list[dict[str, Line]] = field(default_factory=list)
    unreadable: list[UnreadItem] = field(default_factory=list)
    unread: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


def _words(line: str) -> list[str]:
    """Return a line's words, unquoted."""
    from rpp.scanner import tokenize

    try:
        return [token.value for token in tokenize(line.strip()) if token.type == "STRING"]
    except (ValueError, IndexError) as error:
        raise CueSheetError(f"quotes that do not close: {line[:80]}") from error


def read_projects(lines: list[str]) -> list[Project]:
    """Return every version of the project that a file holds.

    Raises:
        CueSheetError: damaged or cut off; names the line.
    """
    projects: list[Project] = []
    outside: list[int] = []
    track: dict[str, Line] = {}
    item: Item | None = None
    stack: list[str] = []
    for row, line in enumerate(lines, 1):
        line = line.replace("\t", " ").strip()
        if line.startswith("<"):
            stack.append(line[1:].split(" ", 1)[0])
            if len(stack) > DEEPEST:
                raise CueSheetError(f"elements nested over {DEEPEST} deep: damaged", row=row)
            if stack == PROJECT or not projects:
                projects.append(_project(row, line))
            project = projects[-1]
            if stack == TRACK:
                track = {}
                project.tracks.append(track)
            elif stack == ITEM:
                item = Item(row, track, len(project.tracks))
                project.entries.append(item)
            elif stack[-1] == "ITEM" and stack[:3] == FREEZE:
                project.unread["items of frozen tracks, as they were before: not read"].append(row)
            elif stack[-1] == "ITEM":
                project.unreadable.append(UnreadItem(row, f"an item within {stack[-2:][0][:40]}, which is no track"))
            elif stack[:3] == ITEM and line.startswith("<SOURCE MIDI"):
                project.unread["MIDI items: their notes are not read"].append(row)
        elif line == ">" and stack:
            stack.pop()
        elif item is not None and stack[3:] == ["NOTES"] and stack[:3] == ITEM and line.startswith("|"):
            item.notes.append((row, line[1:]))
        elif line and not stack:
            outside.append(row)
        elif line:
            _line(project, track, item, stack, row, line)
    if stack or not projects:
        raise CueSheetError(f"not a whole REAPER project: {(stack or PROJECT)[-1][:40]} does not end", row=len(lines))
    for project in projects:
        project.unread["outside the project: not read"] += outside
    return projects


def _project(row: int, line: str) -> Project:
    """Return a project by its first line, whose third value is the time it was saved."""
    with error_at(row=row):
        words = _words(line[:LONGEST_LINE]) + [""] * 3
    return Project(row, int(words[3]) if words[3].isascii() and words[3].isdecimal() and len(words[3]) < 11 else 0)


def _line(project: Project, track: dict[str, Line], item: Item | None, stack: list[str], row: int, line: str) -> None:
    """Store a line if it is one that is read; of several of one kind the first."""
    key = line.split(" ", 1)[0]
    values = item.values if item is not None else {}
    if item is not None and stack == ITEM and key == "TAKE":
        item.takes += 1
        return
    kept: dict[str, Line] | None
    if stack == PROJECT and key == "MARKER":
        kept = None
    elif stack in (PROJECT, TRACK, ITEM) and key in READ[stack[-1]]:
        kept = {1: project.settings, 2: track, 3: values}[len(stack)]
    elif item is not None and stack[:4] == [*ITEM, "SOURCE"] and key == "FILE" and item.takes == 1:
        kept = values
    else:
        return
    with error_at(row=row):
        if len(line) > LONGEST_LINE:
            raise CueSheetError(f"{key} of over {LONGEST_LINE} characters")
        words = _words(line)
        if len(words) < 2:
            words.append("")
    if kept is None:
        project.entries.append((row, words))
    else:
        kept.setdefault(key, (row, words))
