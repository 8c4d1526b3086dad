"""Final Cut Pro 7 XML (xmeml), as Premiere Pro and Resolve write it: one sequence, its tracks, clips and markers.

We read the XML ourselves: the OpenTimelineIO adapter loses track names.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

from plugin_backend.errors import CueSheetError
from render.cues.readers.safe_xml import is_xml_of, xml_root
from render.cues.readers.text_reading import error_at
from render.cues.readers.timeline_builder import (
    TimelineBuilder,
    clean_name,
    rate_text,
    timeline_zero_s,
    with_counted_rate,
)
from render.cues.timeline import Timeline, TimelineItem
from render.project.timecode import RATES, Clock, FrameRate, frames_of

WHOLE = re.compile(r"(-?[0-9]{1,15})(?:\.0*)?")
ITEMS = ("clipitem", "generatoritem")
NOTES = ("logginginfo/description", "logginginfo/lognote", "comments/mastercomment1", "comments/clipcommenta")
AT_TRANSITION = -1


def is_fcp7_xml(head: bytes) -> bool:
    """Whether a file's first bytes are Final Cut Pro 7 XML."""
    return is_xml_of(head, "xmeml")


def read_fcp7_xml(path: Path, clock: Clock) -> Timeline:
    """Reads the one sequence of a Final Cut Pro 7 XML file.

    Clips begin and end at their cuts; a transition over a cut is told in ``transition_in`` and ``transition_out``.

    Args:
        path: the file.
        clock: the programme's time base; completed with the sequence's where the user gave none.

    Raises:
        CueSheetError: damaged, hostile, of another rate than the clock's, or without exactly one sequence.
        TimecodeError: its start is no timecode of its rate.
    """
    path = Path(path)
    with error_at(file=path):
        return _Sequence(xml_root(path), clock).read()


class _Sequence:
    """One read of the file: its sequence, and what clips refer to by id."""

    def __init__(self, root, clock: Clock):
        self.files, self.nested = {}, {}
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
        self.found = TimelineBuilder(clock, timeline_zero_s(clock, start_frames), start_frames, remarks=remarks)
        self.linked: dict[tuple, TimelineItem] = {}

    def read(self) -> Timeline:
        for kind, letter in (("video", "V"), ("audio", "A")):
            number = 0
            for track in self.sequence.iterfind(f"media/{kind}/track"):
                number += track.get("currentExplodedTrackIndex", "0") == "0"  # one of Premiere's, written in two
                name = track.get("MZ.TrackName") or track.findtext("name") or f"{letter}{number}"
                self._track(track, clean_name(name), kind)
        for marker in self.sequence.iterfind("marker"):
            self._marker(marker, "", Fraction(0), self.rate)
        return self.found.timeline("Final Cut Pro 7 XML")

    def _track(self, track, name: str, kind: str) -> None:
        items = list(track)
        for index, item in enumerate(items):
            before, after = items[index - 1] if index else None, items[index + 1] if index + 1 < len(items) else None
            if item.tag in ITEMS:
                enabled = _is_true(item, "enabled") and _is_true(track, "enabled")
                self._item(item, name, kind, enabled, _transition(before), _transition(after))
            elif item.tag == "transitionitem":
                beside = any(near is not None and near.tag in ITEMS for near in (before, after))
                if _transition(item) is None or not beside:
                    self.found.unread(f"a transition on track {name!r} beside no clip, or without a length")

    def _item(self, item, track: str, kind: str, enabled: bool, before, after) -> None:
        """One clip; ``before`` and ``after`` are the transitions beside it in the file."""
        name = item.findtext("name") or item.findtext("file/name") or ""
        begin, end = _whole(item, "start"), _whole(item, "end")
        media_begin = begin
        if begin == AT_TRANSITION and before is not None:
            media_begin, begin = _whole(before, "start"), _cut(before)
        if end == AT_TRANSITION and after is not None:
            end = _cut(after)
        if begin is None or end is None or AT_TRANSITION in (begin, end):
            return self.found.unreadable(f"clip {clean_name(name)!r} on track {track!r} has no start or no end")
        nested = item.find("sequence")
        extra = {
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
            self.found.next_event()
            first.extra["channels"] = str(int(first.extra.get("channels", "1")) + 1)
            if track != first.track:
                first.extra["linked"] = ", ".join(filter(None, (first.extra.get("linked"), track)))
        else:
            file = item.find("file")
            url = None if file is None else file.findtext("pathurl") or self.files.get(file.get("id"))
            spot = self.found.spot(
                name, track, begin / self.rate, end / self.rate, source=url, note=_notes(item), extra=extra
            )
            if group and spot:
                self.linked[group] = spot
            if nested is not None:
                self.found.not_used("the clips inside nested sequences")
            if item.find("filter") is not None:
                self.found.not_used("filters and levels")
        self._clip_markers(item, track, Fraction(media_begin) / self.rate, begin / self.rate, end / self.rate)

    def _clip_markers(self, item, track: str, media_begin: Fraction, begin: Fraction, end: Fraction) -> None:
        """A clip's markers count its media's frames."""
        markers = item.findall("marker")
        if not markers:
            return
        rate = _rate(item) if item.find("rate") is not None else self.rate
        media_in = _whole(item, "in") or 0
        for marker in markers:
            place = _whole(marker, "in")
            at = None if place is None else media_begin + (place - media_in) / rate
            if at is not None and not begin <= at < end:
                self.found.unread(
                    f"marker {clean_name(marker.findtext('name'))!r} lies in a part of its clip that is cut off"
                )
            else:
                self._marker(marker, track, media_begin - media_in / rate, rate)

    def _marker(self, marker, track: str, zero: Fraction, rate: Fraction) -> None:
        name, note = marker.findtext("name") or "", marker.findtext("comment") or ""
        begin, end = _whole(marker, "in"), _whole(marker, "out")
        if begin is None or begin < 0:
            return self.found.unreadable(f"marker {clean_name(name)!r} has no place")
        frames = end - begin if end is not None and end > begin else 0
        self.found.marker(
            name or note, track, zero + begin / rate, frames / rate, 1 / rate, note=note,
            extra={"colour": marker.findtext("pproColor")},
        )  # fmt: skip

    def _group(self, item, kind: str, name: str, begin: int, end: int) -> tuple | None:
        """What the channels of one clip have in common; None for a clip without others."""
        ids = {
            link.findtext("linkclipref")
            for link in item.iterfind("link")
            if link.findtext("mediatype", default="audio") == "audio"
        }
        if kind == "audio" and len(ids) > 1 and item.get("id") in ids:
            return frozenset(ids), name, begin, end, _whole(item, "in")
        return None

    def _described(self, transition, frame: int) -> str:
        """A transition's name and length, if it covers the frame."""
        if transition is None or not _whole(transition, "start") <= frame <= _whole(transition, "end"):
            return ""
        frames = _whole(transition, "end") - _whole(transition, "start")
        name = clean_name(transition.findtext("effect/name")) or "transition"
        return f"{name} {self.found.length_samples(frames / self.rate)}smp"

    def _nested_name(self, nested) -> str:
        return clean_name(nested.findtext("name") or self.nested.get(nested.get("id"), nested).findtext("name"))


def _only_sequence(root):
    """The outermost sequence.

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


def _rate(element) -> Fraction:
    timebase = _whole(element.find("rate"), "timebase") if element.find("rate") is not None else None
    if not timebase or timebase < 0:
        raise CueSheetError(f"the rate of {clean_name(element.findtext('name'))!r} is missing, or not above 0")
    return Fraction(timebase * 1000, 1001) if _is_true(element.find("rate"), "ntsc", "FALSE") else Fraction(timebase)


def _start(sequence, exact: Fraction, clock: Clock, remarks: list[str]) -> tuple[bool | None, int | None]:
    """Whether the sequence's timecode is drop-frame, and its first frame; None for what it does not say.

    Premiere marks some sequences drop-frame that are not, and the reverse: its count of the first frame then tells
    how its label is meant, and is believed.
    """
    timecode = sequence.find("timecode")
    if timecode is None:
        return None, None
    if timecode.find("rate") is not None and _rate(timecode) != exact:
        raise CueSheetError("the sequence's timecode has another rate than the sequence")
    label, frames = clean_name(timecode.findtext("string")), _whole(timecode, "frame")
    shape = clean_name(timecode.findtext("displayformat")).upper()
    drop = {"DF": True, "NDF": False}.get(shape, True if ";" in label else None)
    fitting = [rate for rate in RATES.values() if rate.exact == exact]
    marked = [rate for rate in fitting if drop in (None, rate.drop)]
    if frames is None:
        rate = clock.rate if clock.rate in marked else marked[0] if len(marked) == 1 else None
        return drop, _label_frames(label, rate) if label and rate else None
    meant = [rate for rate in fitting if _is_frame(label, frames, rate)] if label else []
    if not label or not fitting or set(meant) & set(marked):
        return drop, frames
    if not meant:
        names = " or ".join(rate.name for rate in marked or fitting)
        raise CueSheetError(f"the sequence starts at {label}, and at frame {frames}: these differ at {names} fps")
    remarks.append(
        f"the sequence is marked {rate_text(exact, drop)}, but its first frame, {frames}, is {label} at "
        f"{meant[0].name} fps: the frame is believed"
    )
    return meant[0].drop, frames


def _label_frames(label: str, rate: FrameRate) -> int:
    """Frames from 00:00:00:00 to a label, whatever its separators.

    Raises:
        TimecodeError: there is no such label.
    """
    fields = re.split("[:;.,]", label)
    return frames_of(":".join(fields[:-1]) + (";" if rate.drop else ":") + fields[-1], rate)


def _is_frame(label: str, frames: int, rate: FrameRate) -> bool:
    """Whether a label of that rate is that frame."""
    try:
        return _label_frames(label, rate) == frames
    except CueSheetError:  # drop-frame skips it, say
        return False


def _transition(element):
    """The element if it is a whole transition, else None."""
    if element is None or element.tag != "transitionitem":
        return None
    ends = _whole(element, "start"), _whole(element, "end")
    return element if None not in ends and 0 <= ends[0] <= ends[1] else None


def _cut(transition) -> int:
    """The frame of the cut that a transition covers."""
    begin, end = _whole(transition, "start"), _whole(transition, "end")
    alignment = clean_name(transition.findtext("alignment")).lower()
    if alignment.startswith("start"):
        return begin
    return end if alignment.startswith("end") else (begin + end) // 2


def _whole(element, tag: str) -> int | None:
    """A child's whole number; None if it has none."""
    match = WHOLE.fullmatch(clean_name(element.findtext(tag)))
    return int(match[1]) if match else None


def _is_true(element, tag: str, otherwise: str = "TRUE") -> bool:
    return clean_name(element.findtext(tag) or otherwise).upper() == "TRUE"


def _notes(item) -> str:
    return "; ".join(filter(None, (clean_name(item.findtext(place)) for place in NOTES)))
