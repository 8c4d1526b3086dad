"""Exact time: rational frame rates, integer frames, integer samples. No float decides a position."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from plugin_backend.errors import ProjectError, TimecodeError

LABEL = re.compile(r"(\d{2}):(\d{2}):(\d{2})([:;])(\d{2})")


@dataclass(frozen=True)
class FrameRate:
    """A frame rate.

    Attributes:
        name: as users write it, e.g. ``29.97df``.
        exact: frames per second.
        nominal: frame numbers per labelled second.
        drop: whether labels skip frame numbers (SMPTE 12M drop-frame).
    """

    name: str
    exact: Fraction
    nominal: int
    drop: bool = False

    @classmethod
    def parse(cls, text: str) -> FrameRate:
        """The rate of that name.

        Raises:
            ProjectError: unknown, or ambiguous between drop-frame and not; says what is allowed.
        """
        name = ALIASES.get(text.strip().lower(), text.strip().lower())
        if name in AMBIGUOUS:
            raise ProjectError(f"frame rate '{text}' is ambiguous: write {name}df (drop-frame) or {name}ndf")
        if name not in RATES:
            raise ProjectError(f"no frame rate '{text}': use one of {', '.join(RATES)}")
        return RATES[name]


def _pulled_down(nominal: int) -> Fraction:
    return Fraction(nominal * 1000, 1001)


RATES = {
    rate.name: rate
    for rate in (
        FrameRate("23.976", _pulled_down(24), 24),
        FrameRate("24", Fraction(24), 24),
        FrameRate("25", Fraction(25), 25),
        FrameRate("29.97df", _pulled_down(30), 30, drop=True),
        FrameRate("29.97ndf", _pulled_down(30), 30),
        FrameRate("30", Fraction(30), 30),
        FrameRate("47.952", _pulled_down(48), 48),
        FrameRate("48", Fraction(48), 48),
        FrameRate("50", Fraction(50), 50),
        FrameRate("59.94df", _pulled_down(60), 60, drop=True),
        FrameRate("59.94ndf", _pulled_down(60), 60),
        FrameRate("60", Fraction(60), 60),
    )
}
ALIASES = {"23.98": "23.976", "24.0": "24", "25.0": "25", "30.0": "30", "47.95": "47.952"}
AMBIGUOUS = ("29.97", "59.94")


def frames_of(label: str, rate: FrameRate) -> int:
    """Frames from midnight to ``label``.

    Raises:
        TimecodeError: not ``HH:MM:SS:FF`` (``HH:MM:SS;FF`` at drop-frame rates), a number out of
            range at this rate, or a label that drop-frame counting skips.
    """
    import opentimelineio

    found = LABEL.fullmatch(label)
    shape = "HH:MM:SS;FF" if rate.drop else "HH:MM:SS:FF"
    if not found:
        raise TimecodeError(f"'{label}' is not a timecode; write {shape}")
    hours, minutes, seconds, frames = (int(found[group]) for group in (1, 2, 3, 5))
    if (found[4] == ";") != rate.drop:
        kind = "drop-frame" if rate.drop else "not drop-frame"
        raise TimecodeError(f"'{label}': the project's {rate.name} is {kind}; write {shape}, or give another --fps")
    for value, limit, unit in ((hours, 24, "hour"), (minutes, 60, "minute"), (seconds, 60, "second")):
        if value >= limit:
            raise TimecodeError(f"'{label}': {unit} {value:02d} does not exist; 00 to {limit - 1}")
    if frames >= rate.nominal:
        raise TimecodeError(
            f"'{label}': frame {frames:02d} does not exist at {rate.name} fps (00 to {rate.nominal - 1}); wrong rate?"
        )
    dropped = rate.nominal // 15
    if rate.drop and seconds == 0 and minutes % 10 and frames < dropped:
        raise TimecodeError(f"'{label}': drop-frame skips this label; the next one is {label[:-2]}{dropped:02d}")
    return int(opentimelineio.opentime.RationalTime.from_timecode(label, float(rate.exact)).value)


def label_of(frames: int, rate: FrameRate) -> str:
    """The label of a frame counted from midnight; the inverse of :func:`frames_of`, around the clock."""
    import opentimelineio

    drop = rate.nominal // 15 if rate.drop else 0
    day = 24 * 6 * (10 * 60 * rate.nominal - 9 * drop)
    time = opentimelineio.opentime.RationalTime(frames % day, float(rate.exact))
    return time.to_timecode(float(rate.exact), rate.drop)


def round_half_up(value: Fraction) -> int:
    """The nearest integer; halves go up."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def samples_at(frames: int, rate: FrameRate, sample_rate: int) -> int:
    """The sample on which a frame begins, both counted from midnight, to the nearest sample."""
    return round_half_up(frames / rate.exact * sample_rate)


@dataclass(frozen=True)
class Clock:
    """A programme's time base.

    Attributes:
        sample_rate: in Hz.
        rate: the frame rate; none when the project uses no timecode.
        start_frames: the programme's first frame, counted from midnight.
    """

    sample_rate: int = 48_000
    rate: FrameRate | None = None
    start_frames: int = 0

    @property
    def start_samples(self) -> int:
        """The programme's first sample, counted from midnight; 0 without a rate."""
        return samples_at(self.start_frames, self.rate, self.sample_rate) if self.rate else 0

    def samples_of(self, frames: int) -> int:
        """Samples from the programme's start to a frame counted from midnight; negative before it."""
        return samples_at(frames, self.rate, self.sample_rate) - self.start_samples

    def timecode_samples(self, label: str) -> int:
        """Samples from the programme's start to ``label``; negative before it.

        Raises:
            TimecodeError: see :func:`frames_of`; also when there is no frame rate.
        """
        return self.samples_of(self.frames_of(label))

    def frames_of(self, label: str) -> int:
        """:func:`frames_of` at this clock's rate.

        Raises:
            TimecodeError: also when there is no frame rate.
        """
        if self.rate is None:
            raise TimecodeError(
                f"'{label}' is a timecode: give its frame rate with --fps, or 'fps' in the project file"
            )
        return frames_of(label, self.rate)

    def label_at(self, samples: int) -> str | None:
        """Timecode of the frame that holds a sample counted from the programme's start; none without a rate."""
        if self.rate is None:
            return None
        absolute = self.start_samples + samples
        frame = int(Fraction(absolute, self.sample_rate) * self.rate.exact)
        frame += samples_at(frame + 1, self.rate, self.sample_rate) <= absolute
        return label_of(frame, self.rate)
