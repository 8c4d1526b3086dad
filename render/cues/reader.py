"""Read a cue sheet, recognised by its content."""

from __future__ import annotations

from pathlib import Path

from plugin_backend.errors import CueSheetError
from render.cues.csv_sheet import read_csv
from render.cues.cue import CueSheet
from render.cues.midi_file import MidiMapping, is_midi, read_midi
from render.timecode import Clock

MOST_BYTES = 256 * 2**20
NO_MAPPING = MidiMapping()


def read_cues(path: Path, clock: Clock, mapping: MidiMapping = NO_MAPPING) -> CueSheet:
    """Read a CSV or MIDI cue sheet.

    Args:
        path: the sheet.
        clock: the programme's time base.
        mapping: how a MIDI file's tracks and programs become stems and presets.

    Raises:
        CueSheetError: the file is absent or cannot be used; names it.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            head = file.read(4)
        size = path.stat().st_size
    except OSError as problem:
        raise CueSheetError(f"cannot be read ({problem.strerror})", file=path) from problem
    if size > MOST_BYTES:
        raise CueSheetError(f"{size} bytes; a cue sheet has at most {MOST_BYTES}", file=path)
    return read_midi(path, clock, mapping) if is_midi(head) else read_csv(path, clock)
