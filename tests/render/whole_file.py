"""Check a timeline as a render does before it begins."""

from pathlib import Path

from render.cues.cue import CueSheet
from render.cues.timeline import Timeline


def check_whole(timeline: Timeline, path: Path) -> None:
    """Raise the CueSheetError of everything that was not read."""
    CueSheet(path, [], [], [], unreadable=timeline.unreadable).check_all_read(False)
