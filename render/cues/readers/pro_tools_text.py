"""Read Pro Tools "Export Session Info as Text": clips of every track, and markers.

The text is read here, line by line. The tests compare with ptulsconv (4.0.2), the library for this format. Pisada does
not use it, because it needs gRPC, an older protobuf and an older pytest, reports no line numbers, and reads neither
sample positions nor sub-frames.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from plugin_backend.errors import CueSheetError
from render.cues.readers.pro_tools_session import (
    ASK,
    MILLISECONDS,
    REFUSED,
    SAMPLES,
    TIMECODE,
    Session,
    session_in,
    tab_cells,
)
from render.cues.readers.text_reading import (
    decode_text,
    error_at,
    line_remarks,
    text_lines,
    unreadable_at,
)
from render.cues.sheet_file import SheetSource, open_sheet
from render.cues.timeline import Timeline, TimelineItem, UnreadItem
from render.project.timecode import Clock

MAGIC = "SESSION NAME:"
TRACK = ("TRACK NAME:", "COMMENTS:", "USER DELAY:", "STATE:", "PLUG-INS:")
EVENT = ("CHANNEL", "EVENT", "CLIP NAME", "START TIME", "END TIME")
SHOWN = 80
MARKER = ("#", "LOCATION", "TIME REFERENCE", "UNITS", "NAME")
TITLE = re.compile(r"([A-Z-] {1,2})+(L I S T I N G|I N  S E S S I O N)")
FADE = re.compile(r"\((cross ?fade|fade ?(in|out)?)\)", re.IGNORECASE)
SIDE = re.compile(r"\.(L|R|C|S|LFE|L[crs]|R[crs]|[LR]s[sr]|A[0-9]+)$")
WIDTH = re.compile(r" \((Stereo|Quad|LCRS?|[1-7](st|nd|rd|th) Order Ambisonics|[5-9]\.[01](\.[246])?)\)$")

SILENT_STATES = ("muted", "inactive", "hidden")
MARKER_OWNERS = ("Ruler", "Track")


@dataclass
class Clip:
    """One event, with all channels that have it at the same position; ``names`` by channel."""

    row: int
    start: str
    end: str
    extra: dict[str, str]
    names: dict[str, str] = field(default_factory=dict)

    def name(self) -> str:
        """Return the channels' common name."""
        names = list(self.names.values())
        bare = {SIDE.sub("", name) for name in names}
        return bare.pop() if len(names) > 1 and len(bare) == 1 else names[0]


def is_pro_tools_text(head: bytes) -> bool:
    """Return whether a file begins as a Pro Tools text export, in any of the encodings that Pro Tools writes."""
    return decode_text(head, "mac_roman")[0].startswith(MAGIC)


def read_pro_tools_text(source: SheetSource, clock: Clock) -> Timeline:
    """Read a Pro Tools text export: UTF-8, UTF-16 or, from old versions, Mac Roman.

    The channels of a clip become one item, named without ``.L``, ``.R`` and so on. Otherwise names stay as written,
    with the tags of cue programs (``$QN=1``, ``{Note=…}``). A clip group is a clip. ``extra`` may hold ``muted``,
    ``track_muted`` (also for inactive or hidden tracks), ``channels``, ``name_<channel>``, ``timestamp``,
    ``track_width``, ``track_comments``, ``track_state``, ``user_delay`` and ``source_folder``; of markers ``number``
    and ``ruler``. Line breaks and tabs in names and comments become spaces.

    Args:
        source: the export.
        clock: the programme's time base.

    Raises:
        CueSheetError: damaged, or of another rate than the clock's.
    """
    notes: dict[str, list[int]] = defaultdict(list)
    with open_sheet(source) as sheet, error_at(file=sheet.path):
        lines, remarks = text_lines(sheet, "mac_roman")
        sections = _sections(lines)
        session = session_in(sections.pop("", []), clock)
        tracks, markers = sections.pop("TRACK LISTING", []), sections.pop("MARKERS LISTING", [])
        files = {name: list(tab_cells(sections.pop(name))) for name in list(sections) if name.endswith("IN SESSION")}
        for name, block in sections.items():
            notes[f"{name.lower()}: not read"] += [row for row, _ in block[1:]]
        unreadable: list[UnreadItem] = []
        listed = list(_tracks(tracks, notes, unreadable))
        items = [item for track in listed for item in _clips(*track, session, files, notes, unreadable)]
        items += _markers(markers, session, unreadable)
    return Timeline("Pro Tools text", session.clock, items, remarks + line_remarks(notes), unreadable)


def _sections(lines: list[str]) -> dict[str, list[tuple[int, str]]]:
    """Return the lines that are not blank, with their numbers, by the title above them; the header's title is empty."""
    block: list[tuple[int, str]] = []
    sections = {"": block}
    for row, line in enumerate(lines, 1):
        if TITLE.fullmatch(line.strip()):
            block = sections.setdefault(re.sub(r"(\S) (?=\S)", r"\1", line.strip()).replace("  ", " "), [])
        elif line.strip():
            block.append((row, line))
    return sections


def _continued(cells: list[str], line: str) -> None:
    """Append the next line to a row in which a text had a line break."""
    first, *more = line.split("\t")
    cells[-1] += f"\n{first}"
    cells += more


def _text(cells: list[str]) -> str:
    """Join a text that line breaks and tabs may have split."""
    parts = [part.strip() for cell in cells for part in cell.split("\n")]
    return " ".join(filter(None, parts))


def _tracks(
    block: list[tuple[int, str]], notes: dict[str, list[int]], unreadable: list[UnreadItem]
) -> Iterator[tuple[dict[str, str], list[Clip]]]:
    """Yield each track's lines above its events, by their first words, and its clips."""
    about: dict[str, str] = {}
    events: list[tuple[int, list[str]]] = []
    columns: list[str] = []
    last = ""
    for row, line in block:
        cells = line.split("\t")
        if line.startswith(TRACK):
            key, _, text = line.partition(":")
            if key == "TRACK NAME":
                yield about, _events(events, columns, notes, unreadable)
                about, events, columns = {}, [], []
            about[key], last = text.strip(), key
        elif cells[0].strip() == "CHANNEL":
            columns, last = [cell.strip() for cell in cells], ""
            if missing := [name for name in EVENT if name not in columns]:
                raise CueSheetError(f"the track has no column {missing[0]!r}", row=row)
        elif last == "COMMENTS":  # comments may have several lines
            about[last] += f" {line.strip()}"
        elif columns and all(cell.strip().isdecimal() for cell in cells[:2]):
            events.append((row, cells))
        elif events and len(events[-1][1]) < len(columns):
            _continued(events[-1][1], line)
        else:
            unreadable.append(UnreadItem(row, f"a line of a track that is no event: {line.strip()[:SHOWN]!r}"))
    yield about, _events(events, columns, notes, unreadable)


def _events(
    events: list[tuple[int, list[str]]], columns: list[str], notes: dict[str, list[int]], unreadable: list[UnreadItem]
) -> list[Clip]:
    """Return the clips of a track's rows. A tab in a clip's name makes its row longer."""
    clips: dict[tuple[str, str], list[Clip]] = {}
    for row, cells in events:
        more, name = len(cells) - len(columns), columns.index("CLIP NAME")
        if more < 0:
            unreadable.append(UnreadItem(row, f"{len(cells)} columns, but the track has {len(columns)}: cut off?"))
            continue
        texts = [*cells[:name], _text(cells[name : name + more + 1]), *cells[name + more + 1 :]]
        _add(dict(zip(columns, map(str.strip, texts), strict=True)), row, clips, notes)
    return [clip for same in clips.values() for clip in same]


def _add(cells: dict[str, str], row: int, clips: dict[tuple[str, str], list[Clip]], notes: dict) -> None:
    """Add an event to a track's clips, or as a channel to a clip at the same position."""
    channel, _, name, start, end = (cells[key] for key in EVENT)
    if FADE.fullmatch(name):
        notes["fades are not cues, and clips begin after them (export without crossfades)"].append(row)
        return
    same = clips.setdefault((start, end), [])
    clip = next((clip for clip in same if channel not in clip.names), None)
    if clip is None:
        extra = {"timestamp": cells["TIMESTAMP"]} if "TIMESTAMP" in cells else {}
        clip = Clip(row, start, end, extra | ({"muted": "yes"} if cells.get("STATE") == "Muted" else {}))
        same.append(clip)
    clip.names[channel] = name


def _clips(
    about: dict[str, str], clips: list[Clip], session: Session, files: dict, notes: dict, unreadable: list[UnreadItem]
) -> Iterator[TimelineItem]:
    """Yield a track's clips as items."""
    width = WIDTH.search(about.get("TRACK NAME", ""))
    facts = {
        "track_width": width[1] if width else "",
        "track_comments": about.get("COMMENTS", ""),
        "track_state": about.get("STATE", ""),
        "user_delay": about.get("USER DELAY", "").removeprefix("0 Samples"),
    }
    silent = any(state in facts["track_state"].lower() for state in SILENT_STATES)
    facts = {key: text for key, text in facts.items() if text} | ({"track_muted": "yes"} if silent else {})
    folders = {
        cells[0]: cells[1] for name, block in files.items() if "FILES" in name for _, cells in block if cells[1:]
    }
    sources = {
        cells[0]: cells[1] for name, block in files.items() if "CLIPS" in name for _, cells in block if cells[1:]
    }
    for clip in clips:
        place = None
        with unreadable_at(clip.row, session.clock, unreadable):
            start = session.position(clip.start)
            place = start, session.position(clip.end, start)
        if place is None:
            continue
        start, end = place
        name, extra = clip.name(), facts | clip.extra
        if len(clip.names) > 1:
            extra["channels"] = str(len(clip.names))
        extra |= {f"name_{side}": text for side, text in clip.names.items() if SIDE.sub("", text) != SIDE.sub("", name)}
        source = next((sources[text] for text in (*clip.names.values(), name) if text in sources), None)
        if source in folders:
            extra["source_folder"] = folders[source]
        if end <= start:
            notes["shorter than the file's times can say: no duration"].append(clip.row)
        whole = TIMECODE.fullmatch(clip.start)
        if (whole and not whole[2]) or MILLISECONDS.fullmatch(clip.start):
            notes.setdefault(
                f"times from here on are cut to whole {'frames' if whole else 'milliseconds'}; {ASK}", [clip.row]
            )
        track = WIDTH.sub("", about.get("TRACK NAME", ""))
        length = end - start if end > start else None
        yield TimelineItem(
            "clip", name, track, start, length, clip.row, source=Path(source) if source else None, extra=extra
        )


def _markers(block: list[tuple[int, str]], session: Session, unreadable: list[UnreadItem]) -> list[TimelineItem]:
    """Return the markers. Of a marker's two times the one in samples is used, because it is never truncated."""
    columns: list[str] = []
    header: list[str] = []
    rows: list[tuple[int, list[str]]] = []
    for row, line in block:
        cells = line.split("\t")
        if not columns:
            header, columns = cells, [cell.strip() for cell in cells]
            if missing := [name for name in MARKER if name not in columns]:
                raise CueSheetError(f"the markers have no column {missing[0]!r}", row=row)
        elif _begins_marker(cells):
            rows.append((row, cells))
        elif not rows:
            unreadable.append(UnreadItem(row, f"a line of the markers that is no marker: {line.strip()[:SHOWN]!r}"))
        elif len(cells) >= len(columns) and not any(cell.strip() for cell in cells[: len(columns) - 1]):
            rows[-1][1][-1] += "\n" + "\t".join(cells[len(columns) - 1 :])  # the next line of a comment
        else:
            _continued(rows[-1][1], line)
    items = []
    for row, cells in rows:
        with unreadable_at(row, session.clock, unreadable):
            items.append(_marker(row, _marker_texts(row, cells, header), session))
    return items


def _begins_marker(cells: list[str]) -> bool:
    number, place = (cell.strip() for cell in (*cells, "")[:2])
    return number.isdecimal() and any(shape.fullmatch(place) for shape in (TIMECODE, SAMPLES, MILLISECONDS, *REFUSED))


def _marker_texts(row: int, cells: list[str], header: list[str]) -> dict[str, str]:
    """Return a marker's texts by column. Tabs in its name and comment make its row longer.

    If a column states the marker's owner, the name ends before it. Otherwise the name ends where its cells are as wide
    as its column, which Pro Tools pads with spaces.
    """
    columns = [cell.strip() for cell in header]
    more, name = len(cells) - len(columns), columns.index("NAME")
    if more < 0:
        raise CueSheetError(f"{len(cells)} columns, but the markers have {len(columns)}: cut off?", row=row)
    cut = name + 1
    if more and "TRACK TYPE" in columns:
        kind = columns.index("TRACK TYPE")
        owners = [at for at in range(kind, kind + more + 1) if cells[at].strip() in MARKER_OWNERS]
        cut += owners[0] - kind if owners else 0
    elif more and header[name] != columns[name]:
        widths = [len("\t".join(cells[name:at])) for at in range(cut, cut + more + 1)]
        cut += next((at for at, width in enumerate(widths) if width >= len(header[name])), 0)
    last = cut + len(columns) - name - 2  # where the last column, the comment, begins
    texts = [*cells[:name], _text(cells[name:cut]), *cells[cut:last], _text(cells[last:])]
    return dict(zip(columns, map(str.strip, texts), strict=False))


def _marker(row: int, of: dict[str, str], session: Session) -> TimelineItem:
    with error_at(row=row):
        start = session.position(of["TIME REFERENCE" if of["UNITS"] == "Samples" else "LOCATION"])
    owner, on_track = of.get("TRACK NAME", ""), of.get("TRACK TYPE") == "Track"
    extra = {"number": of["#"]} | ({"ruler": owner} if owner and not on_track else {})
    track = owner if on_track else ""
    return TimelineItem("marker", of["NAME"], track, start, None, row, of.get("COMMENTS", ""), extra=extra)
