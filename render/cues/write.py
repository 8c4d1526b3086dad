"""Write a cue sheet in the format of the file's suffix."""

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
"""Formats that hold cues as clips on a timeline. The timeline begins at the programme's start."""

WRITERS: dict[str, Writer] = {".csv": write_csv, ".xlsx": write_xlsx} | TIMELINES


def write_cues(sheet: CueSheet, path: Path, clock: Clock) -> None:
    """Write a sheet completely, or leave no file.

    Args:
        sheet: the cues.
        path: the file; its suffix is a key of ``WRITERS``.
        clock: the programme's time base.

    Raises:
        OutputError: the suffix is none of ``WRITERS``, or the file cannot be written.
        CueSheetError: a cue that the format cannot hold.
        MissingExtraError: the format needs an optional package.
    """
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise OutputError(f"{path}: cues can be written to {', '.join(WRITERS)}")
    writer(sheet, path, clock)
