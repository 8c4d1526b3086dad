"""Read AAF (Pro Tools, Media Composer, Premiere Pro): clips, gains, fades and markers of its single composition."""

from __future__ import annotations

import logging
import os
import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

from plugin_backend.errors import CueSheetError, MissingExtraError
from render.cues.readers.aaf_track import Track, is_empty, parts_of, tagged, value_of
from render.cues.readers.ole_guard import DAMAGED, check_compound_file
from render.cues.readers.text_reading import error_at
from render.cues.readers.timeline_builder import (
    DEEPEST,
    ItemDetails,
    TimelineBuilder,
    clean_name,
    exact_rate,
    timeline_zero_s,
    with_counted_rate,
)
from render.cues.sheet_file import SheetSource, open_sheet
from render.cues.timeline import Timeline
from render.project.timecode import Clock

MOST_GIB = 8
COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
SMPTE = b"\x06\x0e\x2b\x34"  # in the header's class, at byte 16; other compound files do not have it
KINDS = {"Picture": "picture", "LegacyPicture": "picture", "Sound": "", "LegacySound": ""}
TIMECODES = ("Timecode", "LegacyTimecode")
SLOT_ATTRIBUTES, MUTE = "TimelineMobAttributeList", "AudioMixerCompMute"  # as Media Composer writes a muted track
INPUTS = {"Sequence": "Components", "OperationGroup": "InputSegments"}
PRIMARY = 1
FASTEST_FRAMES = 120


def is_aaf(head: bytes) -> bool:
    """Return whether a file's first bytes are those of an AAF file."""
    return head.startswith(COMPOUND_FILE) and head[16:20] == SMPTE


def read_aaf(source: SheetSource, clock: Clock) -> Timeline:
    """Read the single top-level composition of an AAF file. Embedded audio is not read.

    Clips begin and end at their cuts. A fade over a cut is noted in ``transition_in`` and ``transition_out``.

    Args:
        source: the file.
        clock: the programme's time base; a missing rate or start is taken from the timecode track.

    Raises:
        CueSheetError: damaged, of another rate than the clock's, or without exactly one composition.
        MissingExtraError: pyaaf2 is not installed.
    """
    try:
        import aaf2
        from aaf2.exceptions import AAFError
    except ImportError as error:
        raise MissingExtraError("reading AAF", "aaf") from error
    damage = (AAFError, *DAMAGE)
    with open_sheet(source) as sheet, error_at(file=sheet.path):
        if sheet.path.stat().st_size > MOST_GIB * 2**30:
            raise CueSheetError(f"larger than {MOST_GIB} GiB, the most we read of AAF: export it with linked media")
        try:
            with _Warnings() as warnings:
                check_compound_file(sheet.file)
                sheet.file.seek(0)
                with aaf2.open(os.dup(sheet.file.fileno()), "r") as file:  # it closes its own handle of the open file
                    timeline = _Composition(file, clock).read()
        except damage as error:
            raise CueSheetError(f"{DAMAGED}: {type(error).__name__} {clean_name(error)}") from error
    timeline.remarks.extend(f"the file is slightly damaged: {text}" for text in sorted(warnings.texts))
    return timeline


# The errors that pyaaf2 1.7.1 raises on damaged files besides its own, found by fuzzing.
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
    """Collects pyaaf2's warnings while it reads. pyaaf2 logs to the root logger, which may have no handler."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: set[str] = set()

    def __enter__(self) -> _Warnings:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *error: object) -> None:
        logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if Path(record.pathname).parent.name == "aaf2":
            self.texts.add(clean_name(record.getMessage()))


class _Composition:
    """Reads the composition."""

    def __init__(self, file: Any, clock: Clock) -> None:
        self.mobs = {
            mob.mob_id: mob for mob in file.content.mobs
        }  # kept, because pyaaf2 reads them anew at each access
        self.mob = _only_composition(self.mobs.values())
        self.slots = list(self.mob.slots)
        self.names = {slot.slot_id: self._track(slot) for slot in self.slots}
        rate, drop, start_frames, self.timecode = self._timecode(clock)
        remarks: list[str] = []
        if rate is not None:
            clock = with_counted_rate(clock, rate, drop, start_frames, remarks)
        self.builder = TimelineBuilder(clock, timeline_zero_s(clock, start_frames), start_frames, remarks=remarks)
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
                self.builder.skip_event(f"track {slot.slot_id} ({kind}) is neither sound, picture nor markers")
        if others:
            self.builder.remarks.append(
                f"timecode tracks besides the first are not used: {', '.join(map(str, others))}"
            )
        return self.builder.timeline("AAF")

    def _track(self, slot: Any) -> str:
        number = value_of(slot, "PhysicalTrackNumber") or slot.slot_id
        letter = {"": "A", "picture": "V"}.get(KINDS.get(slot.media_kind, "none"), "")
        return clean_name(slot.name) or (f"{letter}{number}" if letter else "")

    def _timecode(self, clock: Clock) -> tuple[Fraction | None, bool | None, int | None, Any]:
        """Return exact rate, drop-frame, first frame and track of the primary timecode track.

        Without one, return the tracks' own edit rate if they count frames; Nones otherwise.
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

    def _media(self, slot: Any, media: str) -> None:
        rate = exact_rate(slot.edit_rate)
        extra: dict[str, object] = {
            "media": media,
            "track_muted": "yes" if tagged(slot, SLOT_ATTRIBUTES).get(MUTE) else "",
        }
        walk = Track(self, self.names[slot.slot_id], rate, extra)
        walk.segment(slot.segment, -(value_of(slot, "Origin") or 0), None, 0)

    def source(self, clip: Any, depth: int) -> str | None:
        """Return the first file that a clip's chain of mobs names."""
        key = clip.mob_id, clip.slot_id
        if key not in self.sources:
            self.sources[key] = None  # for a chain that refers to itself
            self.sources[key] = self._file_of_mob(self.mobs.get(key[0]), key[1], depth)
        return self.sources[key]

    def _file_of_mob(self, mob: Any, slot_id: int, depth: int) -> str | None:
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

    def _markers(self, slot: Any) -> None:
        rate = exact_rate(slot.edit_rate)
        for marker in parts_of(slot.segment, "Components"):
            comment = value_of(marker, "Comment")
            place = value_of(marker, "Position")
            if place is None:
                self.builder.add_unreadable(f"marker {clean_name(comment)!r} has no place")
                continue
            described = sorted(value_of(marker, "DescribedSlots") or ())
            attributes = tagged(marker, "CommentMarkerAttributeList")
            length = attributes.get("_ATN_CRM_LENGTH")
            frames = length if isinstance(length, int) and length > 0 else value_of(marker, "Length") or 0
            self.builder.add_marker(
                comment,
                self.names.get(described[0], "") if described else "",
                place / rate,
                frames / rate,
                1 / rate,
                ItemDetails(
                    extra={"user": value_of(marker, "CommentMarkerUSer"), "colour": attributes.get("_ATN_CRM_COLOR")}
                ),
            )


def _only_composition(mobs: Iterable[Any]) -> Any:
    """Return the only top-level composition; without top-level ones, the only composition.

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
