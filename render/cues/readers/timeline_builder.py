"""Helpers of the timeline readers: completed clocks, exact positions, clean names, numbered events."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from plugin_backend.errors import CueSheetError
from plugin_backend.text import NOT_IN_NAME
from render.cues.readers.text_reading import check_within_day, error_at
from render.cues.timeline import Timeline, TimelineItem, UnreadItem
from render.project.timecode import RATES, Clock, FrameRate, round_half_up

MOST_EVENTS = 200_000
MOST_STEPS = 2_000_000
DEEPEST = 64
LISTED = 12
FILE_URL = re.compile(r"file:/*(localhost/)?", re.IGNORECASE)
WINDOWS_DRIVE = re.compile(r"[A-Za-z]:")
NOMINALS = (24, 30, 48, 60, 120)
NTSC_TOLERANCE = Fraction(1, 200)  # reads 23.98 and 23.976 as 24000/1001, but never 24


@lru_cache
def exact_rate(rate: float | Fraction) -> Fraction:
    """Return a stated rate exactly: 23.976…, 23.98 and 2397/100 are 24000/1001; 24 and 48000 stay the same.

    Raises:
        CueSheetError: zero, negative, or not a number.
    """
    try:
        exact = Fraction(*Fraction(rate).as_integer_ratio())  # pyaaf2's rationals are not in lowest terms
    except (ValueError, OverflowError, ZeroDivisionError) as error:
        raise CueSheetError(f"a rate of {rate}: it must be a number above 0") from error
    if exact <= 0:
        raise CueSheetError(f"a rate of {float(exact):g}: it must be above 0")
    if exact.denominator > 1:
        for nominal in NOMINALS:
            ntsc = Fraction(nominal * 1000, 1001)
            if abs(exact - ntsc) < NTSC_TOLERANCE:
                return ntsc
    return exact


def with_sheet_rate(clock: Clock, exact: Fraction, drop: bool | None = None, start_frames: int | None = None) -> Clock:
    """Return the clock, with rate and start from the file where the user gave none.

    Args:
        clock: the programme's time base as the user gave it.
        exact: the file's frames per second.
        drop: whether its timecode is drop-frame; None if not stated.
        start_frames: its first frame, counted from 00:00:00:00; None if not stated.

    Raises:
        CueSheetError: another rate than the clock's, an unknown rate, a rate that may be drop-frame or not, or a start
            outside a day.
    """
    rates = [rate for rate in RATES.values() if rate.exact == exact and drop in (None, rate.drop)]
    if clock.rate is not None:
        if clock.rate not in rates:
            raise CueSheetError(
                f"the file runs at {rate_text(exact, drop)} fps, the project at {clock.rate.name}: change --fps, or "
                f"export at {clock.rate.name}"
            )
    elif start_frames is None and len(rates) != 1:
        return clock
    rate = clock.rate or _only(rates, exact, drop)
    if not 0 <= (start_frames or 0) < rate.frames_per_day:
        raise CueSheetError(f"the file starts at frame {start_frames}: a day at {rate.name} fps has no such frame")
    return clock if clock.rate else replace(clock, rate=rate, start_frames=start_frames or 0)


def with_counted_rate(
    clock: Clock, exact: Fraction, drop: bool | None, start_frames: int | None, remarks: list[str]
) -> Clock:
    """Return the clock completed as in :func:`with_sheet_rate`, for a file that counts frames, seconds or samples.

    In such a file drop-frame labels change no position. So the user's rate is used, and a remark says so.

    Args:
        clock: the programme's time base as the user gave it.
        exact: the file's frames per second.
        drop: whether its timecode is drop-frame; None if not stated.
        start_frames: its first frame, counted from 00:00:00:00; None if not stated.
        remarks: receives the remark.

    Raises:
        CueSheetError: see :func:`with_sheet_rate`.
    """
    if clock.rate is not None and clock.rate.exact == exact and drop not in (None, clock.rate.drop):
        remarks.append(
            f"it says {rate_text(exact, drop)}, but its counts of frames are exact either way: read at "
            f"{clock.rate.name} fps, as asked"
        )
        drop = None
    return with_sheet_rate(clock, exact, drop, start_frames)


def _only(rates: list[FrameRate], exact: Fraction, drop: bool | None) -> FrameRate:
    if not rates:
        raise CueSheetError(f"the file runs at {rate_text(exact, drop)} fps: use one of {', '.join(RATES)}")
    if len(rates) > 1:
        names = " or ".join(rate.name for rate in rates)
        raise CueSheetError(
            f"the file runs at {rate_text(exact, drop)} fps and does not say drop-frame: give --fps {names}"
        )
    return rates[0]


def rate_text(exact: Fraction, drop: bool | None = None) -> str:
    """Return a rate for messages: "24", "23.976", "29.97 drop-frame"."""
    name = f"{round(float(exact), 3):g}" if exact < 1000 else str(round(exact))
    return name + {None: "", True: " drop-frame", False: " non-drop" if exact.denominator > 1 else ""}[drop]


def timeline_zero_s(clock: Clock, start_frames: int | None) -> Fraction:
    """Return seconds from 00:00:00:00 of the programme's first day to a timeline's zero.

    This is its own start, or the programme's if it states none. A start more than half a day before the programme's is
    on the next day.
    """
    if clock.rate is None:
        return Fraction(0)
    frames = clock.start_frames if start_frames is None else clock.frames_after(start_frames)
    return Fraction(frames) / clock.rate.exact


def clean_name(text: object) -> str:
    """Return untrusted text on one line, without control characters."""
    return NOT_IN_NAME.sub(" ", str(text or "")).strip()


def source_path(url: object) -> Path | None:
    """Return the path in a URL, absolute or relative. It is only data: nothing here opens or writes it."""
    text = clean_name(url)
    match = FILE_URL.match(text)
    text = clean_name(unquote(text[match.end() :] if match else text, errors="replace"))
    if match and not WINDOWS_DRIVE.match(text):
        text = f"/{text}"
    return Path(text) if text else None


@dataclass(frozen=True)
class ItemDetails:
    """What a file states of an item besides its name and position.

    Attributes:
        note: its comment.
        source: URL or path of the file it plays.
        extra: other properties; empty values are left out.
        columns: the note that Pisada wrote (:func:`~render.cues.readers.text_reading.parse_pisada_note`), unchanged.
    """

    note: object = ""
    source: object = None
    extra: Mapping[str, object] | None = None
    columns: Mapping[str, str] | None = None


NO_DETAILS = ItemDetails()


@dataclass
class TimelineBuilder:
    """Collects a reader's items, numbered from 1 in the file's order.

    Attributes:
        clock: the completed time base.
        zero: seconds from 00:00:00:00 to the timeline's zero.
        start_frames: the timeline's first frame, if it states one.
    """

    clock: Clock
    zero: Fraction
    start_frames: int | None = None
    items: list[TimelineItem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    unreadable: list[UnreadItem] = field(default_factory=list)
    event: int = 0
    steps: int = 0
    unused: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def next_event(self) -> int:
        """Return the number of the next event.

        Raises:
            CueSheetError: too many events.
        """
        self.event += 1
        if self.event > MOST_EVENTS:
            raise CueSheetError(f"more than {MOST_EVENTS} events: export a reel at a time")
        return self.event

    def count_step(self) -> None:
        """Count a part of the file, so that a file that contains itself is refused.

        Raises:
            CueSheetError: too many parts.
        """
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise CueSheetError(f"more than {MOST_STEPS} parts: export a reel at a time")

    def skip_event(self, what: str) -> None:
        """Number an event that has no audio and no item, and add a remark."""
        self.remarks.append(f"event {self.next_event()}: {what}")

    def add_unreadable(self, what: str) -> None:
        """Number an event that would be an item if it could be read."""
        self.unreadable.append(UnreadItem(self.next_event(), what))

    def note_unused(self, what: str) -> None:
        """Note a property of the last event that Pisada does not use."""
        if self.event not in self.unused[what][-1:]:
            self.unused[what].append(self.event)

    def add_item(
        self,
        name: object,
        track: str,
        begin: Fraction,
        end: Fraction | None,
        details: ItemDetails = NO_DETAILS,
        kind: Literal["clip", "marker", "region"] = "clip",
    ) -> TimelineItem | None:
        """Add a clip, marker or region.

        Args:
            name: as written.
            track: its track's name.
            begin: seconds from the timeline's zero.
            end: the same; None for a marker.
            details: everything else that the file states.
            kind: ``clip``, ``marker`` or ``region``.

        Returns:
            The item; None, with a remark, for a clip without length.

        Raises:
            CueSheetError: ends before it begins, or is more than a day from the programme's start.
        """
        number = self.next_event()
        shown = clean_name(name)
        if NOT_IN_NAME.search(str(name or "").strip()):
            self.remarks.append(f"event {number}: control characters left out of the name {shown!r}")
        with error_at(row=number):
            start_samples = self._samples(begin)
            length = None if end is None else self._samples(end) - start_samples
        if length is not None and length < 0:
            raise CueSheetError(f"{shown!r} ends before it begins", row=number)
        if length == 0:
            self.remarks.append(f"event {number}: {kind} {shown!r} has no length, not read")
            return None
        extra = {clean_name(key): clean_name(value) for key, value in (details.extra or {}).items() if value}
        item = TimelineItem(
            kind,
            shown,
            clean_name(track),
            start_samples,
            length,
            number,
            clean_name(details.note),
            source_path(details.source),
            extra | dict(details.columns or {}),
        )
        self.items.append(item)
        return item

    def add_marker(
        self,
        name: object,
        track: str,
        begin: Fraction,
        length: Fraction,
        frame: Fraction,
        details: ItemDetails = NO_DETAILS,
    ) -> None:
        """Add a marker, or a region if it is longer than a frame.

        Editors write one frame for a marker without a length.

        Args:
            name: as written.
            track: its track's name; empty if it is on none.
            begin: seconds from the timeline's zero.
            length: in seconds.
            frame: a frame's length, in seconds.
            details: everything else that the file states.
        """
        if length > frame:
            self.add_item(name, track, begin, begin + length, details, "region")
        else:
            self.add_item(name, track, begin, None, details, "marker")

    def length_samples(self, seconds: Fraction) -> int:
        """Return a length for texts, in samples, rounded once."""
        return round_half_up(seconds * self.clock.sample_rate)

    def _samples(self, seconds: Fraction) -> int:
        rate = self.clock.sample_rate
        return check_within_day(round_half_up((self.zero + seconds) * rate) - self.clock.start_samples, rate)

    def timeline(self, format_name: str) -> Timeline:
        """Return the timeline; its last remarks list the properties that were not used."""
        summed = []
        for what, events in self.unused.items():
            more = f" and {len(events) - LISTED} more" if len(events) > LISTED else ""
            summed.append(f"read and not used: {what} (event {', '.join(map(str, events[:LISTED]))}{more})")
        remarks = self.remarks + summed
        return Timeline(format_name, self.clock, self.items, remarks, self.unreadable, self.start_frames)
