"""Turn cues into rows of text that the readers of CSV and XLSX read back as the same cues."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from plugin_backend.errors import CueSheetError
from plugin_backend.text import NOT_IN_CELL
from presets.bank import is_file_name
from render.cues.cue import NUMBERS, STEP_TEXTS, Cue, CueSheet, check_reach
from render.cues.readers.sheet_rows import KNOWN, MOST_COLUMNS
from render.cues.walks import columns as walk_columns
from render.project.cue_offset import offset_written
from render.project.timecode import Clock

FIRST = ("id", "start", "end", "duration", "stem", "preset")
COLUMNS = (*FIRST, *walk_columns.COLUMNS, *NUMBERS, *STEP_TEXTS, "sync", "offset", "source", "gate", "note")
ALWAYS = ("id", "start", "stem", "preset")
DEFAULTS = {name: Cue.__dataclass_fields__[name].default for name in NUMBERS}


def sheet_to_rows(sheet: CueSheet, path: Path, clock: Clock) -> tuple[list[str], list[list[str]]]:
    """Return the header and one row for each cue, by start and then by id. Columns that are always empty are left out.

    A start that is exactly a frame's first sample is written as timecode, any other in samples. An end is written as
    timecode too; if it falls between frames, the duration is written in samples instead.

    Args:
        sheet: the cues.
        path: the sheet's file; source and preset files in or below its folder are written relative to it.
        clock: the programme's time base.

    Returns:
        The header, and the rows as texts.

    Raises:
        CueSheetError: no cues, a cue more than 24 hours from the start, over 256 columns, or column names that a sheet
            cannot have side by side.
    """
    if not sheet.cues:
        raise CueSheetError("no cues to write", file=path)
    extra = list(dict.fromkeys([*sheet.unknown_columns, *(name for cue in sheet.cues for name in cue.extra)]))
    _check_columns(extra, path)
    folder = path.parent.resolve()
    cues = sorted(sheet.cues, key=lambda cue: (cue.start_samples, cue.id))
    rows = [_times(cue, clock) | cue_cells(cue, folder, clock) for cue in cues]
    header = [name for name in COLUMNS if name in ALWAYS or any(row.get(name) for row in rows)] + extra
    if len(header) > MOST_COLUMNS:
        raise CueSheetError(f"{len(header)} columns; a sheet has at most {MOST_COLUMNS}", file=path)
    return header, [[row.get(name, "") for name in header] for row in rows]


def cue_cells(cue: Cue, folder: Path, clock: Clock) -> dict[str, str]:
    """Return a cue's cells except start and end, by column. Default values are left out.

    Args:
        cue: the cue.
        folder: files in or below it are written relative to it.
        clock: the programme's time base.
    """
    numbers = {name: getattr(cue, name) for name in NUMBERS}
    preset = cue.preset or ""
    if is_file_name(preset):
        preset = walk_columns.relative_to(folder, preset)
    cells = {"id": cue.id, "stem": cue.stem, "preset": preset}
    cells |= {name: _number(value) for name, value in numbers.items() if value != DEFAULTS[name]}
    cells |= {name: text for name in STEP_TEXTS if (text := getattr(cue, name))}
    if cue.source is not None:
        cells["source"] = walk_columns.relative_to(folder, cue.source)
    if cue.sync is not None:
        cells["sync"] = cue.sync
    if cue.offset_samples is not None:
        cells["offset"] = offset_written(cue.offset_samples, cue.start_samples, clock)
    if cue.gate:
        cells["gate"] = "yes"
    return cells | walk_columns.written(cue, folder) | {"note": cue.note} | cue.extra


def _times(cue: Cue, clock: Clock) -> dict[str, str]:
    cells = {"start": _position(cue.start_samples, clock) or _samples(cue.start_samples, clock)}
    if cue.duration_samples is not None:
        end = _position(cue.start_samples + cue.duration_samples, clock)
        cells |= {"end": end} if end else {"duration": _samples(cue.duration_samples, clock)}
    return cells


def _position(samples: int, clock: Clock) -> str | None:
    """Return the label of the frame that begins at this sample, if one does and the label reads back as that frame."""
    label = clock.label_at(samples)
    return label if label is not None and clock.timecode_samples(label) == samples else None


def _samples(samples: int, clock: Clock) -> str:
    return f"{check_reach(samples, clock.sample_rate)}smp"


def _number(value: float | int) -> str:
    return repr(value).removesuffix(".0")


def _check_columns(names: list[str], path: Path) -> None:
    times = Counter(name.lower() for name in names)
    for name in names:
        if name.lower() in KNOWN or times[name.lower()] > 1 or not name.strip() or NOT_IN_CELL.search(name):
            raise CueSheetError(f"a column cannot be called {name!r} beside the others", file=path)
