"""One door for every kind of cue sheet, recognised by content, never by suffix."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from plugin_backend.errors import CueSheetError
from render.cues.clip_mapping import Mapping
from render.cues.cue import DEFAULT_OPTIONS, CueSheet, ReadOptions, sheet_bytes
from render.cues.readers.aaf import is_aaf, read_aaf
from render.cues.readers.bwf import is_bwf, read_bwf
from render.cues.readers.csv_sheet import read_csv
from render.cues.readers.edl import is_edl, read_edl
from render.cues.readers.fcp7_xml import is_fcp7_xml, read_fcp7_xml
from render.cues.readers.fcpxml import is_fcpxml, read_fcpxml
from render.cues.readers.midi import is_midi, read_midi
from render.cues.readers.other_files import check_not_a_bundle, check_sheet_like
from render.cues.readers.otio import is_otio, read_otio
from render.cues.readers.pro_tools_text import is_pro_tools_text, read_pro_tools_text
from render.cues.readers.reaper_project import is_reaper_project, read_reaper_project
from render.cues.readers.reaper_regions import is_reaper_regions, read_reaper_regions
from render.cues.readers.text_reading import error_at
from render.cues.readers.xlsx_sheet import is_xlsx, read_xlsx
from render.cues.timeline import Timeline
from render.cues.timeline_to_cues import timeline_to_sheet
from render.project.project import MidiMapping
from render.project.timecode import Clock, FrameRate

HEAD_BYTES = 4096
NO_MAPPING = MidiMapping()


READERS = (
    (is_pro_tools_text, read_pro_tools_text),
    (is_edl, read_edl),
    (is_reaper_project, read_reaper_project),
    (is_reaper_regions, read_reaper_regions),
    (is_aaf, read_aaf),
    (is_fcp7_xml, read_fcp7_xml),
    (is_fcpxml, read_fcpxml),
    (is_otio, read_otio),
    (is_bwf, read_bwf),
    (is_xlsx, read_xlsx),
)
"""What recognises a file by its first 4096 bytes, and what reads it; CSV, the last resort, is none of them."""


def read_cues(
    path: Path,
    clock: Clock,
    midi: MidiMapping = NO_MAPPING,
    *,
    mapping: Mapping | None = None,
    presets: Collection[str] = (),
    start_given: bool | None = None,
    wanted: ReadOptions = DEFAULT_OPTIONS,
) -> CueSheet:
    """Reads a cue sheet of any format in ``docs/formats.md``.

    Args:
        path: the sheet.
        clock: the programme's time base; a rate or start that it leaves open comes from the file.
        midi: how a MIDI file's tracks and programs become stems and presets.
        mapping: how the clips, markers and regions of a timeline do.
        presets: the names a timeline's may match without a mapping.
        start_given: whether the clock's start is the user's word; None: if it is not 0.
        wanted: what of it is wanted, and what is put up with.

    Raises:
        CueSheetError: missing, unreadable, of another rate than the clock's, or anything in it that cannot be
            used; names file and row.
        MissingExtraError: the format wants an optional part.
    """
    path = Path(path)
    if is_midi_file(path):
        sheet = replace(read_midi(path, clock, midi, wanted.blank), format="MIDI", clock=clock)
    else:
        found = _read(path, clock, clock.start_frames != 0 if start_given is None else start_given, wanted)
        if isinstance(found, Timeline):
            return timeline_to_sheet(found, path, mapping, presets, wanted)
        sheet = found
    if mapping is None:
        return sheet
    return replace(sheet, remarks=[*sheet.remarks, f"the mapping was not used: {sheet.format} names its own stems"])


def stated_rate(path: Path) -> FrameRate | None:
    """The frame rate that a file states itself.

    Raises:
        CueSheetError: see :func:`read_cues`.
    """
    path = Path(path)
    found = None if is_midi_file(path) else _read(path, Clock(), False, ReadOptions(blank=True, partial=True))
    return found.clock.rate if isinstance(found, Timeline) else None


def is_midi_file(path: Path) -> bool:
    """Whether a sheet is a Standard MIDI File, by its first bytes.

    Raises:
        CueSheetError: missing or unreadable.
    """
    return is_midi(_head(Path(path)))


def _head(path: Path) -> bytes:
    check_not_a_bundle(path)
    return sheet_bytes(path, HEAD_BYTES)


def _read(path: Path, clock: Clock, start_given: bool, wanted: ReadOptions) -> Timeline | CueSheet:
    head = _head(path)
    read = next((read for recognises, read in READERS if recognises(head)), None)
    if read is None:
        with error_at(file=path):
            check_sheet_like(head)
    if read is None or read is read_xlsx:
        return (read or read_csv)(path, clock, wanted)
    try:
        if clock.rate is not None and not start_given:
            found = _as_stated(read, path, clock)
            if found is not None:
                return found
        found = read(path, clock)
        if clock.rate not in (None, found.clock.rate):
            raise CueSheetError(f"runs at {found.clock.rate.name} fps, the project at {clock.rate.name}: change --fps")
    except CueSheetError as error:
        raise error.at(file=path) from error
    return found


def _as_stated(read, path: Path, clock: Clock) -> Timeline | None:
    """The timeline from the start that the file states, if it states the clock's rate, too."""
    try:
        found = read(path, Clock(clock.sample_rate))
    except CueSheetError:  # it leaves the rate or drop-frame open; what else is wrong the next read will tell
        found = read(path, clock)
        if found.start_frames in (None, clock.start_frames):
            return found
        return read(path, replace(clock, start_frames=found.start_frames))
    rate, start_frames = found.clock.rate, found.clock.start_frames
    if rate == clock.rate:
        return found
    if rate is not None and rate.exact == clock.rate.exact:
        return read(path, replace(clock, start_frames=start_frames))
    return None
