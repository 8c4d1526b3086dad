"""Turn the hits of a guide track into cues at their position in the programme."""

from __future__ import annotations

from pathlib import Path

from plugin_backend.audio_files import inspect_recording
from plugin_backend.errors import AudioFileError, CueSheetError, ProjectError
from plugin_backend.hit_detection.detect_hits import Sensitivity, detect_hits_in
from plugin_backend.text import NOT_IN_CELL
from render.cues.cue import Cue, CueSheet, check_reach
from render.cues.guide_position import guide_position
from render.project.stem_names import STEM_RULE, is_stem_name
from render.project.timecode import Clock

FORMAT = "hits of a recording"
MOST_LISTED = 20


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
