"""The rows of an edited sheet: cues, walks and rows that follow, as they are kept on disk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from plugin_backend.errors import CueSheetError
from presets.bank import is_file_name
from render.cues.cue import Cue, check_reach
from render.cues.readers.sheet_rows import Place, row_to_cue
from render.cues.walks.rows import Surface, Walk
from render.cues.walks.surfaces import surface_at
from render.cues.writers.sheet_rows import cue_cells
from render.project.timecode import Clock


@dataclass(frozen=True, slots=True)
class EditedRow:
    """A row of the sheet.

    Attributes:
        cue: the cue; or the walk or row that follows, in its ``becomes``.
        muted: whether it is left out of what is heard, rendered and written.
    """

    cue: Cue
    muted: bool = False


class StemState(msgspec.Struct, frozen=True):
    """How a stem is listened to. It changes what is heard here, never what is rendered into files.

    Attributes:
        muted: it is not heard.
        solo: while a stem is solo, only solo stems are heard.
    """

    muted: bool = False
    solo: bool = False


class KeptRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A row as it is kept: its place in samples, and its cells as a cue sheet holds them.

    Attributes:
        start: from the programme's start.
        cells: column → text.
        duration: in samples; ``None`` for the preset's own.
        row: line of the sheet that it was read from; 0 for none.
        muted: see :class:`EditedRow`.
    """

    start: int
    cells: dict[str, str]
    duration: int | None = None
    row: int = 0
    muted: bool = False


@dataclass(frozen=True)
class RowReader:
    """Turns kept rows into cues, by the rules of every cue sheet.

    Attributes:
        folder: relative files are in it.
        clock: the programme's time base.
    """

    folder: Path
    clock: Clock

    def kept(self, row: EditedRow) -> KeptRow:
        """Return a row as it is kept."""
        cue = row.cue
        return KeptRow(cue.start_samples, self.cells(cue), cue.duration_samples, cue.row, row.muted)

    def cells(self, cue: Cue) -> dict[str, str]:
        """Return the cells of a cue that are not empty, without its start and end. The user's own columns stay."""
        cells = cue_cells(cue, self.folder, self.clock)
        return {name: text for name, text in cells.items() if text or name in cue.extra}

    def edited(self, kept: KeptRow) -> EditedRow:
        """Return the row of a kept row.

        Raises:
            CueSheetError: a cell that a cue sheet cannot hold; names the column.
        """
        place = Place(kept.row, kept.start, kept.duration, self.folder, self.clock)
        return EditedRow(row_to_cue(dict(kept.cells), place, blank=True), kept.muted)


def moved(cue: Cue, start_samples: int, clock: Clock) -> Cue:
    """Return a cue at another start.

    Raises:
        CueSheetError: before the programme's start, or over 24 hours after it.
    """
    if start_samples < 0:
        raise CueSheetError(f"cue '{cue.id}' would begin {-start_samples} samples before the programme's start")
    return replace(cue, start_samples=check_reach(start_samples, clock.sample_rate))


def trimmed(cue: Cue, start_samples: int, duration_samples: int | None, clock: Clock) -> Cue:
    """Return a cue with other edges. The surfaces of a walk stay where they are on the timeline.

    Args:
        cue: the cue.
        start_samples: its new start.
        duration_samples: its new length; ``None`` for the preset's own.
        clock: the programme's time base.

    Raises:
        CueSheetError: an empty cue, a walk without a length, or a place that :func:`moved` refuses.
    """
    if duration_samples is None and cue.becomes is not None:
        raise CueSheetError(f"row '{cue.id}' becomes many cues, so it needs a length")
    if duration_samples is not None and duration_samples < 1:
        raise CueSheetError(f"cue '{cue.id}' would end before it begins")
    later = start_samples - cue.start_samples
    if isinstance(cue.becomes, Walk) and cue.becomes.surfaces and duration_samples is not None:
        walk = replace(cue.becomes, surfaces=_surfaces(cue.becomes.surfaces, later, duration_samples))
        cue = replace(cue, becomes=walk)
    if duration_samples is not None:
        check_reach(duration_samples, clock.sample_rate)
    return moved(replace(cue, duration_samples=duration_samples), start_samples, clock)


def _surfaces(surfaces: tuple[Surface, ...], later: int, length_samples: int) -> tuple[Surface, ...]:
    """Return the surfaces of a walk that begins ``later`` samples later. The first one begins with the walk."""
    first = surface_at(surfaces, max(0, later))
    others = (Surface(each.start_samples - later, each.preset) for each in surfaces if each.start_samples > later)
    return (Surface(0, first.preset), *(each for each in others if 0 < each.start_samples < length_samples))


def split(cue: Cue, at_samples: int, new_id: str, clock: Clock) -> tuple[Cue, Cue]:
    """Return the two parts of a cue. The second performs its preset from the beginning, as a cue of its own.

    Args:
        cue: the cue; one that plays its preset's own length is split too, and only its first part gets a length.
        at_samples: where the second part begins, from the programme's start.
        new_id: id of the second part.
        clock: the programme's time base.

    Raises:
        CueSheetError: the place is not within the cue.
    """
    first_length = at_samples - cue.start_samples
    if first_length < 1 or (cue.duration_samples is not None and first_length >= cue.duration_samples):
        raise CueSheetError(f"cue '{cue.id}' can be split only between its start and end")
    rest = None if cue.duration_samples is None else cue.duration_samples - first_length
    first = trimmed(cue, cue.start_samples, first_length, clock)
    second = trimmed(cue, at_samples, rest, clock)
    return first, replace(second, id=new_id, seed=None, row=0)


def outside_files(cue: Cue) -> list[str]:
    """Return the files that a row names: sources, preset files, and a guide of its steps."""
    walk = cue.becomes
    names = [str(cue.source)] if cue.source is not None else []
    names += [cue.preset] if cue.preset is not None and is_file_name(cue.preset) else []
    if isinstance(walk, Walk):
        names += [each.preset for each in walk.surfaces if is_file_name(each.preset)]
        names += [str(walk.timed_by)] if isinstance(walk.timed_by, Path) else []
    return names
