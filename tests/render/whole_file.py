"""What a render says of a timeline before it begins."""

from pathlib import Path

from render.cues.cue import CueSheet
from render.cues.timeline import Timeline


def check_whole(timeline: Timeline, path: Path) -> None:
    """Raises the CueSheetError of what was not read."""
    CueSheet(path, [], [], [], unreadable=timeline.unreadable).check_all_read(False)
