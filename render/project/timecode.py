"""Time: SMPTE labels ↔ frames ↔ samples. Integers and fractions only; one rounding, at the very end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from plugin_backend.errors import ProjectError, TimecodeError

SHAPE = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})([:;])([0-9]{2})")
FIELDS = (("hour", 24), ("minute", 60), ("second", 60))


@dataclass(frozen=True)
class FrameRate:
    """A SMPTE frame rate.

    Attributes:
        name: canonical name, as ``--fps`` takes it: "23.976", "29.97df", …
        exact: frames a second.
        nominal: frame labels a second, 24 to 60.
        drop: whether the labels are drop-frame, written with ``;`` before the frames.
    """

    name: str
    exact: Fraction
    nominal: int
    drop: bool = False

    @classmethod
    def parse(cls, text: str) -> FrameRate:
        """The rate of that name, in either case.

        Raises:
            ProjectError: an unknown name, or one that leaves drop-frame open.
        """
        name = text.strip().lower()
        if name in AMBIGUOUS:
            raise ProjectError(f"frame rate {name} is ambiguous: write {name}df (drop-frame) or {name}ndf (non-drop)")
        try:
            return RATES[ALIASES.get(name, name)]
        except KeyError:
            raise ProjectError(f"frame rate {text!r} is not known: use one of {', '.join(RATES)}") from None

    @property
    def dropped(self) -> int:
        """Labels skipped at the head of each minute, except every tenth: 0, 2 or 4."""
        return self.nominal // 15 if self.drop else 0

    @property
    def frames_per_day(self) -> int:
        """Labels from 00:00:00:00 to midnight."""
        return 24 * 3600 * self.nominal - self.dropped * (24 * 60 - 24 * 6)


RATES = {
    rate.name: rate
    for rate in (
        FrameRate("23.976", Fraction(24000, 1001), 24),
        FrameRate("24", Fraction(24), 24),
        FrameRate("25", Fraction(25), 25),
        FrameRate("29.97df", Fraction(30000, 1001), 30, drop=True),
        FrameRate("29.97ndf", Fraction(30000, 1001), 30),
        FrameRate("30", Fraction(30), 30),
        FrameRate("47.952", Fraction(48000, 1001), 48),
        FrameRate("48", Fraction(48), 48),
        FrameRate("50", Fraction(50), 50),
        FrameRate("59.94df", Fraction(60000, 1001), 60, drop=True),
        FrameRate("59.94ndf", Fraction(60000, 1001), 60),
        FrameRate("60", Fraction(60), 60),
    )
}
DROPPABLE = {rate.exact for rate in RATES.values() if rate.drop}
"""Frames a second whose labels may be drop-frame or not."""
ALIASES = {"23.98": "23.976", "24.0": "24", "25.0": "25", "30.0": "30", "47.95": "47.952"}
AMBIGUOUS = ("29.97", "59.94")


def frames_of(label: str, rate: FrameRate | None) -> int:
    """Frames from 00:00:00:00 to a label.

    Args:
        label: ``HH:MM:SS:FF``, or ``HH:MM:SS;FF`` for a drop-frame rate; nothing else.
        rate: the project's rate.

    Returns:
        0 to ``rate.frames_per_day - 1``.

    Raises:
        TimecodeError: no rate is known, or the label is malformed, illegal or of another rate.
    """
    if rate is None:
        raise TimecodeError(f"the timecode {label!r} needs a frame rate: give --fps")
    _check(label, rate)
    from opentimelineio.opentime import RationalTime

    fps = RationalTime.nearest_smpte_timecode_rate(float(rate.exact))
    return RationalTime.from_timecode(label, fps).to_frames()


def _check(label: str, rate: FrameRate) -> None:
    """Refuses what OpenTimelineIO would let through."""
    mark = ";" if rate.drop else ":"
    match = SHAPE.fullmatch(label)
    if not match:
        raise TimecodeError(f"{label!r} is not a timecode at {rate.name} fps: write HH:MM:SS{mark}FF")
    if match[4] != mark:
        kind = "non-drop-frame" if rate.drop else "drop-frame"
        right = f"{label[:8]}{mark}{label[9:]}"
        raise TimecodeError(
            f"{label!r} is {kind} timecode, but the project runs at {rate.name} fps: write {right}, or change --fps"
        )
    hour, minute, second, frame = (int(match[group]) for group in (1, 2, 3, 5))
    for (name, count), value in zip(FIELDS, (hour, minute, second), strict=True):
        if value >= count:
            raise TimecodeError(f"{label!r}: {name} {value} does not exist (00 to {count - 1})")
    if frame >= rate.nominal:
        raise TimecodeError(
            f"{label!r}: frame {frame} does not exist at {rate.name} fps (00 to {rate.nominal - 1}): wrong rate?"
        )
    if minute % 10 and second == 0 and frame < rate.dropped:
        raise TimecodeError(
            f"{label!r} does not exist at {rate.name} fps: drop-frame skips it; the next label is "
            f"{label[:9]}{rate.dropped:02d}"
        )


def label_of(frames: int, rate: FrameRate) -> str:
    """The label of a count of frames; wraps at midnight, as a timecode generator does.

    Integer arithmetic of our own: OpenTimelineIO wraps after 86400 real seconds, so at 29.97ndf,
    47.952 and 59.94ndf it restarts at 23:58:33.
    """
    frames %= rate.frames_per_day
    per_minute = 60 * rate.nominal - rate.dropped
    per_ten_minutes = 10 * per_minute + rate.dropped
    tens, rest = divmod(frames, per_ten_minutes)
    skips = max(0, (rest - rate.dropped) // per_minute)  # 0 in a tenth minute, else 1 to 9
    seconds, frame = divmod(frames + rate.dropped * (9 * tens + skips), rate.nominal)
    mark = ";" if rate.drop else ":"
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{mark}{frame:02d}"


def round_half_up(value: Fraction) -> int:
    """The nearest integer; halves go up."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def samples_at(frames: int, rate: FrameRate, sample_rate: int) -> int:
    """The sample nearest to the beginning of a frame, both counted from zero.

    Args:
        frames: a count of frames.
        rate: their rate.
        sample_rate: in Hz.
    """
    return round_half_up(Fraction(frames * sample_rate) / rate.exact)


@dataclass(frozen=True)
class Clock:
    """A programme's time base.

    Attributes:
        sample_rate: in Hz.
        rate: frame rate of its timecode, if it has one.
        start_frames: frames from 00:00:00:00 to the programme's first.
    """

    sample_rate: int = 48000
    rate: FrameRate | None = None
    start_frames: int = 0

    @property
    def start_samples(self) -> int:
        """The programme's first sample, counted from 00:00:00:00; 0 without a rate."""
        return samples_at(self.start_frames, self.rate, self.sample_rate) if self.rate else 0

    @property
    def day_samples(self) -> int:
        """Samples from midnight to midnight by the timecode: 24 h and 86.4 s at 23.976; 24 h without a rate."""
        if self.rate is None:
            return 24 * 3600 * self.sample_rate
        return samples_at(self.rate.frames_per_day, self.rate, self.sample_rate)

    def timecode_samples(self, label: str, after_samples: int = 0) -> int:
        """Samples from the programme's start to a label; negative before it.

        Timecode begins anew at midnight: a label more than half a day before ``after_samples`` is the next day's.

        Args:
            label: see :func:`frames_of`.
            after_samples: what it follows, counted from the programme's start: a clip's start, for its end.

        Raises:
            TimecodeError: no rate is known, or the label is malformed, illegal or of another rate.
        """
        return self.frame_samples(self.frames_after(frames_of(label, self.rate), after_samples))

    def frame_samples(self, frames: int) -> int:
        """Samples from the programme's start to a frame, counted from 00:00:00:00."""
        return samples_at(frames, self.rate, self.sample_rate) - self.start_samples

    def frames_after(self, frames: int, after_samples: int = 0) -> int:
        """A label's frames, counted from 00:00:00:00 of its own day, counted from the first day's; see above."""
        next_day = self.is_next_day(self.frame_samples(frames), after_samples)
        return frames + self.rate.frames_per_day * next_day

    def is_next_day(self, samples: int, after_samples: int = 0) -> bool:
        """Whether a time of day, in samples from the programme's start, is the next day's; see above."""
        return 2 * (after_samples - samples) > self.day_samples

    def frames_away(self, samples: int, frames: int) -> int:
        """The sample so many frames from another, both counted from the programme's start; frames may be negative.

        From a frame's first sample it is a frame's first sample.
        """
        there = self.start_samples + samples
        nearest = round_half_up(there * self.rate.exact / self.sample_rate)
        if samples_at(nearest, self.rate, self.sample_rate) == there:
            return samples_at(nearest + frames, self.rate, self.sample_rate) - self.start_samples
        return samples + round_half_up(Fraction(frames * self.sample_rate) / self.rate.exact)

    def label_at(self, samples_from_start: int) -> str | None:
        """The label of the frame that holds a sample; None without a rate.

        A frame begins at its ``samples_at``, so a cue at a label is labelled the same again.
        """
        if self.rate is None:
            return None
        doubled = 2 * (self.start_samples + samples_from_start) + 1
        frames = -(-doubled * self.rate.exact // (2 * self.sample_rate)) - 1
        return label_of(frames, self.rate)
