"""Ticks of a time axis: at round timecodes, or at round seconds without a frame rate."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from render.project.timecode import Clock, FrameRate, label_of, samples_at

STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600)
PARTS_S = tuple(Fraction(step, 1000) for step in (1, 2, 5, 10, 20, 50, 100, 200, 500))
MOST = 10


@dataclass(frozen=True)
class Tick:
    """A tick: its sample, counted from the file's first, and its label."""

    sample: int
    label: str


def ticks_of(clock: Clock, head_samples: int, length_samples: int) -> list[Tick]:
    """Return at most ``MOST`` + 1 ticks for a file.

    Args:
        clock: the programme's time base.
        head_samples: samples of the file before the programme.
        length_samples: length of the file.
    """
    if clock.rate is None:
        return _by_seconds(clock.sample_rate, head_samples, length_samples)
    return _by_frames(clock, clock.rate, head_samples, length_samples)


def _by_seconds(rate_hz: int, head_samples: int, length_samples: int) -> list[Tick]:
    span = Fraction(length_samples, rate_hz)
    steps: list[Fraction] = [*PARTS_S, *map(Fraction, STEPS_S)]
    step = next((step for step in steps if span <= MOST * step), steps[-1])
    first, last = -Fraction(head_samples, rate_hz), Fraction(length_samples - head_samples, rate_hz)
    numbers = range(-(-first // step), last // step + 1)
    return [Tick(round(number * step * rate_hz) + head_samples, _clock(number * step, step)) for number in numbers]


def _clock(seconds: Fraction, step: Fraction) -> str:
    """Return ``1:02:30`` for whole seconds, or ``0.25 s`` for parts of a second."""
    if step < 1:
        return f"{float(seconds):g} s"
    sign, whole = "-" * (seconds < 0), abs(int(seconds))
    hours, rest = divmod(whole, 3600)
    return f"{sign}{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{sign}{rest // 60}:{rest % 60:02d}"


def _by_frames(clock: Clock, rate: FrameRate, head_samples: int, length_samples: int) -> list[Tick]:
    rate_hz, begin = clock.sample_rate, clock.start_samples - head_samples
    first, last = (at * rate.exact // rate_hz for at in (begin, begin + length_samples))  # rounded down
    span = Fraction(length_samples, rate_hz)
    parts = [step for step in range(1, rate.nominal) if rate.nominal % step == 0 and span * rate.exact <= MOST * step]
    if parts:  # parts of a second, at the same frames of every second
        frames = [frame for frame in range(first, last + 2) if _frame_in_second(frame, rate) % parts[0] == 0]
    else:
        step = next((step for step in STEPS_S if span <= MOST * step), STEPS_S[-1])
        seconds = range(first // rate.nominal // step, (last // rate.nominal + 120) // step + 1)
        frames = [first_frame(second * step, rate) for second in seconds]
    ticks = (Tick(samples_at(frame, rate, rate_hz) - begin, label_of(frame, rate)) for frame in frames)
    return [tick for tick in ticks if 0 <= tick.sample <= length_samples]


def _frame_in_second(frame: int, rate: FrameRate) -> int:
    return int(label_of(frame, rate)[-2:])


def first_frame(second: int, rate: FrameRate) -> int:
    """Return the frame number of the first timecode of a second: ``:00``, or the first that is not dropped."""
    minutes = second // 60
    dropped = rate.dropped * (minutes - minutes // 10)
    skipped = rate.dropped if second % 60 == 0 and minutes % 10 else 0
    return second * rate.nominal + skipped - dropped
