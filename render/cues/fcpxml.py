"""FCPXML (Final Cut Pro X, DaVinci Resolve) at whole frame rates; refused, with the reason, at fractional ones."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

from plugin_backend.errors import CueSheetError
from render.cues.reading import told_at
from render.cues.spot import Timeline
from render.cues.timeline import DEEPEST, Found, clean, completed, stated, zero_of
from render.cues.xml_file import is_xml_of, xml_root
from render.timecode import Clock

TIME = re.compile(r"(-?[0-9]{1,18})(?:/([0-9]{1,18}))?s")
CLIPS = ("asset-clip", "clip", "video", "audio", "title", "ref-clip", "sync-clip", "mc-clip")
WHOLE_ELSEWHERE = ("ref-clip", "sync-clip", "mc-clip")
MARKERS = ("marker", "chapter-marker")
RETIMED = ("timeMap", "conform-rate")
NO_FRACTIONS = (
    "its times count whole seconds of a fractional rate, which no reader we measured keeps right (23.976 becomes 23): "
    "export an AAF, a Final Cut Pro 7 XML or an EDL"
)


def is_fcpxml(head: bytes) -> bool:
    """Whether a file's first bytes are FCPXML."""
    return is_xml_of(head, "fcpxml")


def read_fcpxml(path: Path, clock: Clock) -> Timeline:
    """Reads the one project of an FCPXML file; a clip's track is its audio role, or its lane.

    Args:
        path: the file; a bundle's ``Info.fcpxml``, not the bundle's folder.
        clock: the programme's time base; completed with the sequence's where the user gave none.

    Raises:
        CueSheetError: a fractional rate, damaged, hostile, of another rate than the clock's, or without exactly one
            project.
    """
    path = Path(path)
    with told_at(file=path):
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
        rate = 1 / duration
        if rate.denominator != 1:
            raise CueSheetError(f"FCPXML at {stated(rate)} fps is refused: {NO_FRACTIONS}")
        self.frame = duration
        self.begin = _time(self.sequence, "tcStart") or Fraction(0)
        start_frames = self.begin * rate
        if start_frames.denominator != 1:
            raise CueSheetError(f"the sequence starts between two frames, at {self.sequence.get('tcStart')}")
        start_frames = int(start_frames) if "tcStart" in self.sequence.attrib else None
        clock = completed(clock, rate, None, start_frames)
        self.found = Found(clock, zero_of(clock, start_frames))

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
            return self.found.unread(f"a {clean(element.tag)} is not a clip")
        own_start = _time(element, "start") or Fraction(0)
        length = _time(element, "duration")
        for child in element:
            if child.tag in MARKERS:
                self._marker(child, element, begin, own_start, length)
            elif child.get("lane") and (child.tag in CLIPS or child.tag in ("spine", "audition", "gap")):
                offset = _time(child, "offset")
                self._item(child, begin + (own_start if offset is None else offset) - own_start, depth + 1)

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
            "muted": "yes" if element.get("enabled") == "0" else "",
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

    def _marker(self, marker, owner, begin: Fraction, own_start: Fraction, length: Fraction | None) -> None:
        place = _time(marker, "start")
        name = clean(marker.get("value"))
        if place is None:
            return self.found.unread(f"marker {name!r} has no place")
        within = place - own_start
        if within < 0 or (length is not None and within >= length):
            return self.found.unread(f"marker {name!r} lies in a part of its clip that is cut off")
        track = self._track(owner) if owner.tag in CLIPS else ""
        self.found.marker(
            name, track, begin + within - self.begin, _time(marker, "duration") or Fraction(0), self.frame,
            note=marker.get("note"),
        )  # fmt: skip

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

    def _track(self, element) -> str:
        inside = (part.get("role") for part in _contents(element) if part.tag == "audio" and part.get("role"))
        role = element.get("audioRole") or next(inside, None) or element.get("role") or element.get("videoRole")
        return clean(role) or f"lane {clean(element.get('lane')) or '0'}"


def _contents(element) -> list:
    """The clips inside a clip that it plays itself: what is connected to it has a lane."""
    return [part for child in element if not child.get("lane") for part in child.iter() if part.tag in CLIPS]


def _only_sequence(root):
    """The sequence of the only project.

    Raises:
        CueSheetError: none, or several.
    """
    projects = [(project, project.find("sequence")) for project in root.iter("project")]
    projects = [(clean(project.get("name")), sequence) for project, sequence in projects if sequence is not None]
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
        raise CueSheetError(f"the {attribute} {clean(text)!r} is no time: FCPXML writes 3600s or 1001/24000s")
    return Fraction(int(match[1]), int(match[2] or 1))


def _name(element) -> str:
    return clean(element.get("name")) or clean(element.tag)
