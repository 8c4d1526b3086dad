"""A guide's hits as cues, at their place in the programme."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from plugin_backend.audio_files import RecordingInfo, inspect_recording
from plugin_backend.audio_formats.wav_chunks import read_wave_chunk
from plugin_backend.errors import AudioFileError, CueSheetError, ProjectError
from plugin_backend.hit_detection.detect_hits import Sensitivity, detect_hits_in
from render.cues.cue import Cue, CueSheet, check_reach
from render.cues.readers.sheet_rows import CONTROL
from render.project.stem_names import STEM_RULE, is_stem_name
from render.project.timecode import Clock, round_half_up
from render.wav.bext import TIME_REFERENCE_OFFSET


@dataclass(frozen=True)
class GuidePosition:
    """Where a guide's first sample lies, in the programme's samples from its start (not rounded), and remarks."""

    begin: Fraction
    guide_rate: int
    sample_rate: int
    remarks: tuple[str, ...] = ()

    def at(self, guide_samples: int) -> int:
        """The programme's sample nearest to a sample of the guide; negative before its start."""
        return round_half_up(self.begin + Fraction(guide_samples * self.sample_rate, self.guide_rate))


def guide_position(guide: RecordingInfo, clock: Clock) -> GuidePosition:
    """By the guide's timestamp if it has one and the clock has a frame rate, else at the programme's start."""
    begin, remarks, stamp = Fraction(0), guide.remarks, timestamp(guide.path)
    if stamp and clock.rate is None:
        remarks += (f"its timestamp, sample {stamp} from midnight, is not used without --fps and --start-tc",)
    elif stamp:
        begin = Fraction(stamp * clock.sample_rate, guide.sample_rate) - clock.start_samples
    return GuidePosition(begin, guide.sample_rate, clock.sample_rate, remarks)


def timestamp(path: Path) -> int | None:
    """A Broadcast-WAV file's TimeReference, in its own samples from midnight; None without one, or if it is 0."""
    bext = read_wave_chunk(path, b"bext", TIME_REFERENCE_OFFSET + 8) or b""
    reference = bext[TIME_REFERENCE_OFFSET:]
    return struct.unpack("<Q", reference)[0] or None if len(reference) == 8 else None


FORMAT = "hits of a recording"
MOST_LISTED = 20


def cues_of_guide(path: Path, clock: Clock, stem: str, preset: str, sensitivity: Sensitivity | None = None) -> CueSheet:
    """A cue at every hit of a production or guide track.

    The guide lies where its bext TimeReference says, if it has one and the clock has a frame rate; otherwise it
    begins with the programme.

    Args:
        path: any length, rate and number of channels.
        clock: the programme's time base.
        stem: the stem of every cue.
        preset: the preset of every cue.
        sensitivity: what counts as a hit.

    Raises:
        AudioFileError: it cannot be read, or nothing was found in it.
        CueSheetError: it lies over 24 hours after the programme's start, or wholly before it.
        ProjectError: no stem's or preset's name.
    """
    path = Path(path)
    if not is_stem_name(stem):
        raise ProjectError(f"stem {stem!r}: {STEM_RULE}")
    if not preset or CONTROL.search(preset):
        raise ProjectError(f"{preset!r} is no preset's name")
    guide = inspect_recording(path)
    place = guide_position(guide, clock)
    try:
        check_reach(place.at(guide.length_samples), clock.sample_rate)
    except CueSheetError as error:
        raise error.at(file=path) from error
    hits = [(place.at(hit.onset_samples), hit) for hit in detect_hits_in(guide, sensitivity or Sensitivity())]
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
    return CueSheet(path, cues, [], [*place.remarks, *_left_out(early, clock)], FORMAT, clock)


def _left_out(early: list[str], clock: Clock) -> list[str]:
    if not early:
        return []
    told = ", ".join(early[:MOST_LISTED]) + ", …" * (len(early) > MOST_LISTED)
    return [f"left out before the programme's start, {clock.label_at(0)}: hits at its samples {told}"]
