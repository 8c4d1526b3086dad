"""What the readers of editors' timelines share: a clock completed, exact positions, clean names, numbered events."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

from plugin_backend.errors import CueSheetError
from render.cues.readers.text_reading import check_within_day, error_at
from render.cues.timeline import Timeline, TimelineItem, UnreadItem
from render.project.timecode import RATES, Clock, FrameRate, round_half_up

MOST_EVENTS = 200_000
MOST_STEPS = 2_000_000
DEEPEST = 64
LISTED = 12
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
FILE_URL = re.compile(r"file:/*(localhost/)?", re.IGNORECASE)
WINDOWS_DRIVE = re.compile(r"[A-Za-z]:")
NOMINALS = (24, 30, 48, 60, 120)
NTSC_TOLERANCE = Fraction(1, 200)  # takes 23.98 and 23.976 for 24000/1001, and never 24


@lru_cache
def exact_rate(rate: float | Fraction) -> Fraction:
    """A rate as files state it, made exact: 23.976…, 23.98 and 2397/100 are 24000/1001; 24 and 48000 are themselves.

    Raises:
        CueSheetError: zero, negative, or no number.
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
    """The clock with the rate and the start that a file states, where the user gave none.

    Args:
        clock: the programme's time base as the user gave it.
        exact: the file's frames a second.
        drop: whether its timecode is drop-frame; None if it does not say.
        start_frames: its first frame, counted from 00:00:00:00; None if it does not say.

    Raises:
        CueSheetError: another rate than the clock's, one that is not known, one that leaves drop-frame open, or a
            start outside a day.
    """
    fitting = [rate for rate in RATES.values() if rate.exact == exact and drop in (None, rate.drop)]
    if clock.rate is not None:
        if clock.rate not in fitting:
            raise CueSheetError(
                f"the file runs at {rate_text(exact, drop)} fps, the project at {clock.rate.name}: change --fps, or "
                f"export at {clock.rate.name}"
            )
    elif start_frames is None and len(fitting) != 1:
        return clock
    rate = clock.rate or _only(fitting, exact, drop)
    if not 0 <= (start_frames or 0) < rate.frames_per_day:
        raise CueSheetError(f"the file starts at frame {start_frames}: a day at {rate.name} fps has no such frame")
    return clock if clock.rate else replace(clock, rate=rate, start_frames=start_frames or 0)


def with_counted_rate(
    clock: Clock, exact: Fraction, drop: bool | None, start_frames: int | None, remarks: list[str]
) -> Clock:
    """The clock completed, see :func:`completed`, with a file that counts frames, seconds or samples.

    Whether its labels are drop-frame moves nothing in such a file, so there the user's word counts, and a remark
    says so.
    """
    if clock.rate is not None and clock.rate.exact == exact and drop not in (None, clock.rate.drop):
        remarks.append(
            f"it says {rate_text(exact, drop)}, but its counts of frames are exact either way: read at "
            f"{clock.rate.name} fps, as asked"
        )
        drop = None
    return with_sheet_rate(clock, exact, drop, start_frames)


def _only(fitting: list[FrameRate], exact: Fraction, drop: bool | None) -> FrameRate:
    if not fitting:
        raise CueSheetError(f"the file runs at {rate_text(exact, drop)} fps: use one of {', '.join(RATES)}")
    if len(fitting) > 1:
        names = " or ".join(rate.name for rate in fitting)
        raise CueSheetError(
            f"the file runs at {rate_text(exact, drop)} fps and does not say drop-frame: give --fps {names}"
        )
    return fitting[0]


def rate_text(exact: Fraction, drop: bool | None = None) -> str:
    """A rate for messages: "24", "23.976", "29.97 drop-frame"."""
    name = f"{round(float(exact), 3):g}" if exact < 1000 else str(round(exact))
    return name + {None: "", True: " drop-frame", False: " non-drop" if exact.denominator > 1 else ""}[drop]


def timeline_zero_s(clock: Clock, start_frames: int | None) -> Fraction:
    """Seconds from 00:00:00:00 to a timeline's zero: its own start, or the programme's if it states none."""
    frames = clock.start_frames if start_frames is None else start_frames
    return Fraction(frames) / clock.rate.exact if clock.rate else Fraction(0)


def clean_name(text: object) -> str:
    """Text on one line, without control characters; they come from files nobody checked."""
    return UNPRINTABLE.sub(" ", str(text or "")).strip()


def source_path(url: object) -> Path | None:
    """The path in a URL, absolute or relative; only data: nothing opens or writes it here."""
    text = clean_name(url)
    match = FILE_URL.match(text)
    text = clean_name(unquote(text[match.end() :] if match else text, errors="replace"))
    if match and not WINDOWS_DRIVE.match(text):
        text = f"/{text}"
    return Path(text) if text else None


@dataclass
class TimelineBuilder:
    """What a reader meets, numbered from 1 in the file's order.

    Attributes:
        clock: the completed time base.
        zero: seconds from 00:00:00:00 to the timeline's zero.
        start_frames: the timeline's first frame, if it says.
    """

    clock: Clock
    zero: Fraction
    start_frames: int | None = None
    spots: list[TimelineItem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    lost: list[UnreadItem] = field(default_factory=list)
    event: int = 0
    steps: int = 0
    unused: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def next_event(self) -> int:
        """The number of the event now read.

        Raises:
            CueSheetError: too many.
        """
        self.event += 1
        if self.event > MOST_EVENTS:
            raise CueSheetError(f"more than {MOST_EVENTS} events: export a reel at a time")
        return self.event

    def step(self) -> None:
        """Counts a part of the file, spot or none, so that one that holds itself comes to an end.

        Raises:
            CueSheetError: too many.
        """
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise CueSheetError(f"more than {MOST_STEPS} parts: export a reel at a time")

    def unread(self, what: str) -> None:
        """Numbers an event that makes no spot, as nothing sounds there, and says so."""
        self.remarks.append(f"event {self.next_event()}: {what}")

    def unreadable(self, what: str) -> None:
        """Numbers an event that would make a spot if it could be read."""
        self.lost.append(UnreadItem(self.next_event(), what))

    def not_used(self, what: str) -> None:
        """Notes a property of the event last read that means nothing to us."""
        if self.event not in self.unused[what][-1:]:
            self.unused[what].append(self.event)

    def spot(
        self,
        name: object,
        track: str,
        begin: Fraction,
        end: Fraction | None,
        *,
        note: object = "",
        source: object = None,
        extra: dict[str, object] | None = None,
        own: dict[str, str] | None = None,
        kind: str = "clip",
    ) -> TimelineItem | None:
        """Adds a clip, marker or region; None, with a remark, for a clip without length.

        Args:
            begin: seconds from the timeline's zero.
            end: the same; None for a marker.
            extra: what the format says; what is empty is left out.
            own: what our own writer noted (:func:`render.cues.readers.text_reading.parse_pisada_note`), kept as it is.

        Raises:
            CueSheetError: ends before it begins, or is further than a day from the programme's start.
        """
        number = self.next_event()
        shown = clean_name(name)
        if UNPRINTABLE.search(str(name or "").strip()):
            self.remarks.append(f"event {number}: control characters left out of the name {shown!r}")
        with error_at(row=number):
            start_samples = self._samples(begin)
            length = None if end is None else self._samples(end) - start_samples
        if length is not None and length < 0:
            raise CueSheetError(f"{shown!r} ends before it begins", row=number)
        if length == 0:
            self.remarks.append(f"event {number}: {kind} {shown!r} has no length, not read")
            return None
        texts = {clean_name(key): clean_name(value) for key, value in (extra or {}).items() if value} | (own or {})
        spot = TimelineItem(
            kind, shown, clean_name(track), start_samples, length, number, clean_name(note), source_path(source), texts
        )  # fmt: skip
        self.spots.append(spot)
        return spot

    def marker(self, name: object, track: str, begin: Fraction, length: Fraction, frame: Fraction, **more) -> None:
        """Adds a marker; one longer than a frame (editors write one frame for none) is a region."""
        long = length > frame
        self.spot(name, track, begin, begin + length if long else None, kind="region" if long else "marker", **more)

    def length_samples(self, seconds: Fraction) -> int:
        """A length for texts, rounded once."""
        return round_half_up(seconds * self.clock.sample_rate)

    def _samples(self, seconds: Fraction) -> int:
        rate = self.clock.sample_rate
        return check_within_day(round_half_up((self.zero + seconds) * rate) - self.clock.start_samples, rate)

    def timeline(self, format_name: str) -> Timeline:
        """All of it, with the properties not used summed up at the end."""
        summed = []
        for what, events in self.unused.items():
            more = f" and {len(events) - LISTED} more" if len(events) > LISTED else ""
            summed.append(f"read and not used: {what} (event {', '.join(map(str, events[:LISTED]))}{more})")
        remarks = self.remarks + summed
        return Timeline(format_name, self.clock, self.spots, remarks, self.lost, self.start_frames)
