"""SMPTE timecode, frames and samples. Only integers and fractions are used, and rounded once at the end."""

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
        exact: frames per second.
        nominal: timecode labels per second, 24 to 60.
        drop: whether the timecode is drop-frame, written with ``;`` before the frames.
    """

    name: str
    exact: Fraction
    nominal: int
    drop: bool = False

    @classmethod
    def parse(cls, text: str) -> FrameRate:
        """Return the rate of a name, in upper or lower case.

        Raises:
            ProjectError: the name is unknown, or does not say whether the rate is drop-frame.

        Examples:
            >>> FrameRate.parse("29.97df").exact
            Fraction(30000, 1001)
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
        """Labels skipped at the start of each minute, except every tenth: 0, 2 or 4."""
        return self.nominal // 15 if self.drop else 0

    @property
    def frames_per_day(self) -> int:
        """Number of labels from 00:00:00:00 to midnight."""
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
"""Frame rates that exist both as drop-frame and as non-drop-frame."""
ALIASES = {"23.98": "23.976", "24.0": "24", "25.0": "25", "30.0": "30", "47.95": "47.952"}
AMBIGUOUS = ("29.97", "59.94")


def frames_of(label: str, rate: FrameRate | None) -> int:
    """Return the number of frames from 00:00:00:00 to a timecode.

    Args:
        label: ``HH:MM:SS:FF``, or ``HH:MM:SS;FF`` for a drop-frame rate.
        rate: the project's rate.

    Returns:
        0 to ``rate.frames_per_day - 1``.

    Raises:
        TimecodeError: no rate is known, or the timecode is malformed, does not exist or has another rate.

    Examples:
        >>> frames_of("01:00:00;00", FrameRate.parse("29.97df"))
        107892
    """
    if rate is None:
        raise TimecodeError(f"the timecode {label!r} needs a frame rate: give --fps")
    _check(label, rate)
    from opentimelineio.opentime import RationalTime

    fps = RationalTime.nearest_smpte_timecode_rate(float(rate.exact))
    return RationalTime.from_timecode(label, fps).to_frames()


def _check(label: str, rate: FrameRate) -> None:
    """Refuse timecodes that OpenTimelineIO would accept although they do not exist."""
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
    """Return the timecode of a frame number. It wraps at midnight, as a timecode generator does.

    This is our own integer arithmetic. OpenTimelineIO wraps after 86400 real seconds, so it restarts at 23:58:33 at
    29.97ndf, 47.952 and 59.94ndf.

    Examples:
        >>> label_of(107892, FrameRate.parse("29.97df"))
        '01:00:00;00'
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
    """Return the nearest integer. Halves are rounded up."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def samples_at(frames: int, rate: FrameRate, sample_rate: int) -> int:
    """Return the sample nearest to the start of a frame. Both count from zero.

    Args:
        frames: number of the frame.
        rate: frame rate.
        sample_rate: in Hz.

    Examples:
        >>> samples_at(24, FrameRate.parse("23.976"), 48_000)
        48048
    """
    return round_half_up(Fraction(frames * sample_rate) / rate.exact)


@dataclass(frozen=True)
class Clock:
    """The time base of a programme.

    Attributes:
        sample_rate: in Hz.
        rate: frame rate of its timecode, or None.
        start_frames: number of the programme's first frame, counted from 00:00:00:00.
    """

    sample_rate: int = 48000
    rate: FrameRate | None = None
    start_frames: int = 0

    @property
    def start_samples(self) -> int:
        """The programme's first sample, counted from 00:00:00:00. It is 0 without a frame rate."""
        return samples_at(self.start_frames, self.rate, self.sample_rate) if self.rate else 0

    @property
    def frame_rate(self) -> FrameRate:
        """The frame rate.

        Raises:
            TimecodeError: the clock has none.
        """
        if self.rate is None:
            raise TimecodeError("a timecode needs a frame rate: give --fps")
        return self.rate

    @property
    def day_samples(self) -> int:
        """Samples from midnight to midnight by the timecode: 24 h and 86.4 s at 23.976, or 24 h without a rate."""
        if self.rate is None:
            return 24 * 3600 * self.sample_rate
        return samples_at(self.rate.frames_per_day, self.rate, self.sample_rate)

    def timecode_samples(self, label: str, after_samples: int = 0) -> int:
        """Return the samples from the programme's start to a timecode; negative before the start.

        Timecode restarts at midnight. So a timecode more than half a day before ``after_samples`` is on the next day.

        Args:
            label: see :func:`frames_of`.
            after_samples: a position that the timecode follows, in samples from the programme's start. For example,
                a clip's start for the clip's end.

        Raises:
            TimecodeError: no rate is known, or the timecode is malformed, does not exist or has another rate.
        """
        return self.frame_samples(self.frames_after(frames_of(label, self.rate), after_samples))

    def frame_samples(self, frames: int) -> int:
        """Return the samples from the programme's start to a frame.

        Args:
            frames: number of the frame, counted from 00:00:00:00.

        Raises:
            TimecodeError: the clock has no frame rate.
        """
        return samples_at(frames, self.frame_rate, self.sample_rate) - self.start_samples

    def frames_after(self, frames: int, after_samples: int = 0) -> int:
        """Return a frame number counted from 00:00:00:00 of the programme's first day.

        Args:
            frames: the frame number, counted from 00:00:00:00 of its own day.
            after_samples: see :meth:`timecode_samples`.
        """
        next_day = self.is_next_day(self.frame_samples(frames), after_samples)
        return frames + self.frame_rate.frames_per_day * next_day

    def is_next_day(self, samples: int, after_samples: int = 0) -> bool:
        """Return whether a position belongs to the next day; see :meth:`timecode_samples`."""
        return 2 * (after_samples - samples) > self.day_samples

    def frames_away(self, samples: int, frames: int) -> int:
        """Return the sample a number of frames after another sample. Both count from the programme's start.

        From the first sample of a frame it leads to the first sample of a frame.

        Args:
            samples: the first sample.
            frames: the distance in frames; may be negative.
        """
        rate = self.frame_rate
        absolute = self.start_samples + samples
        nearest = round_half_up(absolute * rate.exact / self.sample_rate)
        if samples_at(nearest, rate, self.sample_rate) == absolute:
            return samples_at(nearest + frames, rate, self.sample_rate) - self.start_samples
        return samples + round_half_up(Fraction(frames * self.sample_rate) / rate.exact)

    def label_at(self, samples_from_start: int) -> str | None:
        """Return the timecode of the frame that contains a sample, or None without a frame rate.

        A frame begins at its ``samples_at``. So the timecode of a cue is the timecode that the sheet gave.
        """
        if self.rate is None:
            return None
        doubled = 2 * (self.start_samples + samples_from_start) + 1
        frames = -(-doubled * self.rate.exact // (2 * self.sample_rate)) - 1
        return label_of(frames, self.rate)
