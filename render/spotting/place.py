"""Where a guide lies in the programme."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from plugin_backend.errors import RenderError
from plugin_backend.spotting.slabs import Guide
from render.delivery.bext import TIME_REFERENCE_OFFSET
from render.delivery.chunks import FORMS, chunks_of, cut_short
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
    begin, remarks = Fraction(0), cut_short(guide.path)
    try:
        stamp = timestamp(guide.path)
    except RenderError as problem:
        stamp = None
        remarks += (f"no timestamp can be read ({problem}): it is taken to begin with the programme",)
    if stamp and clock.rate is None:
        remarks += (f"its timestamp, sample {stamp} from midnight, is not used without --fps and --start-tc",)
    elif stamp:
        begin = Fraction(stamp * clock.sample_rate, guide.sample_rate) - clock.start_samples
    return Place(begin, guide.sample_rate, clock.sample_rate, remarks)


def timestamp(path: Path) -> int | None:
    """A Broadcast-WAV file's TimeReference, in its own samples from midnight; None without one, or if it is 0.

    Raises:
        RenderError: a RIFF file whose chunks do not fit together.
    """
    with open(path, "rb") as file:
        if file.read(4) not in FORMS:
            return None
        body, size = chunks_of(file, may_be_cut=True).get(b"bext", (0, 0))
        if size < TIME_REFERENCE_OFFSET + 8:
            return None
        file.seek(body + TIME_REFERENCE_OFFSET)
        return struct.unpack("<Q", file.read(8))[0] or None
