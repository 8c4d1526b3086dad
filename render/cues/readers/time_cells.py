"""Read the cells of times: timecodes, seconds with a decimal point, or samples."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import cast

from plugin_backend.errors import CueSheetError
from render.cues.cue import check_reach
from render.cues.readers.spreadsheet_cells import check_no_date, is_date
from render.project.timecode import Clock, FrameRate, frames_of, round_half_up, samples_at

TIMES = ("start", "end", "duration")
TIME_FORMATS = "a timecode (01:00:10:00), seconds with a decimal point (12.5) or samples (48000smp)"
SECONDS = re.compile(r"-?[0-9]{0,9}\.[0-9]{1,20}")
SAMPLES = re.compile(r"(-?[0-9]{1,15}) ?smp", re.IGNORECASE)
BARE = re.compile(r"[+-]?[0-9]+")


def start_of(text: str, clock: Clock) -> tuple[int | None, int]:
    """Return frames from 00:00:00:00 if it is a timecode, and samples from the programme's start."""
    frames, samples = position_of(text, "start", clock)
    if samples < 0:
        begin = clock.label_at(0)
        problem = f"{text!r} is before the programme's start"
        raise CueSheetError(
            f"{problem}, {begin}: give an earlier --start-tc" if begin else f"{problem}, which is 0.0", field="start"
        )
    return frames, samples


def duration_of(cells: dict[str, str], start_frames: int | None, start_samples: int, clock: Clock) -> int | None:
    """Return samples from start to end, from the column that is filled; None if neither is."""
    end, duration = cells.get("end"), cells.get("duration")
    if end and duration:
        raise CueSheetError("both end and duration are filled in: keep one", field="end")
    if end:
        samples = position_of(end, "end", clock, start_samples)[1] - start_samples
        if samples <= 0:
            raise CueSheetError(f"the end {end!r} is not after the start {cells['start']!r}", field="end")
        return samples
    if not duration:
        return None
    frames, samples = time_of(duration, "duration", clock)
    if frames is not None and start_frames is not None:
        samples = clock.frame_samples(start_frames + frames) - start_samples
    if samples <= 0:
        raise CueSheetError(f"{duration!r} is not above 0", field="duration")
    return samples


def position_of(text: str, field: str, clock: Clock, after_samples: int = 0) -> tuple[int | None, int]:
    """Return frames from 00:00:00:00 if it is a timecode, and samples from the programme's start."""
    frames, samples = time_of(text, field, clock)
    if frames is None:
        return None, samples
    frames = clock.frames_after(frames, after_samples)
    return frames, clock.frame_samples(frames)


def time_of(text: str, field: str, clock: Clock) -> tuple[int | None, int]:
    """Return frames if it is a timecode, and samples, both from zero."""
    try:
        if (":" in text or ";" in text) and not is_date(text):
            frames = frames_of(text, clock.rate)  # refuses a timecode without a rate
            return frames, samples_at(frames, cast(FrameRate, clock.rate), clock.sample_rate)
        if SECONDS.fullmatch(text):
            return None, check_reach(round_half_up(Fraction(text) * clock.sample_rate), clock.sample_rate)
        if match := SAMPLES.fullmatch(text):
            return None, check_reach(int(match[1]), clock.sample_rate)
        check_no_date(text)
    except CueSheetError as error:
        raise error.at(field=field) from error
    what = "could be seconds, frames or samples" if BARE.fullmatch(text) else "is not a time"
    raise CueSheetError(f"{text!r} {what}: write {TIME_FORMATS}", field=field)
