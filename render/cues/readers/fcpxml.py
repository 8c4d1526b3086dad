"""Read FCPXML (Final Cut Pro X, DaVinci Resolve): clips and markers at the exact rational times it states."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from plugin_backend.errors import CueSheetError
from render.cues.readers.safe_xml import is_xml_of, xml_root
from render.cues.readers.text_reading import error_at
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
from render.project.timecode import DROPPABLE, Clock

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


TIME = re.compile(r"(-?[0-9]{1,18})(?:/([0-9]{1,18}))?s")
CLIPS = ("asset-clip", "clip", "video", "audio", "title", "ref-clip", "sync-clip", "mc-clip")
WHOLE_ELSEWHERE = ("ref-clip", "sync-clip", "mc-clip")
MARKERS = ("marker", "chapter-marker")
RETIMED = ("timeMap", "conform-rate")
RATE = re.compile(r"[1-9][0-9]{0,2}(\.[0-9]{1,3})?")
DROP = {"DF": True, "NDF": False}
AUDIO_SOURCES = ("audio-channel-source", "audio-role-source")
PULLED = Fraction(1001, 1000)
FAMILIES = (24, 25, 30)  # a rate belongs to the family that divides its nominal rate


def is_fcpxml(head: bytes) -> bool:
    """Return whether a file's first bytes are FCPXML."""
    return is_xml_of(head, "fcpxml")


def read_fcpxml(source: SheetSource, clock: Clock) -> Timeline:
    """Read the single project of an FCPXML file. A clip's track is its audio role, or its lane.

    Times are exact rationals at every frame rate. Positions within a clip of another rate, such as its markers, count
    the clip's own time; see :func:`conform_factor`.

    Args:
        source: the file; of a bundle its ``Info.fcpxml``, not the folder.
        clock: the programme's time base; a missing rate or start is taken from the sequence.

    Raises:
        CueSheetError: damaged, hostile, of another rate than the clock's, or without exactly one project.
    """
    with open_sheet(source) as sheet, error_at(file=sheet.path):
        return _Project(xml_root(sheet), clock).read()


class _Project:
    """Reads the project's sequence, and holds the resources that clips refer to."""

    def __init__(self, root: Element, clock: Clock) -> None:
        self.resources = {element.get("id"): element for element in root.iterfind("resources/*")}
        self.sequence = _only_sequence(root)
        frame = self.resources.get(self.sequence.get("format"))
        duration = None if frame is None else _time(frame, "frameDuration")
        if not duration or duration < 0:
            raise CueSheetError("the sequence's format states no frame duration: its rate is not known")
        self.rate = exact_rate(1 / duration)
        self.frame = 1 / self.rate
        self.begin = _time(self.sequence, "tcStart") or Fraction(0)
        frames = self.begin * self.rate
        if frames.denominator != 1:
            raise CueSheetError(
                f"the sequence starts between two frames of {rate_text(self.rate)} fps, "
                f"at {self.sequence.get('tcStart')}"
            )
        start_frames = int(frames) if "tcStart" in self.sequence.attrib else None
        drop = DROP.get(self.sequence.get("tcFormat", "")) if self.rate in DROPPABLE else None
        remarks: list[str] = []
        clock = with_counted_rate(clock, self.rate, drop, start_frames, remarks)
        self.builder = TimelineBuilder(clock, timeline_zero_s(clock, start_frames), start_frames, remarks=remarks)

    def read(self) -> Timeline:
        for spine in self.sequence.iterfind("spine"):
            self._spine(spine, self.begin, 0)
        return self.builder.timeline("FCPXML")

    def _spine(self, spine: Element, zero: Fraction, depth: int) -> None:
        """Read a storyline.

        Its clips follow one another unless they state offsets. Offsets count from ``zero`` minus the storyline's own
        offset.
        """
        if depth > DEEPEST:
            raise CueSheetError(f"clips nested more than {DEEPEST} deep")
        base = Fraction(0) if spine.get("lane") else zero
        follows = base
        for element in spine:
            offset = _time(element, "offset")
            place = follows if offset is None else offset
            if place < base:
                raise CueSheetError(f"{_name(element)!r} begins before its storyline: its offset cannot be trusted")
            if element.tag == "transition":
                self.builder.skip_event(f"transition {_name(element)!r} is not used")
                continue
            self._item(element, zero + place - base, depth)
            follows = place + (_time(element, "duration") or 0)

    def _item(self, element: Element, begin: Fraction, depth: int) -> None:
        """Read one clip or gap that begins ``begin`` seconds after 00:00:00:00, and everything connected to it."""
        if depth > DEEPEST:
            raise CueSheetError(f"clips nested more than {DEEPEST} deep")
        if element.tag == "spine":
            return self._spine(element, begin, depth + 1)
        if element.tag == "audition":
            for number, choice in enumerate(element):
                if number:
                    self.builder.skip_event(f"{_name(choice)!r} is not the audition's choice")
                else:
                    self._item(choice, begin, depth + 1)
            return
        if element.tag in CLIPS:
            self._clip(element, begin)
        elif element.tag != "gap":
            return self.builder.add_unreadable(f"a {clean_name(element.tag)} is not known")
        clip_start, factor = _time(element, "start") or Fraction(0), self._factor(element)
        length = _time(element, "duration")
        for child in element:
            if child.tag in MARKERS:
                self._marker(child, element, begin, clip_start, length, factor)
            elif child.get("lane") and (child.tag in CLIPS or child.tag in ("spine", "audition", "gap")):
                offset = _time(child, "offset")
                within = Fraction(0) if offset is None else offset - clip_start
                self._item(child, begin + within * factor, depth + 1)

    def _factor(self, element: Element) -> Fraction:
        """Return the seconds of the sequence for one second of a clip's own time."""
        conform = element.find("conform-rate")
        if conform is None or conform.get("scaleEnabled") == "0" or not conform.get("srcFrameRate"):
            return Fraction(1)
        text = clean_name(conform.get("srcFrameRate"))
        if not RATE.fullmatch(text):
            raise CueSheetError(f"the srcFrameRate {text[:40]!r} of {_name(element)!r} is no frame rate")
        return conform_factor(exact_rate(Fraction(text)), self.rate)

    def _clip(self, element: Element, begin: Fraction) -> None:
        asset = self._asset(element)
        length = _time(element, "duration") or (None if asset is None else _time(asset, "duration"))
        if length is None:
            raise CueSheetError(f"{_name(element)!r} states no duration, nor does its asset")
        silent = not self._is_audible(element, asset)
        media = None if asset is None else asset.find("media-rep")
        source = None if asset is None else asset.get("src") or (None if media is None else media.get("src"))
        extra: dict[str, object] = {
            "media": "picture" if silent else "",
            "muted": "yes" if element.get("enabled") == "0" or self._is_muted(element) else "",
            "lane": element.get("lane"),
            "nested": element.tag if element.tag in WHOLE_ELSEWHERE else "",
        }
        at = begin - self.begin
        note = element.findtext("note") or ""
        self.builder.add_item(
            _name(element), self._track(element), at, at + length, ItemDetails(note=note, source=source, extra=extra)
        )
        if element.tag in WHOLE_ELSEWHERE:
            self.builder.note_unused("the clips inside compound, synchronised and multicam clips")
        if any(element.find(tag) is not None for tag in RETIMED):
            self.builder.note_unused("changes of speed")
        if element.find("keyword") is not None:
            self.builder.note_unused("keywords")

    def _marker(
        self,
        marker: Element,
        owner: Element,
        begin: Fraction,
        clip_start: Fraction,
        length: Fraction | None,
        factor: Fraction,
    ) -> None:
        place = _time(marker, "start")
        name = clean_name(marker.get("value"))
        if place is None:
            return self.builder.add_unreadable(f"marker {name!r} has no place")
        within = (place - clip_start) * factor
        if within < 0 or (length is not None and within >= length):
            return self.builder.skip_event(f"marker {name!r} lies in a part of its clip that is cut off")
        track = self._track(owner) if owner.tag in CLIPS else ""
        self.builder.add_marker(
            name,
            track,
            begin + within - self.begin,
            (_time(marker, "duration") or Fraction(0)) * factor,
            max(self.frame, self._frame_of(owner) * factor),
            ItemDetails(note=marker.get("note")),
        )

    def _frame_of(self, owner: Element) -> Fraction:
        """Return a frame's length in a clip's own format: Final Cut Pro writes it for markers without a length."""
        asset = self._asset(owner)
        formats = (element.get("format") for element in (owner, asset) if element is not None)
        durations = (_time(self.resources[name], "frameDuration") for name in formats if name in self.resources)
        return next((duration for duration in durations if duration), self.frame)

    def _asset(self, element: Element) -> Element | None:
        """Return the asset that a clip plays: its own reference, or that of a clip inside it."""
        references = (part.get("ref") for part in (element, *_contents(element)))
        return next((self.resources[reference] for reference in references if reference in self.resources), None)

    def _is_audible(self, element: Element, asset: Element | None) -> bool:
        """Return whether a clip has audio. Unknown clips count as audible."""
        if element.tag in ("video", "title") or element.get("srcEnable") == "video":
            return False
        if element.tag == "clip":
            inner = [part.tag for part in _contents(element)]
            return "audio" in inner or not inner
        return asset is None or asset.tag != "asset" or asset.get("hasAudio") == "1"

    @staticmethod
    def _is_muted(element: Element) -> bool:
        """Return whether all audio of a clip is switched off."""
        sources = [child for child in element if child.tag in AUDIO_SOURCES]
        return bool(sources) and all("0" in (each.get("enabled"), each.get("active")) for each in sources)

    def _track(self, element: Element) -> str:
        inside = (part.get("role") for part in _contents(element) if part.tag == "audio" and part.get("role"))
        role = element.get("audioRole") or next(inside, None) or element.get("role") or element.get("videoRole")
        return clean_name(role) or f"lane {clean_name(element.get('lane')) or '0'}"


def conform_factor(media: Fraction, sequence: Fraction) -> Fraction:
    """Return the seconds of a sequence for one second of media that Final Cut Pro conforms to its frame rate.

    Media plays frame for frame if the rates are close (25 as 24, 30 as 29.97). Media of 23.976, 29.97 or 59.94 plays
    0.1 % faster, as 24, 30 or 60, in all sequences except those of its own family. All other media keeps its time.
    Source: Apple's "conform-rate" reference, corrected by positions that Final Cut Pro shows (its exports at 23.976,
    24, 30, 50, 59.94 and 60 among the samples of swift-daw-file-tools).

    Args:
        media, sequence: exact frames per second.
    """
    own, other = _family(media), _family(sequence)
    pulled, to_pulled = media.denominator != 1, sequence.denominator != 1
    if pulled:
        if not to_pulled or (own, other) == (24, 30):
            return 1 / PULLED
        return PULLED if (own, other) == (30, 24) else Fraction(1)
    if own == other:
        return PULLED if to_pulled else Fraction(1)
    if (own, other) == (25, 24):
        return Fraction(25, 24) * (PULLED if to_pulled else 1)
    return Fraction(24, 25) if (media, sequence) == (24, 25) else Fraction(1)


def _family(rate: Fraction) -> int:
    """Return 24 for 23.976, 24 and 48, 25 for 25 and 50, 30 for 29.97, 30, 59.94 and 60."""
    nominal = -(-rate.numerator // rate.denominator)
    return next((family for family in FAMILIES if nominal % family == 0), 0)


def _contents(element: Element) -> list:
    """Return the clips inside a clip that it plays itself. Connected clips have a lane and are not among them."""
    return [part for child in element if not child.get("lane") for part in child.iter() if part.tag in CLIPS]


def _only_sequence(root: Element) -> Element:
    """Return the sequence of the only project.

    Raises:
        CueSheetError: none, or several.
    """
    projects = [
        (clean_name(project.get("name")), sequence)
        for project in root.iter("project")
        if (sequence := project.find("sequence")) is not None
    ]
    if len(projects) == 1:
        return projects[0][1]
    names = ", ".join(repr(name) for name, _ in projects)
    raise CueSheetError(f"holds {len(projects)} projects ({names}): export one" if names else "holds no project")


def _time(element: Element, attribute: str) -> Fraction | None:
    """Return seconds; None if the attribute is missing.

    Raises:
        CueSheetError: not written as FCPXML writes times.
    """
    text = element.get(attribute)
    if text is None:
        return None
    match = TIME.fullmatch(text)
    if not match or match[2] is not None and int(match[2]) == 0:
        raise CueSheetError(f"the {attribute} {clean_name(text)!r} is no time: FCPXML writes 3600s or 1001/24000s")
    return Fraction(int(match[1]), int(match[2] or 1))


def _name(element: Element) -> str:
    return clean_name(element.get("name")) or clean_name(element.tag)
