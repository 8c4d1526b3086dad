"""Turn the hits of a guide track into cues at their position in the programme."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from plugin_backend.audio_files import RecordingInfo, inspect_recording
from plugin_backend.errors import AudioFileError, CueSheetError, ProjectError
from plugin_backend.hit_detection.detect_hits import Sensitivity, detect_hits_in
from plugin_backend.text import NOT_IN_CELL
from render.cues.cue import Cue, CueSheet, check_reach
from render.project.stem_names import STEM_RULE, is_stem_name
from render.project.timecode import Clock, round_half_up
from render.wav.bext import timestamp

FORMAT = "hits of a recording"
MOST_LISTED = 20


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


def cues_of_guide(path: Path, clock: Clock, stem: str, preset: str, sensitivity: Sensitivity | None = None) -> CueSheet:
    """Make a cue at every hit of a production or guide track.

    The guide lies at its bext TimeReference, if it has one and the clock has a frame rate. Otherwise it begins with the
    programme.

    Args:
        path: the guide; any length, sample rate and number of channels.
        clock: time base of the programme.
        stem: stem of every cue.
        preset: preset of every cue.
        sensitivity: what counts as a hit.

    Returns:
        A sheet of cues in order.

    Raises:
        AudioFileError: the guide cannot be read, or has no hits.
        CueSheetError: the guide lies more than 24 hours after the programme's start, or completely before it.
        ProjectError: the name of the stem or of the preset is not allowed.
    """
    path = Path(path)
    if not is_stem_name(stem):
        raise ProjectError(f"stem {stem!r}: {STEM_RULE}")
    if not preset or NOT_IN_CELL.search(preset):
        raise ProjectError(f"{preset!r} is no preset's name")
    guide = inspect_recording(path)
    position = guide_position(guide, clock)
    try:
        check_reach(position.at(guide.length_samples), clock.sample_rate)
    except CueSheetError as error:
        raise error.at(file=path) from error
    hits = [(position.at(hit.onset_samples), hit) for hit in detect_hits_in(guide, sensitivity or Sensitivity())]
    if not hits:
        raise AudioFileError(f"{path}: no hits were found; a higher sensitivity finds softer ones")
    inside = [(start, hit) for start, hit in hits if start >= 0]
    if not inside:
        raise CueSheetError(f"every hit is before the programme's start, {clock.label_at(0)}: wrong start?", file=path)
    digits = max(3, len(str(len(inside))))
    cues = [
        Cue(
            id=f"{stem}-{number:0{digits}d}",
            start_samples=start,
            stem=stem,
            preset=preset,
            velocity=max(0.001, round(hit.velocity, 3)),
            note=f"peak {hit.peak_dbfs:.1f} dBFS",
            row=number + 1,
        )
        for number, (start, hit) in enumerate(inside, 1)
    ]
    early = [str(hit.onset_samples) for start, hit in hits if start < 0]
    return CueSheet(path, cues, [], [*position.remarks, *_left_out(early, clock)], FORMAT, clock)


def _left_out(early: list[str], clock: Clock) -> list[str]:
    """Return a remark on the hits that were left out, if there are any."""
    if not early:
        return []
    samples = ", ".join(early[:MOST_LISTED]) + ", …" * (len(early) > MOST_LISTED)
    return [f"left out before the programme's start, {clock.label_at(0)}: hits at its samples {samples}"]
