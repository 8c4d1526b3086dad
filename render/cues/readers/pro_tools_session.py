"""The header of a Pro Tools text export, and how its times become samples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from plugin_backend.errors import CueSheetError
from render.cues.readers.text_reading import check_within_day, error_at, to_samples
from render.cues.readers.timeline_builder import with_sheet_rate
from render.project.timecode import AMBIGUOUS, RATES, Clock, FrameRate, frames_of, round_half_up, samples_at

HEADER = ("SAMPLE RATE:", "SESSION START TIMECODE:", "TIMECODE FORMAT:")
FRAME_RATE = re.compile(r"([0-9.]{2,6})( Drop)? Frame")
TIMECODE = re.compile(r"([0-9]{2}:[0-9]{2}:[0-9]{2}[:;][0-9]{2})(?:\.([0-9]{2}|100))?")  # with hundredths of a frame
SUB_FRAMES = 100
SAMPLES = re.compile(r"[0-9]{1,15}")
MILLISECONDS = re.compile(r"([0-9]{1,6}):([0-9]{2}\.[0-9]{3})")
ASK = "export it with the time format Timecode (Show Sub Frames) or Samples"
REFUSED = {
    re.compile(r"[0-9]+\+[0-9]{2}(\.[0-9]{2})?"): "feet and frames, of a film rate that the file does not state",
    re.compile(r"[0-9]+:[0-9]{2}"): "minutes and whole seconds",
    re.compile(r"[0-9]+\|.*"): "bars and beats, and the tempo is not in the file",
}


@dataclass(frozen=True)
class Session:
    """The data that turns the file's times into samples; ``start_samples`` counts from 00:00:00:00."""

    clock: Clock
    rate: FrameRate
    sample_rate_hz: int
    start_samples: int

    def position(self, text: str, after_samples: int = 0) -> int:
        """Return samples from the programme's start.

        A timecode half a day before ``after_samples`` belongs to the next day.
        """
        hz = self.clock.sample_rate
        if match := TIMECODE.fullmatch(text):
            samples = _timecode_samples(match, self.rate, hz)
            if self.clock.is_next_day(samples - self.clock.start_samples, after_samples):
                samples = _timecode_samples(match, self.rate, hz, self.rate.frames_per_day)
        elif SAMPLES.fullmatch(text):
            samples = self.start_samples + to_samples(Fraction(int(text), self.sample_rate_hz), hz)
        elif match := MILLISECONDS.fullmatch(text):
            samples = self.start_samples + to_samples(60 * int(match[1]) + Fraction(match[2]), hz)
        else:
            reasons = (reason for shape, reason in REFUSED.items() if shape.fullmatch(text))
            raise CueSheetError(f"{text[:40]!r} is {next(reasons, 'not a time')}: {ASK}")
        return check_within_day(samples - self.clock.start_samples, hz)


def tab_cells(block: list[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each line, and its stripped cells."""
    return ((row, [cell.strip() for cell in line.split("\t")]) for row, line in block)


def session_in(block: list[tuple[int, str]], clock: Clock) -> Session:
    """Return the session that a header describes.

    Raises:
        CueSheetError: a line of it is missing or cannot be used, or its rate is not the clock's.
    """
    found = {cells[0]: (row, cells[1]) for row, cells in tab_cells(block) if len(cells) > 1}
    for key in HEADER:
        if key not in found:
            raise CueSheetError(f"not a whole Pro Tools text export: its header has no '{key}'")
    (hz_row, hz), (start_row, start), (rate_row, rate_name) = (found[key] for key in HEADER)
    if not re.fullmatch(r"[1-9][0-9]{3,5}(\.0{1,9})?", hz):
        raise CueSheetError(f"sample rate {hz[:40]!r}: pulled up or down? Export it at a whole rate", row=hz_row)
    match = FRAME_RATE.fullmatch(rate_name)
    name = (match[1] + (("ndf", "df")[bool(match[2])] if match[1] in AMBIGUOUS else match[2] or "")) if match else ""
    if name not in RATES:
        raise CueSheetError(f"{rate_name[:40]!r} is not one of the frame rates {', '.join(RATES)}", row=rate_row)
    rate = RATES[name]
    with error_at(row=start_row):
        if not (match := TIMECODE.fullmatch(start)):
            raise CueSheetError(f"the session's start {start[:40]!r} is not a timecode")
        first = frames_of(match[1], rate) + int(match[2] or 0) // SUB_FRAMES
        clock = with_sheet_rate(clock, rate.exact, rate.drop, first)
        return Session(clock, rate, int(Fraction(hz)), _timecode_samples(match, rate, clock.sample_rate))


def _timecode_samples(match: re.Match, rate: FrameRate, hz: int, later_frames: int = 0) -> int:
    """Return the sample nearest to a label, counted from 00:00:00:00; hundredths of a frame count."""
    frames = frames_of(match[1], rate) + later_frames
    if not match[2]:
        return samples_at(frames, rate, hz)
    return round_half_up((frames + Fraction(int(match[2]), SUB_FRAMES)) * hz / rate.exact)
