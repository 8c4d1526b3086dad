"""Write cue sheets as sessions: every cue is an empty clip at its exact sample and carries its columns."""

from __future__ import annotations

import json
import os
from pathlib import Path

from plugin_backend.errors import CueSheetError, ProjectError
from render.cues.cue import NUMBERS, STEP_TEXTS, Cue, CueSheet
from render.cues.readers.text_reading import LARGEST_NOTE
from render.cues.walks import columns as walk_columns
from render.project.cue_offset import offset_written
from render.project.timecode import Clock
from render.session import FORMATS, write_anew
from render.session.model import Item, Session, Track

NOMINAL_SAMPLES = 2400
"""Length of the clip of a cue without a duration: 50 ms at 48 kHz."""

DEFAULTS = {name: field.default for name, field in Cue.__dataclass_fields__.items()}


def write_session_cues(sheet: CueSheet, path: Path, clock: Clock) -> Path:
    """Write a cue sheet as a session of empty clips, one track for each stem; complete or not at all.

    A clip's columns (see :func:`cue_columns`) are stored as ``metadata["pisada"]`` of an OTIO clip, as a line
    ``pisada: {JSON}`` in a REAPER item's notes, or as the user comment ``pisada`` (JSON) of an AAF clip's master mob.

    Args:
        sheet: the cues.
        path: suffix ``.otio``, ``.rpp`` or ``.aaf``; an existing file is replaced.
        clock: the programme's time base.

    Returns:
        ``path``.

    Raises:
        ProjectError: another suffix.
        OutputError: it cannot be written.
        CueSheetError: a cue's text does not fit into the format.
        MissingExtraError: AAF without the extra ``aaf``.
    """
    format = path.suffix.lower().removeprefix(".")
    if format not in FORMATS:
        raise ProjectError(f"{path}: cues can be written as {', '.join('.' + each for each in FORMATS)}")
    items: dict[str, list[Item]] = {}
    for cue in sheet.cues:
        length = cue.duration_samples or NOMINAL_SAMPLES
        start = clock.start_samples + cue.start_samples
        columns = cue_columns(cue, path.parent, clock)
        if len(json.dumps(columns)) > LARGEST_NOTE:
            raise CueSheetError("more text than a session keeps beside a clip (1 MiB): write .csv", row=cue.row)
        item = Item(cue.id, None, start, length, columns=columns)
        items.setdefault(cue.stem, []).append(item)
    tracks = tuple(Track(stem, tuple(each)) for stem, each in items.items())
    write_anew(Session(path.stem, clock.rate, clock.start_samples, clock.sample_rate, tracks), path, format)
    return path


def cue_columns(cue: Cue, folder: Path, clock: Clock) -> dict[str, str]:
    """Return a cue's columns except start and end, as cells of a CSV sheet in ``folder``.

    Default values are left out. ``duration`` is present, and empty, only if the cue has none; its clip still has a
    length.

    Args:
        cue: the cue.
        folder: sources are written relative to it.
        clock: the programme's time base.
    """
    columns = {"id": cue.id, "stem": cue.stem}
    if cue.preset is not None:
        columns["preset"] = cue.preset
    if cue.duration_samples is None:
        columns["duration"] = ""
    for name in NUMBERS:
        value = getattr(cue, name)
        if value != DEFAULTS[name]:
            columns[name] = repr(value)
    columns |= {name: text for name in STEP_TEXTS if (text := getattr(cue, name))}
    if cue.source is not None:
        columns["source"] = Path(os.path.relpath(cue.source, folder.resolve())).as_posix()
    if cue.sync is not None:
        columns["sync"] = cue.sync
    if cue.offset_samples is not None:
        columns["offset"] = offset_written(cue.offset_samples, cue.start_samples, clock)
    if cue.note:
        columns["note"] = cue.note
    if cue.gate:
        columns["gate"] = "yes"
    return columns | walk_columns.written(cue, folder.resolve()) | cue.extra
