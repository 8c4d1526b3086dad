"""Where a guide track lies in the programme: at its timestamp, or at the programme's start."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from plugin_backend.audio_files import RecordingInfo
from render.project.timecode import Clock, round_half_up
from render.wav.bext import timestamp


@dataclass(frozen=True)
class GuidePosition:
    """The position of a guide track in the programme.

    Attributes:
        begin: the guide's first sample, in the programme's samples from its start (not rounded).
        guide_rate: sample rate of the guide in Hz.
        sample_rate: sample rate of the programme in Hz.
        remarks: for the user, one line each.
    """

    begin: Fraction
    guide_rate: int
    sample_rate: int
    remarks: tuple[str, ...] = ()

    def at(self, guide_samples: int) -> int:
        """Return the programme's sample nearest to a sample of the guide; negative before the programme's start."""
        return round_half_up(self.begin + Fraction(guide_samples * self.sample_rate, self.guide_rate))


def guide_position(guide: RecordingInfo, clock: Clock) -> GuidePosition:
    """Return the position of a guide.

    It is the guide's timestamp, if it has one and the clock has a frame rate: on the next day, if it is more than half
    a day before the programme's start. Otherwise it is the programme's start.
    """
    begin, remarks, stamp = Fraction(0), guide.remarks, timestamp(guide.path)
    if stamp and clock.rate is None:
        remarks += (f"its timestamp, sample {stamp} from midnight, is not used without --fps and --start-tc",)
    elif stamp:
        begin = Fraction(stamp * clock.sample_rate, guide.sample_rate) - clock.start_samples
        begin += clock.day_samples * clock.is_next_day(round_half_up(begin))
    return GuidePosition(begin, guide.sample_rate, clock.sample_rate, remarks)
