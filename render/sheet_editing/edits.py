"""The edits of a sheet: small requests with exact times. Each says which rows it changes, and to what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from plugin_backend.errors import CueSheetError
from plugin_backend.similar_names import did_you_mean
from render.cues.cue import Cue
from render.cues.readers.sheet_rows import KNOWN
from render.cues.readers.time_cells import TIMES
from render.project.cue_offset import offset_samples
from render.project.project import Project
from render.project.stem_names import STEM_RULE, is_stem_name
from render.project.timecode import Clock
from render.sheet_editing.rows import EditedRow, KeptRow, RowReader, StemState, moved, outside_files, split, trimmed

MOST_ROWS = 100_000
DAY_SAMPLES = 25 * 3600 * 192_000
Samples = Annotated[int, Meta(ge=-DAY_SAMPLES, le=DAY_SAMPLES)]
Id = Annotated[str, Meta(min_length=1, max_length=1024)]
Ids = Annotated[list[Id], Meta(min_length=1, max_length=MOST_ROWS)]
Cells = Annotated[dict[str, Annotated[str, Meta(max_length=32_000)]], Meta(min_length=1, max_length=64)]
NOT_HERE = {*TIMES, "source"}
"""Columns that :class:`Fill` does not change: times have edits of their own, and files are named in sheets only."""


class Nudge(msgspec.Struct, tag="nudge", frozen=True):
    """Move rows by frames and samples. By frames, a cue on a frame lands on a frame."""

    ids: Ids
    frames: Samples = 0
    samples: Samples = 0


class Put(msgspec.Struct, tag="put", frozen=True):
    """Move rows together, so that the first of them begins at a sample."""

    ids: Ids
    start: Samples


class Trim(msgspec.Struct, tag="trim", frozen=True):
    """Change start and length of a row; without a length it plays its preset's own."""

    id: Id
    start: Samples
    duration: Samples | None = None


class Slip(msgspec.Struct, tag="slip", frozen=True):
    """Move the sounds of rows against their cues, which stay: adds to their offsets."""

    ids: Ids
    samples: Samples


class Split(msgspec.Struct, tag="split", frozen=True):
    """Split rows at a sample."""

    ids: Ids
    at: Samples


class Fill(msgspec.Struct, tag="fill", frozen=True):
    """Write cells of rows, as in a cue sheet: preset, stem, gain_db, pan, velocity, character, gait, cadence …"""

    ids: Ids
    cells: Cells


class Mute(msgspec.Struct, tag="mute", frozen=True):
    """Mute rows, or unmute them."""

    ids: Ids
    muted: bool = True


class Listen(msgspec.Struct, tag="listen", frozen=True):
    """Mute or solo a stem, for listening."""

    stem: Id
    muted: bool = False
    solo: bool = False


class Add(msgspec.Struct, tag="add", frozen=True):
    """Add a row. Without an id it gets a free one."""

    start: Samples
    cells: Cells
    duration: Samples | None = None


class AddAll(msgspec.Struct, tag="add_all", frozen=True):
    """Add rows together, such as accepted suggestions."""

    rows: Annotated[list[Add], Meta(min_length=1, max_length=MOST_ROWS)]


class Delete(msgspec.Struct, tag="delete", frozen=True):
    """Delete rows."""

    ids: Ids


class ToSteps(msgspec.Struct, tag="to_steps", frozen=True):
    """Replace a walk by its steps, or a row that follows by its cues, to edit each."""

    id: Id


Edit = Nudge | Put | Trim | Slip | Split | Fill | Mute | Listen | Add | AddAll | Delete | ToSteps


@dataclass(frozen=True)
class Delta:
    """What an edit does.

    Attributes:
        label: for the undo list.
        rows: id → the new row; ``None`` if it is deleted.
        stems: stem → how it is listened to.
    """

    label: str
    rows: Mapping[str, EditedRow | None]
    stems: Mapping[str, StemState]


@dataclass(frozen=True)
class EditContext:
    """What an edit is applied to.

    Attributes:
        rows: the rows by id.
        reader: turns cells into cues.
        project: gives the offset of cues that have none, and the settings of walks.
        presets: the bank's preset names; a new preset must be one of them.
        steps_of: returns the cues that a row becomes.
    """

    rows: Mapping[str, EditedRow]
    reader: RowReader
    project: Project
    presets: frozenset[str]
    steps_of: Callable[[str], list[Cue]]

    @property
    def clock(self) -> Clock:
        """The programme's time base."""
        return self.reader.clock

    def row(self, id: str) -> EditedRow:
        """Return a row.

        Raises:
            CueSheetError: there is none with this id.
        """
        if id not in self.rows:
            raise CueSheetError(f"there is no cue {id!r} (any more)")
        return self.rows[id]

    def free_id(self, wanted: str, taken: Mapping[str, Any]) -> str:
        """Return the id, or it with the first number behind it that no row has."""
        if wanted not in self.rows and wanted not in taken:
            return wanted
        number = 2
        while f"{wanted}-{number}" in self.rows or f"{wanted}-{number}" in taken:
            number += 1
        return f"{wanted}-{number}"


def delta_of(edit: Edit, context: EditContext) -> Delta:
    """Return what an edit does. Nothing is changed yet.

    Raises:
        CueSheetError: a row does not exist (any more), or would hold what a cue sheet cannot hold.
        TimecodeError: a move by frames without a frame rate.
    """
    return APPLY[type(edit)](edit, context)


def _each(label: str, ids: list[str], context: EditContext, change: Callable[[Cue], Cue]) -> Delta:
    rows = {id: replace(context.row(id), cue=change(context.row(id).cue)) for id in ids}
    return Delta(_counted(label, len(rows)), rows, {})


def _counted(label: str, count: int) -> str:
    return f"{label} {count} cue{'s' * (count != 1)}"


def _nudge(edit: Nudge, context: EditContext) -> Delta:
    def change(cue: Cue) -> Cue:
        start = context.clock.frames_away(cue.start_samples, edit.frames) if edit.frames else cue.start_samples
        return moved(cue, start + edit.samples, context.clock)

    return _each("Nudge", edit.ids, context, change)


def _put(edit: Put, context: EditContext) -> Delta:
    first = min(context.row(id).cue.start_samples for id in edit.ids)
    return _each(
        "Move", edit.ids, context, lambda cue: moved(cue, cue.start_samples + edit.start - first, context.clock)
    )


def _trim(edit: Trim, context: EditContext) -> Delta:
    return _each("Trim", [edit.id], context, lambda cue: trimmed(cue, edit.start, edit.duration, context.clock))


def _slip(edit: Slip, context: EditContext) -> Delta:
    def change(cue: Cue) -> Cue:
        before = cue.offset_samples
        if before is None:
            before = offset_samples(context.project.offset, cue.start_samples, context.clock)
        checked = offset_samples(f"{before + edit.samples}smp", cue.start_samples, context.clock)
        return replace(cue, offset_samples=checked)

    return _each("Slip", edit.ids, context, change)


def _split(edit: Split, context: EditContext) -> Delta:
    rows: dict[str, EditedRow | None] = {}
    for id in edit.ids:
        row = context.row(id)
        first, second = split(row.cue, edit.at, context.free_id(id, rows), context.clock)
        rows |= {first.id: replace(row, cue=first), second.id: replace(row, cue=second)}
    return Delta(_counted("Split", len(edit.ids)), rows, {})


def _fill(edit: Fill, context: EditContext) -> Delta:
    _check_columns(edit.cells, NOT_HERE | {"id"})
    label = ", ".join(edit.cells).replace("_db", "").replace("_", " ")
    return _each(f"Set {label} of", edit.ids, context, lambda cue: _filled(cue, edit.cells, context))


def _filled(cue: Cue, cells: Mapping[str, str], context: EditContext) -> Cue:
    reader = context.reader
    both = {**reader.cells(cue), **{name: text.strip() for name, text in cells.items()}}
    whole = {name: text for name, text in both.items() if text or name in cue.extra}
    new = reader.edited(KeptRow(cue.start_samples, whole, cue.duration_samples, cue.row)).cue
    _check_names(new, cue, context)
    return new


def _check_columns(cells: Mapping[str, str], refused: set[str]) -> None:
    for name in cells:
        if name not in KNOWN or name in refused:
            raise CueSheetError("cannot be changed here", field=name)


def _check_names(new: Cue, old: Cue | None, context: EditContext) -> None:
    """Check that a row names only stems and presets that can be, and no file that it did not name before."""
    if not is_stem_name(new.stem):
        raise CueSheetError(f"{new.stem!r}: {STEM_RULE}", field="stem")
    before = outside_files(old) if old is not None else []
    for file in outside_files(new):
        if file not in before:
            raise CueSheetError(f"{file}: files are named in sheets, not here", field="preset")
    walk = new.becomes
    names = [new.preset, *(each.preset for each in getattr(walk, "surfaces", ()))]
    for preset in names:
        known = preset is None or preset in context.presets or preset in before
        if not known and (old is None or preset != old.preset):
            hint = did_you_mean(preset or "", context.presets)
            raise CueSheetError(f"no preset {preset!r} in the bank{hint}", field="preset")


def _mute(edit: Mute, context: EditContext) -> Delta:
    rows = {id: replace(context.row(id), muted=edit.muted) for id in edit.ids}
    return Delta(_counted("Mute" if edit.muted else "Unmute", len(rows)), rows, {})


def _listen(edit: Listen, context: EditContext) -> Delta:
    if not any(row.cue.stem == edit.stem for row in context.rows.values()):
        raise CueSheetError(f"no cue is on a stem {edit.stem!r}")
    return Delta(f"Listen to {edit.stem}", {}, {edit.stem: StemState(edit.muted, edit.solo)})


def _add(edit: Add, context: EditContext) -> Delta:
    return replace(_add_all(AddAll([edit]), context), label="Add 1 cue")


def _add_all(edit: AddAll, context: EditContext) -> Delta:
    rows: dict[str, EditedRow | None] = {}
    for add in edit.rows:
        _check_columns(add.cells, NOT_HERE)
        wanted = add.cells.get("id") or f"{add.cells.get('stem', 'CUE')}-{len(context.rows) + len(rows) + 1:03d}"
        cells = {**add.cells, "id": context.free_id(wanted, rows)}
        row = context.reader.edited(KeptRow(add.start, cells, add.duration))
        _check_names(row.cue, None, context)
        placed = trimmed(row.cue, add.start, add.duration, context.clock)
        rows[placed.id] = replace(row, cue=placed)
    return Delta(_counted("Add", len(rows)), rows, {})


def _delete(edit: Delete, context: EditContext) -> Delta:
    rows = {id: None for id in edit.ids if context.row(id)}
    return Delta(_counted("Delete", len(rows)), rows, {})


def _to_steps(edit: ToSteps, context: EditContext) -> Delta:
    row = context.row(edit.id)
    if row.cue.becomes is None:
        raise CueSheetError(f"cue '{edit.id}' is neither a walk nor a row that follows")
    steps = context.steps_of(edit.id)
    if not steps:
        raise CueSheetError(f"row '{edit.id}' becomes no cues")
    rows: dict[str, EditedRow | None] = {edit.id: None}
    return Delta(f"Write {edit.id} as steps", rows | {cue.id: EditedRow(cue, row.muted) for cue in steps}, {})


APPLY: dict[type, Callable[[Any, EditContext], Delta]] = {
    Nudge: _nudge, Put: _put, Trim: _trim, Slip: _slip, Split: _split, Fill: _fill, Mute: _mute, Listen: _listen,
    Add: _add, AddAll: _add_all, Delete: _delete, ToSteps: _to_steps,
}  # fmt: skip
"""Kind of an edit → what it does."""
