"""FCPXML (Final Cut Pro X, DaVinci Resolve): clips and markers by the exact rational times it states."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

from plugin_backend.errors import CueSheetError
from render.cues.readers.safe_xml import is_xml_of, xml_root
from render.cues.readers.text_reading import error_at
from render.cues.readers.timeline_builder import (
    DEEPEST,
    TimelineBuilder,
    clean_name,
    exact_rate,
    rate_text,
    timeline_zero_s,
    with_counted_rate,
)
from render.cues.timeline import Timeline
from render.project.timecode import DROPPABLE, Clock

TIME = re.compile(r"(-?[0-9]{1,18})(?:/([0-9]{1,18}))?s")
CLIPS = ("asset-clip", "clip", "video", "audio", "title", "ref-clip", "sync-clip", "mc-clip")
WHOLE_ELSEWHERE = ("ref-clip", "sync-clip", "mc-clip")
MARKERS = ("marker", "chapter-marker")
RETIMED = ("timeMap", "conform-rate")
RATE = re.compile(r"[1-9][0-9]{0,2}(\.[0-9]{1,3})?")
DROP = {"DF": True, "NDF": False}
AUDIO_SOURCES = ("audio-channel-source", "audio-role-source")
PULLED = Fraction(1001, 1000)
FAMILIES = (24, 25, 30)  # a rate is of the family whose multiple its nominal one is


def is_fcpxml(head: bytes) -> bool:
    """Whether a file's first bytes are FCPXML."""
    return is_xml_of(head, "fcpxml")


def read_fcpxml(path: Path, clock: Clock) -> Timeline:
    """Reads the one project of an FCPXML file; a clip's track is its audio role, or its lane.

    Times are exact rationals at every frame rate. What is placed within a clip of another rate, such as its markers,
    counts the clip's own time, see :func:`conform_factor`.

    Args:
        path: the file; a bundle's ``Info.fcpxml``, not the bundle's folder.
        clock: the programme's time base; completed with the sequence's where the user gave none.

    Raises:
        CueSheetError: damaged, hostile, of another rate than the clock's, or without exactly one project.
    """
    path = Path(path)
    with error_at(file=path):
        return _Project(xml_root(path), clock).read()


class _Project:
    """One read of the file: its sequence and the resources that clips refer to."""

    def __init__(self, root, clock: Clock):
        self.resources = {element.get("id"): element for element in root.iterfind("resources/*")}
        self.sequence = _only_sequence(root)
        frame = self.resources.get(self.sequence.get("format"))
        duration = None if frame is None else _time(frame, "frameDuration")
        if not duration or duration < 0:
            raise CueSheetError("the sequence's format states no frame duration: its rate is not known")
        self.rate = exact_rate(1 / duration)
        self.frame = 1 / self.rate
        self.begin = _time(self.sequence, "tcStart") or Fraction(0)
        start_frames = self.begin * self.rate
        if start_frames.denominator != 1:
            raise CueSheetError(
                f"the sequence starts between two frames of {rate_text(self.rate)} fps, at {self.sequence.get('tcStart')}"
            )
        start_frames = int(start_frames) if "tcStart" in self.sequence.attrib else None
        drop = DROP.get(self.sequence.get("tcFormat")) if self.rate in DROPPABLE else None
        remarks: list[str] = []
        clock = with_counted_rate(clock, self.rate, drop, start_frames, remarks)
        self.found = TimelineBuilder(clock, timeline_zero_s(clock, start_frames), start_frames, remarks=remarks)

    def read(self) -> Timeline:
        for spine in self.sequence.iterfind("spine"):
            self._spine(spine, self.begin, 0)
        return self.found.timeline("FCPXML")

    def _spine(self, spine, zero: Fraction, depth: int) -> None:
        """A storyline whose clips' offsets count from ``zero`` minus itself: one after the other, unless they say."""
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
                self.found.unread(f"transition {_name(element)!r} is not used")
                continue
            self._item(element, zero + place - base, depth)
            follows = place + (_time(element, "duration") or 0)

    def _item(self, element, begin: Fraction, depth: int) -> None:
        """One clip or gap that begins ``begin`` seconds after 00:00:00:00, and what is connected to it."""
        if depth > DEEPEST:
            raise CueSheetError(f"clips nested more than {DEEPEST} deep")
        if element.tag == "spine":
            return self._spine(element, begin, depth + 1)
        if element.tag == "audition":
            for number, choice in enumerate(element):
                if number:
                    self.found.unread(f"{_name(choice)!r} is not the audition's choice")
                else:
                    self._item(choice, begin, depth + 1)
            return
        if element.tag in CLIPS:
            self._clip(element, begin)
        elif element.tag != "gap":
            return self.found.unreadable(f"a {clean_name(element.tag)} is not known")
        own_start, factor = _time(element, "start") or Fraction(0), self._factor(element)
        length = _time(element, "duration")
        for child in element:
            if child.tag in MARKERS:
                self._marker(child, element, begin, own_start, length, factor)
            elif child.get("lane") and (child.tag in CLIPS or child.tag in ("spine", "audition", "gap")):
                offset = _time(child, "offset")
                within = Fraction(0) if offset is None else offset - own_start
                self._item(child, begin + within * factor, depth + 1)

    def _factor(self, element) -> Fraction:
        """Seconds of the sequence for a second of a clip's own time."""
        conform = element.find("conform-rate")
        if conform is None or conform.get("scaleEnabled") == "0" or not conform.get("srcFrameRate"):
            return Fraction(1)
        text = clean_name(conform.get("srcFrameRate"))
        if not RATE.fullmatch(text):
            raise CueSheetError(f"the srcFrameRate {text[:40]!r} of {_name(element)!r} is no frame rate")
        return conform_factor(exact_rate(Fraction(text)), self.rate)

    def _clip(self, element, begin: Fraction) -> None:
        asset = self._asset(element)
        length = _time(element, "duration") or (None if asset is None else _time(asset, "duration"))
        if length is None:
            raise CueSheetError(f"{_name(element)!r} states no duration, nor does its asset")
        silent = not self._sounds(element, asset)
        media = None if asset is None else asset.find("media-rep")
        source = None if asset is None else asset.get("src") or (None if media is None else media.get("src"))
        extra = {
            "media": "picture" if silent else "",
            "muted": "yes" if element.get("enabled") == "0" or self._is_off(element) else "",
            "lane": element.get("lane"),
            "nested": element.tag if element.tag in WHOLE_ELSEWHERE else "",
        }
        at = begin - self.begin
        note = element.findtext("note") or ""
        self.found.spot(_name(element), self._track(element), at, at + length, note=note, source=source, extra=extra)
        if element.tag in WHOLE_ELSEWHERE:
            self.found.not_used("the clips inside compound, synchronised and multicam clips")
        if any(element.find(tag) is not None for tag in RETIMED):
            self.found.not_used("changes of speed")
        if element.find("keyword") is not None:
            self.found.not_used("keywords")

    def _marker(
        self, marker, owner, begin: Fraction, own_start: Fraction, length: Fraction | None, factor: Fraction
    ) -> None:
        place = _time(marker, "start")
        name = clean_name(marker.get("value"))
        if place is None:
            return self.found.unreadable(f"marker {name!r} has no place")
        within = (place - own_start) * factor
        if within < 0 or (length is not None and within >= length):
            return self.found.unread(f"marker {name!r} lies in a part of its clip that is cut off")
        track = self._track(owner) if owner.tag in CLIPS else ""
        self.found.marker(
            name, track, begin + within - self.begin, (_time(marker, "duration") or Fraction(0)) * factor,
            max(self.frame, self._frame_of(owner) * factor), note=marker.get("note"),
        )  # fmt: skip

    def _frame_of(self, owner) -> Fraction:
        """How long a frame of a clip's own format is: what Final Cut Pro writes for a marker without a length."""
        asset = self._asset(owner)
        formats = (element.get("format") for element in (owner, asset) if element is not None)
        durations = (_time(self.resources[name], "frameDuration") for name in formats if name in self.resources)
        return next((duration for duration in durations if duration), self.frame)

    def _asset(self, element):
        """What a clip plays: its own reference, or that of what it contains."""
        references = (part.get("ref") for part in (element, *_contents(element)))
        return next((self.resources[reference] for reference in references if reference in self.resources), None)

    def _sounds(self, element, asset) -> bool:
        """Whether anything in it is audible: unknown things are."""
        if element.tag in ("video", "title") or element.get("srcEnable") == "video":
            return False
        if element.tag == "clip":
            inner = [part.tag for part in _contents(element)]
            return "audio" in inner or not inner
        return asset is None or asset.tag != "asset" or asset.get("hasAudio") == "1"

    @staticmethod
    def _is_off(element) -> bool:
        """Whether all the sound it has is switched off."""
        sources = [child for child in element if child.tag in AUDIO_SOURCES]
        return bool(sources) and all("0" in (each.get("enabled"), each.get("active")) for each in sources)

    def _track(self, element) -> str:
        inside = (part.get("role") for part in _contents(element) if part.tag == "audio" and part.get("role"))
        role = element.get("audioRole") or next(inside, None) or element.get("role") or element.get("videoRole")
        return clean_name(role) or f"lane {clean_name(element.get('lane')) or '0'}"


def conform_factor(media: Fraction, sequence: Fraction) -> Fraction:
    """Seconds of a sequence for a second of media that Final Cut Pro conforms to its frame rate.

    Media plays frame for frame where the rates are near (25 as 24, 30 as 29.97). Media of 23.976, 29.97 or 59.94 plays
    0.1 % faster, as 24, 30 or 60, in all sequences but those of its kind. All else keeps its time. After Apple's
    "conform-rate" reference, corrected by positions that Final Cut Pro shows (its exports at 23.976, 24, 30, 50,
    59.94 and 60 among the samples of swift-daw-file-tools).

    Args:
        media, sequence: exact frames a second.
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
    """24 for 23.976, 24 and 48, 25 for 25 and 50, 30 for 29.97, 30, 59.94 and 60."""
    nominal = -(-rate.numerator // rate.denominator)
    return next((family for family in FAMILIES if nominal % family == 0), 0)


def _contents(element) -> list:
    """The clips inside a clip that it plays itself: what is connected to it has a lane."""
    return [part for child in element if not child.get("lane") for part in child.iter() if part.tag in CLIPS]


def _only_sequence(root):
    """The sequence of the only project.

    Raises:
        CueSheetError: none, or several.
    """
    projects = [(project, project.find("sequence")) for project in root.iter("project")]
    projects = [(clean_name(project.get("name")), sequence) for project, sequence in projects if sequence is not None]
    if len(projects) == 1:
        return projects[0][1]
    names = ", ".join(repr(name) for name, _ in projects)
    raise CueSheetError(f"holds {len(projects)} projects ({names}): export one" if names else "holds no project")


def _time(element, attribute: str) -> Fraction | None:
    """Seconds; None where the attribute is missing.

    Raises:
        CueSheetError: written otherwise than FCPXML does.
    """
    text = element.get(attribute)
    if text is None:
        return None
    match = TIME.fullmatch(text)
    if not match or match[2] is not None and int(match[2]) == 0:
        raise CueSheetError(f"the {attribute} {clean_name(text)!r} is no time: FCPXML writes 3600s or 1001/24000s")
    return Fraction(int(match[1]), int(match[2] or 1))


def _name(element) -> str:
    return clean_name(element.get("name")) or clean_name(element.tag)
