"""One door for every kind of cue sheet, recognised by content, never by suffix."""

from __future__ import annotations

from pathlib import Path

from render.cues.csv_sheet import read_csv
from render.cues.cue import CueSheet, sheet_bytes
from render.cues.midi_file import MidiMapping, read_midi
from render.timecode import Clock

MIDI_MAGIC = b"MThd"
NO_MAPPING = MidiMapping()


def read_cues(path: Path, clock: Clock, mapping: MidiMapping = NO_MAPPING) -> CueSheet:
    """Reads a CSV or MIDI cue sheet.

    Args:
        path: the sheet.
        clock: the programme's time base.
        mapping: how a MIDI file's tracks and programs become stems and presets.

    Raises:
        CueSheetError: missing, unreadable, or anything in it that cannot be used; names file and row.
    """
    return read_midi(path, clock, mapping) if is_midi_file(path) else read_csv(path, clock)


def is_midi_file(path: Path) -> bool:
    """Whether a sheet is a Standard MIDI File, by its first bytes.

    Raises:
        CueSheetError: missing or unreadable.
    """
    return sheet_bytes(Path(path), len(MIDI_MAGIC)) == MIDI_MAGIC
