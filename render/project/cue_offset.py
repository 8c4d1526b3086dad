"""Sync offsets of cues: frames, seconds or samples before or after the cue's position."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from plugin_backend.errors import CueSheetError
from render.project.timecode import Clock, round_half_up

FRAMES = re.compile(r"([+-]?[0-9]{1,7}) ?(?:f|fr|frames?)?", re.IGNORECASE)
SECONDS = re.compile(r"([+-]?(?:[0-9]{0,4}\.[0-9]{1,15}|[0-9]{1,4}(?= ?s))) ?s?", re.IGNORECASE)
SAMPLES = re.compile(r"([+-]?[0-9]{1,9}) ?smp", re.IGNORECASE)
FARTHEST_S = 600
RULE = "an offset is frames (-2 or -2f), seconds with a decimal point (-0.08) or samples (-480smp)"


def check_offset(value: str | float) -> None:
    """Check that a value is an offset.

    Raises:
        ValueError: it is not.
    """
    if not any(shape.fullmatch(_text(value)) for shape in (FRAMES, SECONDS, SAMPLES)):
        raise ValueError(f"offset {_text(value)[:40]!r}: {RULE}")


def offset_samples(value: str | float, start_samples: int, clock: Clock) -> int:
    """Return an offset in samples.

    An offset in frames leads from the first sample of a frame exactly to the first sample of another frame.

    Args:
        value: as in the sheet's cell. A whole number is frames; another number is seconds.
        start_samples: the cue's position, in samples from the programme's start.
        clock: the programme's time base.

    Returns:
        Samples to add to the position; negative for an earlier one.

    Raises:
        CueSheetError: it is not an offset, is in frames without a frame rate, or is over ten minutes.

    Examples:
        >>> from render.project.timecode import Clock, FrameRate
        >>> offset_samples("-2", 48_000, Clock(rate=FrameRate.parse("25")))
        -3840
    """
    text = _text(value)
    if match := FRAMES.fullmatch(text):
        frames = int(match[1])
        if clock.rate is None and frames:
            raise CueSheetError(f"{text!r} is in frames and needs a frame rate: give --fps", field="offset")
        samples = clock.frames_away(start_samples, frames) - start_samples if frames else 0
    elif match := SECONDS.fullmatch(text):
        samples = round_half_up(Fraction(match[1]) * clock.sample_rate)
    elif match := SAMPLES.fullmatch(text):
        samples = int(match[1])
    else:
        raise CueSheetError(f"{text[:40]!r}: {RULE}", field="offset")
    if abs(samples) > FARTHEST_S * clock.sample_rate:
        raise CueSheetError(f"{text!r} is over {FARTHEST_S // 60} minutes", field="offset")
    return samples


def _text(value: str | float) -> str:
    return f"{Decimal(repr(value)):f}" if isinstance(value, float) else str(value).strip()


def offset_written(offset: int, start_samples: int, clock: Clock) -> str:
    """Return an offset as text that reads back as the same offset: whole frames if possible, or else samples.

    Args:
        offset: in samples.
        start_samples: the cue's position, in samples from the programme's start.
        clock: the programme's time base.
    """
    if clock.rate is not None:
        frames = round_half_up(offset * clock.rate.exact / clock.sample_rate)
        if clock.frames_away(start_samples, frames) - start_samples == offset:
            return f"{frames}f"
    return f"{offset}smp"
