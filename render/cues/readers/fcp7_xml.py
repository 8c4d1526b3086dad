"""Read Final Cut Pro 7 XML (xmeml), as Premiere Pro and Resolve write it: one sequence, its tracks, clips and markers.

The XML is read here, because the OpenTimelineIO adapter loses track names.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from plugin_backend.errors import CueSheetError
from render.cues.readers.safe_xml import is_xml_of, xml_root
from render.cues.readers.text_reading import error_at
from render.cues.readers.timeline_builder import (
    ItemDetails,
    TimelineBuilder,
    clean_name,
    rate_text,
    timeline_zero_s,
    with_counted_rate,
)
from render.cues.sheet_file import SheetSource, open_sheet
from render.cues.timeline import Timeline, TimelineItem
from render.project.timecode import RATES, Clock, FrameRate, frames_of

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


WHOLE = re.compile(r"(-?[0-9]{1,15})(?:\.0*)?")
ITEMS = ("clipitem", "generatoritem")
NOTES = ("logginginfo/description", "logginginfo/lognote", "comments/mastercomment1", "comments/clipcommenta")
AT_TRANSITION = -1


def is_fcp7_xml(head: bytes) -> bool:
    """Return whether a file's first bytes are Final Cut Pro 7 XML."""
    return is_xml_of(head, "xmeml")


def read_fcp7_xml(source: SheetSource, clock: Clock) -> Timeline:
    """Read the single sequence of a Final Cut Pro 7 XML file.

    Clips begin and end at their cuts. A transition over a cut is noted in ``transition_in`` and ``transition_out``.

    Args:
        source: the file.
        clock: the programme's time base; a missing rate or start is taken from the sequence.

    Raises:
        CueSheetError: damaged, hostile, of another rate than the clock's, or without exactly one sequence.
        TimecodeError: its start is no timecode of its rate.
    """
    with open_sheet(source) as sheet, error_at(file=sheet.path):
        return _Sequence(xml_root(sheet), clock).read()


class _Sequence:
    """Reads the sequence, and holds the files and sequences that clips refer to by id."""

    def __init__(self, root: Element, clock: Clock) -> None:
        self.files: dict[str | None, str] = {}
        self.nested: dict[str | None, Element] = {}
        for file in root.iter("file"):
            if url := file.findtext("pathurl"):
                self.files.setdefault(file.get("id"), url)
        for sequence in root.iter("sequence"):
            if sequence.find("media") is not None:
                self.nested.setdefault(sequence.get("id"), sequence)
        self.sequence = _only_sequence(root)
        self.rate = _rate(self.sequence)
        remarks: list[str] = []
        drop, start_frames = _start(self.sequence, self.rate, clock, remarks)
        clock = with_counted_rate(clock, self.rate, drop, start_frames, remarks)
        self.builder = TimelineBuilder(clock, timeline_zero_s(clock, start_frames), start_frames, remarks=remarks)
        self.linked: dict[tuple, TimelineItem] = {}

    def read(self) -> Timeline:
        for kind, letter in (("video", "V"), ("audio", "A")):
            number = 0
            for track in self.sequence.iterfind(f"media/{kind}/track"):
                number += track.get("currentExplodedTrackIndex", "0") == "0"  # Premiere writes a stereo track as two
                name = track.get("MZ.TrackName") or track.findtext("name") or f"{letter}{number}"
                self._track(track, clean_name(name), kind)
        for marker in self.sequence.iterfind("marker"):
            self._marker(marker, "", Fraction(0), self.rate)
        return self.builder.timeline("Final Cut Pro 7 XML")

    def _track(self, track: Element, name: str, kind: str) -> None:
        items = list(track)
        for index, item in enumerate(items):
            before, after = items[index - 1] if index else None, items[index + 1] if index + 1 < len(items) else None
            if item.tag in ITEMS:
                enabled = _is_true(item, "enabled") and _is_true(track, "enabled")
                self._item(item, name, kind, enabled, _transition(before), _transition(after))
            elif item.tag == "transitionitem":
                beside = any(near is not None and near.tag in ITEMS for near in (before, after))
                if _transition(item) is None or not beside:
                    self.builder.skip_event(f"a transition on track {name!r} beside no clip, or without a length")

    def _item(
        self, item: Element, track: str, kind: str, enabled: bool, before: Element | None, after: Element | None
    ) -> None:
        """Read one clip; ``before`` and ``after`` are the transitions beside it in the file."""
        name = item.findtext("name") or item.findtext("file/name") or ""
        begin, end = _whole(item, "start"), _whole(item, "end")
        media_begin = begin
        if begin == AT_TRANSITION and before is not None:
            media_begin, begin = _whole(before, "start"), _cut(before)
        if end == AT_TRANSITION and after is not None:
            end = _cut(after)
        if begin is None or end is None or AT_TRANSITION in (begin, end):
            return self.builder.add_unreadable(f"clip {clean_name(name)!r} on track {track!r} has no start or no end")
        nested = item.find("sequence")
        extra: dict[str, object] = {
            "media": "picture" if kind == "video" else "",
            "muted": "" if enabled else "yes",
            "transition_in": self._described(before, begin),
            "transition_out": self._described(after, end),
            "label": item.findtext("labels/label2"),
            "nested": nested is not None and (self._nested_name(nested) or name),
            "generator": item.tag == "generatoritem" and (item.findtext("effect/name") or "yes"),
        }
        group = self._group(item, kind, name, begin, end)
        if group in self.linked:
            first = self.linked[group]
            self.builder.next_event()
            first.extra["channels"] = str(int(first.extra.get("channels", "1")) + 1)
            if track != first.track:
                first.extra["linked"] = ", ".join(filter(None, (first.extra.get("linked"), track)))
        else:
            file = item.find("file")
            url = None if file is None else file.findtext("pathurl") or self.files.get(file.get("id"))
            clip = self.builder.add_item(
                name, track, begin / self.rate, end / self.rate, ItemDetails(source=url, note=_notes(item), extra=extra)
            )
            if group and clip:
                self.linked[group] = clip
            if nested is not None:
                self.builder.note_unused("the clips inside nested sequences")
            if item.find("filter") is not None:
                self.builder.note_unused("filters and levels")
        self._clip_markers(item, track, Fraction(media_begin or 0) / self.rate, begin / self.rate, end / self.rate)

    def _clip_markers(self, item: Element, track: str, media_begin: Fraction, begin: Fraction, end: Fraction) -> None:
        """Read a clip's markers; they count frames of its media."""
        markers = item.findall("marker")
        if not markers:
            return
        rate = _rate(item) if item.find("rate") is not None else self.rate
        media_in = _whole(item, "in") or 0
        for marker in markers:
            place = _whole(marker, "in")
            at = None if place is None else media_begin + (place - media_in) / rate
            if at is not None and not begin <= at < end:
                self.builder.skip_event(
                    f"marker {clean_name(marker.findtext('name'))!r} lies in a part of its clip that is cut off"
                )
            else:
                self._marker(marker, track, media_begin - media_in / rate, rate)

    def _marker(self, marker: Element, track: str, zero: Fraction, rate: Fraction) -> None:
        name, note = marker.findtext("name") or "", marker.findtext("comment") or ""
        begin, end = _whole(marker, "in"), _whole(marker, "out")
        if begin is None or begin < 0:
            return self.builder.add_unreadable(f"marker {clean_name(name)!r} has no place")
        frames = end - begin if end is not None and end > begin else 0
        self.builder.add_marker(
            name or note,
            track,
            zero + begin / rate,
            frames / rate,
            1 / rate,
            ItemDetails(note=note, extra={"colour": marker.findtext("pproColor")}),
        )

    def _group(self, item: Element, kind: str, name: str, begin: int, end: int) -> tuple | None:
        """Return the key that the channels of one clip share; None for a clip with one channel."""
        ids = {
            link.findtext("linkclipref")
            for link in item.iterfind("link")
            if link.findtext("mediatype", default="audio") == "audio"
        }
        if kind == "audio" and len(ids) > 1 and item.get("id") in ids:
            return frozenset(ids), name, begin, end, _whole(item, "in")
        return None

    def _described(self, transition: Element | None, frame: int) -> str:
        """Return a transition's name and length if it covers the frame; else an empty text."""
        if transition is None:
            return ""
        begin, end = _ends(transition)
        if not begin <= frame <= end:
            return ""
        frames = end - begin
        name = clean_name(transition.findtext("effect/name")) or "transition"
        return f"{name} {self.builder.length_samples(frames / self.rate)}smp"

    def _nested_name(self, nested: Element) -> str:
        return clean_name(nested.findtext("name") or self.nested.get(nested.get("id"), nested).findtext("name"))


def _only_sequence(root: Element) -> Element:
    """Return the outermost sequence.

    Raises:
        CueSheetError: none, or several.
    """
    waiting, sequences = [root], []
    while waiting:
        element = waiting.pop()
        if element.tag == "sequence":
            sequences.append(element)
        elif element.tag != "clipitem":
            waiting += element
    sequences = [sequence for sequence in sequences if sequence.find("media") is not None]
    if len(sequences) == 1:
        return sequences[0]
    names = ", ".join(sorted(repr(clean_name(sequence.findtext("name"))) for sequence in sequences))
    raise CueSheetError(f"holds {len(sequences)} sequences ({names}): export one" if names else "holds no sequence")


def _rate(element: Element) -> Fraction:
    rate = element.find("rate")
    timebase = None if rate is None else _whole(rate, "timebase")
    if rate is None or not timebase or timebase < 0:
        raise CueSheetError(f"the rate of {clean_name(element.findtext('name'))!r} is missing, or not above 0")
    return Fraction(timebase * 1000, 1001) if _is_true(rate, "ntsc", "FALSE") else Fraction(timebase)


def _start(sequence: Element, exact: Fraction, clock: Clock, remarks: list[str]) -> tuple[bool | None, int | None]:
    """Return whether the sequence's timecode is drop-frame, and its first frame; None for what is not stated.

    Premiere marks some sequences drop-frame that are not, and the reverse. Its count of the first frame then shows
    which rate the label uses, and the count is trusted.
    """
    timecode = sequence.find("timecode")
    if timecode is None:
        return None, None
    if timecode.find("rate") is not None and _rate(timecode) != exact:
        raise CueSheetError("the sequence's timecode has another rate than the sequence")
    label, frames = clean_name(timecode.findtext("string")), _whole(timecode, "frame")
    shape = clean_name(timecode.findtext("displayformat")).upper()
    drop = {"DF": True, "NDF": False}.get(shape, True if ";" in label else None)
    rates = [rate for rate in RATES.values() if rate.exact == exact]
    marked_rates = [rate for rate in rates if drop in (None, rate.drop)]
    if frames is None:
        rate = clock.rate if clock.rate in marked_rates else marked_rates[0] if len(marked_rates) == 1 else None
        return drop, _label_frames(label, rate) if label and rate else None
    agreeing = [rate for rate in rates if _is_frame(label, frames, rate)] if label else []
    if not label or not rates or set(agreeing) & set(marked_rates):
        return drop, frames
    if not agreeing:
        names = " or ".join(rate.name for rate in marked_rates or rates)
        raise CueSheetError(
            f"the sequence starts at {label}, and at frame {frames}: these are different frames at {names} fps"
        )
    remarks.append(
        f"the sequence is marked {rate_text(exact, drop)}, but its first frame, {frames}, is {label} at "
        f"{agreeing[0].name} fps: the frame is used"
    )
    return agreeing[0].drop, frames


def _label_frames(label: str, rate: FrameRate) -> int:
    """Return the frames from 00:00:00:00 to a label, with any separators.

    Raises:
        TimecodeError: there is no such label.
    """
    fields = re.split("[:;.,]", label)
    return frames_of(":".join(fields[:-1]) + (";" if rate.drop else ":") + fields[-1], rate)


def _is_frame(label: str, frames: int, rate: FrameRate) -> bool:
    """Return whether a label of that rate is that frame."""
    try:
        return _label_frames(label, rate) == frames
    except CueSheetError:  # for example, drop-frame skips the label
        return False


def _transition(element: Element | None) -> Element | None:
    """Return the element if it is a complete transition, else None."""
    if element is None or element.tag != "transitionitem":
        return None
    begin, end = _whole(element, "start"), _whole(element, "end")
    return element if begin is not None and end is not None and 0 <= begin <= end else None


def _ends(transition: Element) -> tuple[int, int]:
    """Return first and last frame of a complete transition."""
    return _whole(transition, "start") or 0, _whole(transition, "end") or 0


def _cut(transition: Element) -> int:
    """Return the frame of the cut that a transition covers."""
    begin, end = _ends(transition)
    alignment = clean_name(transition.findtext("alignment")).lower()
    if alignment.startswith("start"):
        return begin
    return end if alignment.startswith("end") else (begin + end) // 2


def _whole(element: Element, tag: str) -> int | None:
    """Return a child's whole number; None if it has none."""
    match = WHOLE.fullmatch(clean_name(element.findtext(tag)))
    return int(match[1]) if match else None


def _is_true(element: Element, tag: str, otherwise: str = "TRUE") -> bool:
    return clean_name(element.findtext(tag) or otherwise).upper() == "TRUE"


def _notes(item: Element) -> str:
    return "; ".join(filter(None, (clean_name(item.findtext(place)) for place in NOTES)))
