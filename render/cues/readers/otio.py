"""Read OpenTimelineIO (.otio): every track, clip and marker of one timeline, at exact positions.

The JSON is read here. The library's C++ (0.18.1) ends the whole process on some files, such as one with a list in place
of a media reference. The tests compare the positions with the library's.
"""

from __future__ import annotations

import json
from fractions import Fraction

from plugin_backend.errors import CueSheetError
from render.cues.readers.csv_sheet import BOM
from render.cues.readers.otio_json import (
    NOT_OTIO,
    Range,
    list_of,
    media_of,
    number_of,
    part_of,
    pisada_metadata,
    range_of,
    schema_of,
    seconds_of,
    text_of,
    timeline_in,
)
from render.cues.readers.text_reading import error_at, parse_pisada_note
from render.cues.readers.timeline_builder import (
    DEEPEST,
    ItemDetails,
    TimelineBuilder,
    clean_name,
    exact_rate,
    rate_text,
    timeline_zero_s,
    with_counted_rate,
)
from render.cues.sheet_file import SheetSource, open_sheet
from render.cues.timeline import Timeline
from render.project.timecode import RATES, Clock

ITEMS = ("Stack", "Track", "Clip", "Gap")
LETTERS = {"Video": "V", "Audio": "A"}
NAMED_RATES = {rate.exact for rate in RATES.values()}


def is_otio(head: bytes) -> bool:
    """Return whether a file's first bytes are OpenTimelineIO JSON."""
    text = head.decode("utf-8", errors="replace").removeprefix(BOM).lstrip()
    return text.startswith("{") and '"OTIO_SCHEMA"' in text


def read_otio(source: SheetSource, clock: Clock) -> Timeline:
    """Read the timeline of an OpenTimelineIO file; nested stacks and tracks are flattened.

    Args:
        source: the file.
        clock: the programme's time base; a missing rate or start is taken from the timeline. OpenTimelineIO does not
            state drop-frame: at 29.97 and 59.94 with a start, the user or Pisada's own metadata must state it.

    Raises:
        CueSheetError: damaged, hostile, of another rate than the clock's, or an item without a length.
    """
    with open_sheet(source) as sheet, error_at(file=sheet.path):
        return _TimelineReader(timeline_in(sheet), clock).read()


class _TimelineReader:
    """Reads a timeline."""

    def __init__(self, timeline: dict, clock: Clock):
        stack = part_of(timeline, "tracks", "Stack")
        if stack is None:
            raise CueSheetError(f"{NOT_OTIO}: the timeline has no tracks")
        self.stack = stack
        metadata_rate = RATES.get(str(pisada_metadata(timeline).get("rate")))
        rate: Fraction | None
        start, start_frames = part_of(timeline, "global_start_time", "RationalTime"), None
        if start is not None:
            rate = exact_rate(number_of(start, "rate"))
            frames = seconds_of(start) * rate
            if rate not in NAMED_RATES and frames != 0:
                raise CueSheetError(f"its start is counted at {rate_text(rate)} a second, which is no frame rate")
            if frames.denominator != 1:
                raise CueSheetError(f"its start lies between two frames, at {float(frames)}")
            start_frames = int(frames) if rate in NAMED_RATES else None
        else:
            rates = self._frame_rates()
            rate = rates.pop() if len(rates) == 1 else None
        remarks: list[str] = []
        if rate is not None and rate in NAMED_RATES:
            drop = metadata_rate.drop if metadata_rate and metadata_rate.exact == rate else None
            clock = with_counted_rate(clock, rate, drop, start_frames, remarks)
        self.builder = TimelineBuilder(clock, timeline_zero_s(clock, start_frames), start_frames, remarks=remarks)
        self.ranges: dict[int, Range] = {}  # by the item's identity, because each is needed several times

    def _frame_rates(self) -> set[Fraction]:
        """Return the frame rates that the tracks' items count in."""
        items = [item for track in list_of(self.stack, "children") for item in list_of(track, "children")]
        ranges = [part_of(item, "source_range", "TimeRange") for item in items if schema_of(item) in ITEMS]
        times = [part_of(stated_range, "duration", "RationalTime") for stated_range in ranges if stated_range]
        return {exact_rate(number_of(time, "rate")) for time in times if time} & NAMED_RATES

    def read(self) -> Timeline:
        counts: dict[str, int] = {}
        trim = self._range(self.stack)[0]
        self._markers(self.stack, "", -trim, None)
        for track in list_of(self.stack, "children"):
            kind = text_of(track, "kind") or "Video"
            counts[kind] = counts.get(kind, 0) + 1
            name = (
                pisada_metadata(track).get("track")
                or clean_name(text_of(track, "name"))
                or f"{LETTERS.get(kind, kind)}{counts[kind]}"
            )
            extra = {"media": "" if kind == "Audio" else "picture" if kind == "Video" else kind}
            self._item(track, name, -trim, None, extra, 0)
        return self.builder.timeline("OTIO")

    def _item(self, item: dict, track: str, begin: Fraction, window: Range | None, extra: dict, depth: int) -> None:
        """Read one clip, stack or track from ``begin``, in seconds.

        ``window`` is the first and last second of the parent that is visible; None for all.
        """
        if depth > DEEPEST:
            raise CueSheetError(f"tracks nested more than {DEEPEST} deep")
        schema = schema_of(item)
        if schema not in ITEMS:
            return self.builder.add_unreadable(f"a {clean_name(schema)} on track {track!r} is not known")
        if item.get("enabled") is False:
            extra = extra | {"muted": "yes"}
        first, length = self._range(item, depth)
        visible = _within(window, begin, begin + length)
        if schema == "Clip":
            self._clip(item, track, visible, length, extra)
        elif schema != "Gap":
            # A range that begins before the track moves the track (the EDL adapter writes this) and trims nothing.
            trims = item.get("source_range") is not None and first >= 0
            nested = {"nested": text_of(item, "name") or schema.lower()} if depth else {}
            self._children(item, track, begin - first, visible if trims else window, extra | nested, depth)
        self._markers(item, track, begin - first, visible)

    def _children(
        self, parent: dict, track: str, begin: Fraction, window: Range | None, extra: dict, depth: int
    ) -> None:
        in_turn = schema_of(parent) == "Track"
        if list_of(parent, "effects"):
            self.builder.remarks.append(
                f"track {track!r}: effects on {clean_name(text_of(parent, 'name'))!r} are not used"
            )
        children = list_of(parent, "children")
        for index, child in enumerate(children):
            if schema_of(child) == "Transition":
                continue
            before = children[index - 1] if index else None
            after = children[index + 1] if index + 1 < len(children) else None
            transitions = {"transition_in": self._described(before), "transition_out": self._described(after)}
            self._item(child, track, begin, window, extra | (transitions if in_turn else {}), depth + 1)
            if in_turn and schema_of(child) in ITEMS:
                begin += self._range(child, depth + 1)[1]

    def _clip(self, clip: dict, track: str, visible: Range, length: Fraction, extra: dict) -> None:
        media = media_of(clip)
        name = text_of(clip, "name") or text_of(media, "name")
        if visible[1] <= visible[0] and length > 0:
            return self.builder.skip_event(f"clip {clean_name(name)!r} on track {track!r} is trimmed away")
        url = text_of(media, "target_url") or text_of(media, "target_url_base")
        with error_at(row=self.builder.event + 1):
            columns = parse_pisada_note(json.dumps(pisada_metadata(clip)))
        self.builder.add_item(name, track, *visible, ItemDetails(source=url, extra=extra, columns=columns))
        if list_of(clip, "effects"):
            self.builder.note_unused("effects and changes of speed")

    def _markers(self, item: dict, track: str, zero: Fraction, window: Range | None) -> None:
        """Read an item's markers; they count the time of the item's media."""
        for marker in list_of(item, "markers"):
            name, note = text_of(marker, "name"), text_of(marker, "comment")
            stated_range = part_of(marker, "marked_range", "TimeRange") or part_of(marker, "range", "TimeRange")
            if schema_of(marker) != "Marker" or stated_range is None:
                self.builder.add_unreadable(f"marker {clean_name(name)!r} on track {track!r} has no place")
                continue
            first, length = range_of(stated_range)
            begin = zero + first
            if window and not (window[0] <= begin < window[1] or begin == window[0] == window[1]):
                self.builder.skip_event(f"marker {clean_name(name)!r} lies in a part of its item that is cut off")
                continue
            frame = 1 / exact_rate(number_of(part_of(stated_range, "start_time", "RationalTime"), "rate"))
            colour = text_of(marker, "color")
            self.builder.add_marker(
                name or note, track, begin, length, frame, ItemDetails(note=note, extra={"colour": colour})
            )

    def _range(self, item: dict, depth: int = 0) -> Range:
        """Return the used range of an item: its source range, else all its media or children.

        Raises:
            CueSheetError: it states no length, or a negative one.
        """
        if depth > DEEPEST:
            raise CueSheetError(f"tracks nested more than {DEEPEST} deep")
        if id(item) not in self.ranges:
            self.ranges[id(item)] = self._range_used(item, depth)
        return self.ranges[id(item)]

    def _range_used(self, item: dict, depth: int) -> Range:
        schema = schema_of(item)
        stated_range = part_of(item, "source_range", "TimeRange")
        if stated_range is None and schema == "Clip":
            stated_range = part_of(media_of(item), "available_range", "TimeRange")
        if stated_range is not None:
            return range_of(stated_range)
        if schema in ("Stack", "Track"):
            parts = [child for child in list_of(item, "children") if schema_of(child) in ITEMS]
            lengths = [self._range(child, depth + 1)[1] for child in parts]
            return Fraction(0), sum(lengths, Fraction(0)) if schema == "Track" else max(lengths, default=Fraction(0))
        item_name = f"{schema.lower()} {clean_name(text_of(item, 'name'))!r}"
        raise CueSheetError(f"{item_name} states no length, so nothing after it can be placed")

    def _described(self, transition: dict | None) -> str:
        if transition is None or schema_of(transition) != "Transition":
            return ""
        offsets = [part_of(transition, name, "RationalTime") for name in ("in_offset", "out_offset")]
        length = sum((seconds_of(offset) for offset in offsets if offset), Fraction(0))
        return f"{clean_name(text_of(transition, 'name')) or 'transition'} {self.builder.length_samples(length)}smp"


def _within(window: Range | None, begin: Fraction, end: Fraction) -> Range:
    """Return the part of a range that is inside the window."""
    return (begin, end) if window is None else (max(begin, window[0]), min(end, window[1]))
