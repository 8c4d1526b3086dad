"""The frame rate and the start timecode of a film."""

from __future__ import annotations

from plugin_backend.errors import TimecodeError
from render.project.timecode import RATES, FrameRate, frames_of
from render.spotting.video.film import RATE_TOLERANCE, Film


def rate_of(film: Film, fps: str | None) -> FrameRate | None:
    """Return the SMPTE rate of a film that was read to its end; None if none is near.

    Args:
        film: the film.
        fps: the rate that the user gave, or None.

    Raises:
        ProjectError: the user's rate is not known.
    """
    if fps:
        return FrameRate.parse(fps)
    exact = film.measured_rate or film.info.rate
    nearest = min(RATES.values(), key=lambda rate: (abs(rate.exact / exact - 1), rate.drop != (";" in film.info.start)))
    return nearest if abs(nearest.exact / exact - 1) < RATE_TOLERANCE * 2 else None


def start_of(film: Film, rate: FrameRate | None) -> str | None:
    """Return the timecode of a film's first frame, or None if it states none that exists at its rate.

    Args:
        film: the film; a timecode that cannot be used becomes one of its remarks.
        rate: its rate.
    """
    text = film.info.start
    if not text or rate is None:
        return None
    label = text[:8] + (";" if rate.drop else ":") + text[9:]
    try:
        frames_of(label, rate)
    except TimecodeError as problem:
        film.remarks.append(f"its timecode {text!r} is not used ({problem}); give --start-tc")
        return None
    return label
