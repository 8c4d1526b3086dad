"""One door out: a cue sheet into any format that can hold one, by the file's suffix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from plugin_backend.errors import OutputError
from render.cues.cue import CueSheet
from render.cues.writers.csv_sheet import write_csv
from render.cues.writers.session import write_session_cues
from render.cues.writers.xlsx_sheet import write_xlsx
from render.project.timecode import Clock

Writer = Callable[[CueSheet, Path, Clock], object]
TIMELINES: dict[str, Writer] = dict.fromkeys((".otio", ".rpp", ".aaf"), write_session_cues)
"""What holds cues as clips on a timeline that begins at the programme's start."""

WRITERS: dict[str, Writer] = {".csv": write_csv, ".xlsx": write_xlsx} | TIMELINES


def write_cues(sheet: CueSheet, path: Path, clock: Clock) -> None:
    """Writes a sheet, whole or not at all.

    Raises:
        OutputError: the suffix is none of ``WRITERS``, or the file cannot be written.
        CueSheetError: a cue that the format cannot hold.
        MissingExtraError: the format wants an optional part.
    """
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise OutputError(f"{path}: cues can be written to {', '.join(WRITERS)}")
    writer(sheet, path, clock)
