"""AAF (Pro Tools, Media Composer, Premiere Pro): the clips, gains, fades and markers of its one composition."""

from __future__ import annotations

import logging
import struct
from pathlib import Path

from plugin_backend.errors import CueSheetError, MissingExtraError
from render.cues.cue import sheet_bytes
from render.cues.readers.aaf_track import Track, is_empty, parts_of, tagged, value_of
from render.cues.readers.ole_guard import DAMAGED, check_compound_file
from render.cues.readers.text_reading import error_at
from render.cues.readers.timeline_builder import (
    DEEPEST,
    TimelineBuilder,
    clean_name,
    exact_rate,
    timeline_zero_s,
    with_counted_rate,
)
from render.cues.timeline import Timeline
from render.project.timecode import Clock

MOST_GIB = 8
COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
SMPTE = b"\x06\x0e\x2b\x34"  # in the header's class, at its 16th byte: other compound files have none
KINDS = {"Picture": "picture", "LegacyPicture": "picture", "Sound": "", "LegacySound": ""}
TIMECODES = ("Timecode", "LegacyTimecode")
SLOT_ATTRIBUTES, MUTE = "TimelineMobAttributeList", "AudioMixerCompMute"  # as Media Composer writes a muted track
INPUTS = {"Sequence": "Components", "OperationGroup": "InputSegments"}
PRIMARY = 1
FASTEST_FRAMES = 120


def is_aaf(head: bytes) -> bool:
    """Whether a file's first bytes are an AAF file's."""
    return head.startswith(COMPOUND_FILE) and head[16:20] == SMPTE


def read_aaf(path: Path, clock: Clock) -> Timeline:
    """Reads the one top-level composition of an AAF file; essence inside it is not touched.

    Clips begin and end at their cuts; a fade over a cut is told in ``transition_in`` and ``transition_out``.

    Args:
        path: the file.
        clock: the programme's time base; completed with the timecode track's where the user gave none.

    Raises:
        CueSheetError: damaged, of another rate than the clock's, or without exactly one composition.
        MissingExtraError: pyaaf2 is not installed.
    """
    try:
        import aaf2
        from aaf2.exceptions import AAFError
    except ImportError as error:
        raise MissingExtraError("reading AAF", "aaf") from error
    path = Path(path)
    damage = (AAFError, *DAMAGE)
    with error_at(file=path):
        sheet_bytes(path, 1)
        if path.stat().st_size > MOST_GIB * 2**30:
            raise CueSheetError(f"larger than {MOST_GIB} GiB, the most we read of AAF: export it with linked media")
        try:
            with _Warnings() as warnings:
                check_compound_file(path)
                with aaf2.open(str(path), "r") as file:
                    timeline = _Composition(file, clock).read()
        except damage as error:
            raise CueSheetError(f"{DAMAGED}: {type(error).__name__} {clean_name(error)}") from error
    timeline.remarks.extend(f"the file is slightly damaged: {text}" for text in sorted(warnings.texts))
    return timeline


# What pyaaf2 1.7.1 raises on damaged files, found by fuzzing; its own errors besides.
DAMAGE = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    ZeroDivisionError,
    struct.error,
)


class _Warnings(logging.Handler):
    """Collects what pyaaf2 warns of while it reads: it logs to the root, where nobody may listen."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.texts: set[str] = set()

    def __enter__(self) -> _Warnings:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *error) -> None:
        logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if Path(record.pathname).parent.name == "aaf2":
            self.texts.add(clean_name(record.getMessage()))


class _Composition:
    """One read of the composition."""

    def __init__(self, file, clock: Clock):
        self.mobs = {mob.mob_id: mob for mob in file.content.mobs}  # held, or pyaaf2 reads them again and again
        self.mob = _only_composition(self.mobs.values())
        self.slots = list(self.mob.slots)
        self.names = {slot.slot_id: self._track(slot) for slot in self.slots}
        rate, drop, start_frames, self.timecode = self._timecode(clock)
        remarks: list[str] = []
        if rate is not None:
            clock = with_counted_rate(clock, rate, drop, start_frames, remarks)
        self.found = TimelineBuilder(clock, timeline_zero_s(clock, start_frames), start_frames, remarks=remarks)
        self.sources: dict[tuple, str | None] = {}

    def read(self) -> Timeline:
        others = []
        for slot in self.slots:
            kind = clean_name(slot.media_kind)
            if kind in KINDS:
                self._media(slot, KINDS[kind])
            elif "descriptive" in kind.lower() or type(slot).__name__ == "EventMobSlot":
                self._markers(slot)
            elif kind in TIMECODES:
                others += [slot.slot_id] if slot is not self.timecode else []
            elif not is_empty(slot.segment):
                self.found.unread(f"track {slot.slot_id} ({kind}) is neither sound, picture nor markers")
        if others:
            self.found.remarks.append(f"timecode tracks besides the first are not used: {', '.join(map(str, others))}")
        return self.found.timeline("AAF")

    def _track(self, slot) -> str:
        number = value_of(slot, "PhysicalTrackNumber") or slot.slot_id
        letter = {"": "A", "picture": "V"}.get(KINDS.get(slot.media_kind), "")
        return clean_name(slot.name) or (f"{letter}{number}" if letter else "")

    def _timecode(self, clock: Clock):
        """Exact rate, drop-frame and first frame of the primary timecode track, and that track; Nones if it has none.

        Without one, the tracks' own edit rate if they are counted in frames.
        """
        tracks = [slot for slot in self.slots if type(slot.segment).__name__ == "Timecode"]
        tracks.sort(key=lambda slot: value_of(slot, "PhysicalTrackNumber") != PRIMARY)
        for slot in tracks:
            timecode, rate = slot.segment, exact_rate(slot.edit_rate)
            if round(rate) != timecode.fps:
                if clock.rate is None or clock.rate.nominal != timecode.fps:
                    raise CueSheetError(
                        f"its timecode counts {timecode.fps} frames a second on a track of {rate}: its exact rate is "
                        "not known, give --fps"
                    )
                rate = clock.rate.exact
            start_frames = timecode.start - (value_of(slot, "Origin") or 0)
            return rate, bool(timecode.drop), start_frames, slot
        rates = {exact_rate(slot.edit_rate) for slot in self.slots if slot.media_kind in KINDS}
        rates = {rate for rate in rates if rate <= FASTEST_FRAMES}
        return (rates.pop() if len(rates) == 1 else None), None, None, None

    def _media(self, slot, media: str) -> None:
        rate = exact_rate(slot.edit_rate)
        extra = {"media": media, "track_muted": "yes" if tagged(slot, SLOT_ATTRIBUTES).get(MUTE) else ""}
        walk = Track(self, self.names[slot.slot_id], rate, extra)
        walk.segment(slot.segment, -(value_of(slot, "Origin") or 0), None, 0)

    def source(self, clip, depth: int) -> str | None:
        """The first file that a clip's chain of mobs names."""
        key = clip.mob_id, clip.slot_id
        if key not in self.sources:
            self.sources[key] = None  # what a chain that returns to itself names
            self.sources[key] = self._named_by(self.mobs.get(key[0]), key[1], depth)
        return self.sources[key]

    def _named_by(self, mob, slot_id: int, depth: int) -> str | None:
        if mob is None or depth > DEEPEST:
            return None
        descriptor = value_of(mob, "EssenceDescription")
        for locator in parts_of(descriptor, "Locator", alone=False) if descriptor is not None else ():
            if url := value_of(locator, "URLString"):
                return url
        segment = next((slot.segment for slot in mob.slots if slot.slot_id == slot_id), None)
        while type(segment).__name__ in INPUTS:
            segment = next(iter(parts_of(segment, INPUTS[type(segment).__name__], alone=False)), None)
        return self.source(segment, depth + 1) if type(segment).__name__ == "SourceClip" else None

    def _markers(self, slot) -> None:
        rate = exact_rate(slot.edit_rate)
        for marker in parts_of(slot.segment, "Components"):
            comment = value_of(marker, "Comment")
            place = value_of(marker, "Position")
            if place is None:
                self.found.unreadable(f"marker {clean_name(comment)!r} has no place")
                continue
            described = sorted(value_of(marker, "DescribedSlots") or ())
            attributes = tagged(marker, "CommentMarkerAttributeList")
            length = attributes.get("_ATN_CRM_LENGTH")
            frames = length if isinstance(length, int) and length > 0 else value_of(marker, "Length") or 0
            self.found.marker(
                comment, self.names.get(described[0], "") if described else "", place / rate, frames / rate, 1 / rate,
                extra={"user": value_of(marker, "CommentMarkerUSer"), "colour": attributes.get("_ATN_CRM_COLOR")},
            )  # fmt: skip


def _only_composition(mobs):
    """The top-level composition that no other plays; failing that, the only composition.

    Raises:
        CueSheetError: none, or several.
    """
    mobs = [mob for mob in mobs if type(mob).__name__ == "CompositionMob"]
    tops = [mob for mob in mobs if mob.usage == "Usage_TopLevel"] or mobs
    if len(tops) == 1:
        return tops[0]
    names = ", ".join(sorted(repr(clean_name(mob.name)) for mob in tops))
    raise CueSheetError(
        f"holds {len(tops)} compositions ({names}): export one"
        if tops
        else "holds clips and no composition: export a sequence"
    )
