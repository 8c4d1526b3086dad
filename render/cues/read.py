"""Read a cue sheet of any format. The format is recognised by content, not by suffix."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from plugin_backend.errors import CueSheetError
from render.cues.clip_mapping import Mapping
from render.cues.cue import DEFAULT_OPTIONS, CueSheet, ReadOptions
from render.cues.readers.aaf import is_aaf, read_aaf
from render.cues.readers.bwf import is_bwf, read_bwf
from render.cues.readers.csv_sheet import read_csv
from render.cues.readers.edl import is_edl, read_edl
from render.cues.readers.fcp7_xml import is_fcp7_xml, read_fcp7_xml
from render.cues.readers.fcpxml import is_fcpxml, read_fcpxml
from render.cues.readers.midi import is_midi, read_midi
from render.cues.readers.other_files import check_sheet_like
from render.cues.readers.otio import is_otio, read_otio
from render.cues.readers.pro_tools_text import is_pro_tools_text, read_pro_tools_text
from render.cues.readers.reaper_project import is_reaper_project, read_reaper_project
from render.cues.readers.reaper_regions import is_reaper_regions, read_reaper_regions
from render.cues.readers.text_reading import error_at
from render.cues.readers.xlsx_sheet import is_xlsx, read_xlsx
from render.cues.sheet_file import SheetFile, SheetSource, open_sheet
from render.cues.timeline import Timeline
from render.cues.timeline_to_cues import timeline_to_sheet
from render.cues.walks.expand import expand_rows
from render.project.project import MidiMapping
from render.project.timecode import Clock, FrameRate

HEAD_BYTES = 4096
NO_MAPPING = MidiMapping()
TimelineReader = Callable[[SheetFile, Clock], Timeline]


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
"""Pairs of recogniser and reader.

A recogniser gets a file's first 4096 bytes. A file that none recognises is read as CSV.
"""


def read_cues(
    source: SheetSource,
    clock: Clock,
    midi: MidiMapping = NO_MAPPING,
    *,
    mapping: Mapping | None = None,
    presets: Collection[str] = (),
    start_given: bool | None = None,
    options: ReadOptions = DEFAULT_OPTIONS,
) -> CueSheet:
    """Read a cue sheet of any format in ``docs/formats.md``. Its walks become steps.

    Args:
        source: the sheet's path, or the open sheet.
        clock: the programme's time base; a missing rate or start is taken from the file.
        midi: maps a MIDI file's tracks and programs to stems and presets.
        mapping: maps the clips, markers and regions of a timeline to stems and presets.
        presets: preset names that a timeline's names may match without a mapping, and that surfaces must have.
        start_given: whether the user stated the clock's start; None means yes if the start is not 0.
        options: which cues to include, which faults to tolerate, and how walks become steps.

    Returns:
        The sheet, its cues by start.

    Raises:
        CueSheetError: missing, unreadable, of another rate than the clock's, or with contents that cannot be used;
            names file and row.
        MissingExtraError: the format needs an optional package.

    Examples:
        >>> from pathlib import Path
        >>> from render.project.timecode import Clock, FrameRate
        >>> clock = Clock(48_000, FrameRate.parse("23.976"), 86_400)
        >>> len(read_cues(Path("examples/night_walk/cues.csv"), clock).cues)
        216
    """
    with open_sheet(source) as file:
        if is_midi_file(file):
            sheet = replace(read_midi(file, clock, midi, options.blank), format="MIDI", clock=clock)
        else:
            timeline = _read(file, clock, clock.start_frames != 0 if start_given is None else start_given, options)
            if isinstance(timeline, Timeline):
                sheet = timeline_to_sheet(timeline, file.path, mapping, presets, options)
                return expand_rows(sheet, sheet.clock or clock, options, presets)
            sheet = timeline
    sheet = expand_rows(sheet, clock, options, presets)
    if mapping is None:
        return sheet
    return replace(sheet, remarks=[*sheet.remarks, f"the mapping was not used: {sheet.format} names its own stems"])


def stated_rate(sheet: SheetFile) -> FrameRate | None:
    """Return the frame rate that a sheet states, or None.

    Raises:
        CueSheetError: see :func:`read_cues`.
    """
    timeline = None if is_midi_file(sheet) else _read(sheet, Clock(), False, ReadOptions(blank=True, partial=True))
    return timeline.clock.rate if isinstance(timeline, Timeline) else None


def is_midi_file(sheet: SheetFile) -> bool:
    """Return whether a sheet is a Standard MIDI File, by its first bytes.

    Raises:
        CueSheetError: unreadable.
    """
    return is_midi(sheet.bytes(HEAD_BYTES))


def _read(sheet: SheetFile, clock: Clock, start_given: bool, options: ReadOptions) -> Timeline | CueSheet:
    head = sheet.bytes(HEAD_BYTES)
    reader: Any = next((reader for recognises, reader in READERS if recognises(head)), None)
    if reader is None:
        with error_at(file=sheet.path):
            check_sheet_like(head)
    if reader is None or reader is read_xlsx:
        return (reader or read_csv)(sheet, clock, options)
    return _read_timeline(reader, sheet, clock, start_given)


def _read_timeline(read: TimelineReader, sheet: SheetFile, clock: Clock, start_given: bool) -> Timeline:
    try:
        if clock.rate is not None and not start_given:
            as_stated = _as_stated(read, sheet, clock)
            if as_stated is not None:
                return as_stated
        timeline = read(sheet, clock)
        stated = timeline.clock.rate
        if clock.rate is not None and stated != clock.rate:
            name = stated.name if stated is not None else "unknown"
            raise CueSheetError(f"runs at {name} fps, the project at {clock.rate.name}: change --fps")
    except CueSheetError as error:
        raise error.at(file=sheet.path) from error
    return timeline


def _as_stated(read: TimelineReader, sheet: SheetFile, clock: Clock) -> Timeline | None:
    """Read the timeline with the start that the file states. Return None if it states another rate than the clock's."""
    try:
        timeline = read(sheet, Clock(clock.sample_rate))
    except CueSheetError:  # it does not state rate or drop-frame; the next read raises any other problem
        timeline = read(sheet, clock)
        if timeline.start_frames in (None, clock.start_frames):
            return timeline
        return read(sheet, replace(clock, start_frames=timeline.start_frames))
    rate, start_frames = timeline.clock.rate, timeline.clock.start_frames
    if rate == clock.rate:
        return timeline
    if rate is not None and clock.rate is not None and rate.exact == clock.rate.exact:
        return read(sheet, replace(clock, start_frames=start_frames))
    return None
