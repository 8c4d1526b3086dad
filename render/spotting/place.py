"""Where a guide lies in the programme."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from plugin_backend.audio_formats.chunks import wave_chunk
from plugin_backend.spotting.slabs import Guide
from render.delivery.bext import TIME_REFERENCE_OFFSET
from render.timecode import Clock, round_half_up


@dataclass(frozen=True)
class Place:
    """Where a guide's first sample lies, in the programme's samples from its start (not rounded), and remarks."""

    begin: Fraction
    guide_rate: int
    sample_rate: int
    remarks: tuple[str, ...] = ()

    def at(self, guide_samples: int) -> int:
        """The programme's sample nearest to a sample of the guide; negative before its start."""
        return round_half_up(self.begin + Fraction(guide_samples * self.sample_rate, self.guide_rate))


def place_of(guide: Guide, clock: Clock) -> Place:
    """By the guide's timestamp if it has one and the clock has a frame rate, else at the programme's start."""
    begin, remarks, stamp = Fraction(0), guide.remarks, timestamp(guide.path)
    if stamp and clock.rate is None:
        remarks += (f"its timestamp, sample {stamp} from midnight, is not used without --fps and --start-tc",)
    elif stamp:
        begin = Fraction(stamp * clock.sample_rate, guide.sample_rate) - clock.start_samples
    return Place(begin, guide.sample_rate, clock.sample_rate, remarks)


def timestamp(path: Path) -> int | None:
    """A Broadcast-WAV file's TimeReference, in its own samples from midnight; None without one, or if it is 0."""
    bext = wave_chunk(path, b"bext", TIME_REFERENCE_OFFSET + 8) or b""
    reference = bext[TIME_REFERENCE_OFFSET:]
    return struct.unpack("<Q", reference)[0] or None if len(reference) == 8 else None
