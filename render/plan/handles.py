"""Handles and pops: the extra length of files before and after the programme, and the beeps in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from plugin_backend.errors import ProjectError
from render.project.timecode import Clock, round_half_up, samples_at

SHAPE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(s|f|smp)?")
LONGEST_S = 600
POP_S = 2
"""Seconds of timecode between a pop and the programme. At 23.976 this is 48 frames, so the 2-pop's timecode is exactly
2 s before the programme's start."""


@dataclass(frozen=True)
class Handles:
    """The handles and pops of every file, in samples.

    Attributes:
        head, tail: length before the programme's first sample, and after its last.
        pops: start and length of each pop; starts count from the file's first sample.
        remarks: a line for each handle that was lengthened.
    """

    head: int
    tail: int
    pops: tuple[tuple[int, int], ...] = ()
    remarks: tuple[str, ...] = ()


def handles_of(head: str | int, tail: str | int, pops: bool, clock: Clock, length_samples: int) -> Handles:
    """Return the handles of a programme.

    A handle is given in seconds (``2``, ``1.5s``), frames (``48f``) or samples (``96000smp``), and is exact.

    Args:
        head, tail: the handles.
        pops: write a pop in each handle; a handle that is too short is lengthened.
        clock: the programme's time base.
        length_samples: length of the programme.

    Raises:
        ProjectError: a handle is malformed, too long, needs a frame rate, or begins before 00:00:00:00.
    """
    start, end = clock.start_samples, clock.start_samples + length_samples
    head_samples = start - _moved(start, head, "head", -1, clock)
    tail_samples = _moved(end, tail, "tail", 1, clock) - end
    spans, remarks = [], []
    if pops:
        if clock.rate is None:
            raise ProjectError("a pop is one frame long and needs a frame rate: give --fps")
        spans = [_frame(start, -POP_S, clock), _frame(end, POP_S, clock)]
        wanted = start - spans[0][0], sum(spans[1]) - end
        for side, samples, least in zip(("head", "tail"), (head_samples, tail_samples), wanted, strict=True):
            if samples < least:
                remarks.append(f"the {side} handle is {least} samples, not {samples}: the pop needs them")
        head_samples, tail_samples = max(head_samples, wanted[0]), max(tail_samples, wanted[1])
    if head_samples > start:
        raise ProjectError(
            f"the head handle of {head_samples} samples begins before 00:00:00:00: "
            "start the programme later (--start-tc)"
        )
    first = start - head_samples
    return Handles(head_samples, tail_samples, tuple((at - first, size) for at, size in spans), tuple(remarks))


def _moved(position: int, handle: str | int, side: str, sign: int, clock: Clock) -> int:
    """Return the absolute sample one handle before (sign −1) or after (sign 1) an absolute sample."""
    match = SHAPE.fullmatch(str(handle).strip())
    if not match:
        raise ProjectError(f"{side} handle {handle!r}: write seconds (2, 1.5), frames (48f) or samples (96000smp)")
    value, unit = Fraction(match[1]), match[2] or "s"
    if unit != "s" and value.denominator != 1:
        raise ProjectError(f"{side} handle {handle!r}: frames and samples are whole")
    if unit == "f":
        if clock.rate is None:
            raise ProjectError(f"{side} handle {handle!r}: frames need a frame rate: give --fps")
        moved = _frames_away(position, sign * int(value), clock)
    else:
        moved = position + sign * round_half_up(value * (clock.sample_rate if unit == "s" else 1))
    if abs(moved - position) > LONGEST_S * clock.sample_rate:
        raise ProjectError(f"{side} handle {handle!r}: at most {LONGEST_S} s")
    return moved


def _frames_away(position: int, frames: int, clock: Clock) -> int:
    """Return the start of the frame that is ``frames`` after the frame nearest to an absolute sample."""
    rate = clock.frame_rate
    nearest = round_half_up(position * rate.exact / clock.sample_rate)
    return samples_at(nearest + frames, rate, clock.sample_rate)


def _frame(position: int, seconds: int, clock: Clock) -> tuple[int, int]:
    """Return first sample and length of the frame that begins whole timecode seconds after an absolute sample."""
    frames = seconds * clock.frame_rate.nominal
    first = _frames_away(position, frames, clock)
    return first, _frames_away(position, frames + 1, clock) - first
