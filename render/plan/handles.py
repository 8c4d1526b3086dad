"""Handles and pops: where files begin and end around the programme, and the beeps within them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from plugin_backend.errors import ProjectError
from render.project.timecode import Clock, round_half_up, samples_at

SHAPE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(s|f|smp)?")
LONGEST_S = 600
POP_S = 2
"""A pop stands two seconds of timecode from the programme: 48 frames at 23.976, its label 2 s before the start's."""


@dataclass(frozen=True)
class Handles:
    """What surrounds the programme in every file, in samples.

    Attributes:
        head, tail: before its first sample, after its last.
        pops: start and length of each pop, counted from the file's first sample.
        remarks: handles that were lengthened.
    """

    head: int
    tail: int
    pops: tuple[tuple[int, int], ...] = ()
    remarks: tuple[str, ...] = ()


def handles_of(head: str | int, tail: str | int, pops: bool, clock: Clock, length_samples: int) -> Handles:
    """The handles of a programme of ``length_samples`` that starts where ``clock`` says.

    A handle is seconds (``2``, ``1.5s``), frames (``48f``) or samples (``96000smp``), exactly.

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
        for side, given, least in zip(("head", "tail"), (head_samples, tail_samples), wanted, strict=True):
            if given < least:
                remarks.append(f"the {side} handle is {least} samples, not {given}: the pop needs them")
        head_samples, tail_samples = max(head_samples, wanted[0]), max(tail_samples, wanted[1])
    if head_samples > start:
        raise ProjectError(
            f"the head handle of {head_samples} samples begins before 00:00:00:00: "
            "start the programme later (--start-tc)"
        )
    first = start - head_samples
    return Handles(head_samples, tail_samples, tuple((at - first, size) for at, size in spans), tuple(remarks))


def _moved(position: int, handle: str | int, side: str, sign: int, clock: Clock) -> int:
    """The absolute sample one handle before (sign −1) or after (1) an absolute sample."""
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
    """The beginning of the frame ``frames`` from the one nearest to an absolute sample."""
    nearest = round_half_up(position * clock.rate.exact / clock.sample_rate)
    return samples_at(nearest + frames, clock.rate, clock.sample_rate)


def _frame(position: int, seconds: int, clock: Clock) -> tuple[int, int]:
    """First sample and length of the frame that begins whole timecode seconds from an absolute sample."""
    frames = seconds * clock.rate.nominal
    first = _frames_away(position, frames, clock)
    return first, _frames_away(position, frames + 1, clock) - first
