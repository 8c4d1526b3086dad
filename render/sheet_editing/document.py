"""An edited sheet on disk: one log that holds the sheet as it was read, and then every edit.

An edit is on disk before :meth:`EditedSheet.edit` returns. The log keeps the rows that an edit made, not how it made
them, so that it reads the same in any later version. Undo and redo are records too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from plugin_backend.durable_log import DurableLog
from plugin_backend.errors import CueSheetError, OutputError
from plugin_backend.text import in_one_line
from render.cues.cue import Cue, CueSheet, ReadOptions
from render.cues.walks.rows import WalkSettings
from render.cues.write import write_cues
from render.plan.resolve import read_sheet, with_sheet_rate
from render.project.project import Project
from render.project.timecode import Clock, FrameRate
from render.sheet_editing.edits import Delta, Edit, EditContext, delta_of
from render.sheet_editing.expansion import Expansion, expand_sheet
from render.sheet_editing.rows import EditedRow, KeptRow, RowReader, StemState, outside_files

KIND = "edited cue sheet 1"
MOST_UNDO = 10_000


class Begin(msgspec.Struct, frozen=True, tag="begin"):
    """The first record: what was opened.

    Attributes:
        name: file name of the sheet; empty for a new one.
        format: of the sheet.
        fps: name of the frame rate; ``None`` without one.
        start_frames: the programme's first frame.
        rows: as read.
        remarks: of the reader.
    """

    name: str
    format: str
    fps: str | None
    start_frames: int
    rows: dict[str, KeptRow]
    remarks: list[str] = []


class Edited(msgspec.Struct, frozen=True, tag="edited"):
    """An edit: the rows and stems that it changed, as they are after it."""

    label: str
    rows: dict[str, KeptRow | None]
    stems: dict[str, StemState] = {}


class Stepped(msgspec.Struct, frozen=True, tag="stepped"):
    """The last edit undone, or done again."""

    what: Literal["undo", "redo"]


Record = Begin | Edited | Stepped


@dataclass(frozen=True)
class Change:
    """What changed, for those who draw the sheet.

    Attributes:
        revision: counts all edits, undos and redos.
        rows: id → row; ``None`` if it is gone.
        stems: stem → how it is listened to.
    """

    revision: int
    rows: Mapping[str, EditedRow | None]
    stems: Mapping[str, StemState]


class EditedSheet:
    """A sheet that is edited; made by :meth:`create` and :meth:`open`.

    Attributes:
        name, format: of the sheet that was read.
        rows: id → row.
        stems: stem → how it is listened to, where it is not as usual.
        reader: turns cells into cues; holds the time base.
        project: with the sheet's rate and start.
        revision: counts all edits, undos and redos.
        remarks: of the reader.
        findings: damage of the log that was repaired.
    """

    def __init__(self, log: DurableLog, project: Project, presets: frozenset[str]):
        self._log, self.presets = log, presets
        self.findings = list(log.findings)
        records = [_record(value, log.path) for value in log.records]
        begin = records[0] if records else None
        if not isinstance(begin, Begin):
            raise OutputError(f"{log.path}: it holds no sheet")
        rate = FrameRate.parse(begin.fps) if begin.fps else None
        clock = Clock(project.clock().sample_rate, rate, begin.start_frames)
        self.name, self.format, self.remarks = begin.name, begin.format, begin.remarks
        self.project = with_sheet_rate(project, CueSheet(Path(begin.name), [], [], [], clock=clock))
        self.reader = RowReader(log.path.parent.resolve(), clock)
        self.rows = {id: self.reader.edited(kept) for id, kept in begin.rows.items()}
        self.stems: dict[str, StemState] = {}
        self.revision = 0
        self._undo: list[tuple[Delta, Delta]] = []
        self._redo: list[tuple[Delta, Delta]] = []
        self._expansion: tuple[int, Expansion] | None = None
        for record in records[1:]:
            self._replay(record)

    @classmethod
    def create(
        cls, path: Path, project: Project, presets: frozenset[str], sheet: CueSheet | None = None
    ) -> EditedSheet:
        """Begin to edit a sheet.

        Args:
            path: the log; an existing one is refused.
            project: the project; the sheet's rate and start are used where it has none.
            presets: the names of the bank's presets.
            sheet: the sheet as :func:`read_for_editing` reads it; ``None`` for an empty one.

        Raises:
            OutputError: the log is there already, or cannot be written.
        """
        if path.exists():
            raise OutputError(f"{path}: is there already; give another name")
        if sheet is not None:
            project = with_sheet_rate(project, sheet)
        clock = project.clock()
        reader = RowReader(path.parent.resolve(), clock)
        cues = sheet.cues if sheet is not None else []
        begin = Begin(
            name=sheet.path.name if sheet is not None else "",
            format=sheet.format if sheet is not None else "",
            fps=clock.rate.name if clock.rate else None,
            start_frames=clock.start_frames,
            rows={cue.id: reader.kept(EditedRow(cue)) for cue in cues},
            remarks=[*sheet.remarks, *_left_out(sheet)] if sheet is not None else [],
        )
        log = DurableLog.open(path, KIND)
        log.append([begin])
        log.close()
        return cls.open(path, project, presets)

    @classmethod
    def open(cls, path: Path, project: Project, presets: frozenset[str]) -> EditedSheet:
        """Open a sheet that was edited before, as it was after the last edit that was acknowledged.

        Raises:
            OutputError: another process has it open, or its log cannot be used.
        """
        log = DurableLog.open(path, KIND)
        try:
            return cls(log, project, presets)
        except BaseException:
            log.close()
            raise

    def close(self) -> None:
        """Close the log."""
        self._log.close()

    @property
    def clock(self) -> Clock:
        """The programme's time base."""
        return self.reader.clock

    @property
    def undo_label(self) -> str:
        """What an undo would take back; empty if nothing."""
        return self._undo[-1][0].label if self._undo else ""

    @property
    def redo_label(self) -> str:
        """What a redo would do again; empty if nothing."""
        return self._redo[-1][0].label if self._redo else ""

    def edit(self, edit: Edit) -> Change:
        """Make an edit. When this returns, the edit is on disk.

        Raises:
            CueSheetError: see :func:`render.sheet_editing.edits.delta_of`; nothing is changed.
            OutputError, DiskFullError: it cannot be written; nothing is changed.
        """
        context = EditContext(self.rows, self.reader, self.project, self.presets, self._steps_of)
        after = delta_of(edit, context)
        kept = {id: self.reader.kept(row) if row is not None else None for id, row in after.rows.items()}
        self._log.append([Edited(after.label, kept, dict(after.stems))])
        return self._do(after)

    def undo(self) -> Change:
        """Take the last edit back.

        Raises:
            CueSheetError: there is none.
        """
        return self._step("undo")

    def redo(self) -> Change:
        """Do the edit again that was taken back last.

        Raises:
            CueSheetError: there is none.
        """
        return self._step("redo")

    def expansion(self) -> Expansion:
        """Return the cues that the rows become now, and what keeps rows from it. Muted rows are left out."""
        if self._expansion is None or self._expansion[0] != self.revision:
            self._expansion = self.revision, self._expanded(muted=False)
        return self._expansion[1]

    def sheet(self) -> CueSheet:
        """Return the rows as a cue sheet, muted rows left out, walks as they are."""
        rows = sorted(self.rows.values(), key=lambda row: (row.cue.start_samples, row.cue.id))
        cues = [replace(row.cue, row=number) for number, row in enumerate(rows, 2) if not row.muted]
        return CueSheet(Path(self.name or "new.csv"), cues, [], [], self.format, self.clock)

    def save(self, path: Path) -> list[str]:
        """Write the rows as a cue sheet, in the format of the path's suffix.

        Returns:
            Remarks, one line each.

        Raises:
            CueSheetError: no rows, or a row that the format cannot hold.
            OutputError: it cannot be written.
        """
        write_cues(self.sheet(), path, self.clock)
        muted = sum(row.muted for row in self.rows.values())
        return [f"{muted} muted cues were left out"] if muted else []

    def _steps_of(self, id: str) -> list[Cue]:
        expansion = self._expanded(muted=True)
        return [replace(cue, row=0) for cue in expansion.cues if expansion.owner(cue) == id]

    def _expanded(self, muted: bool) -> Expansion:
        rows = [row.cue for row in self.rows.values() if muted or not row.muted]
        return expand_sheet(rows, self.name, self.project, self.clock)

    def _step(self, what: Literal["undo", "redo"]) -> Change:
        if not (self._undo if what == "undo" else self._redo):
            raise CueSheetError(f"there is nothing to {what}")
        self._log.append([Stepped(what)])
        return self._step_now(what)

    def _step_now(self, what: Literal["undo", "redo"]) -> Change:
        source, target = (self._undo, self._redo) if what == "undo" else (self._redo, self._undo)
        after, before = source.pop()
        target.append((after, before))
        return self._apply(before if what == "undo" else after)

    def _do(self, after: Delta) -> Change:
        before = Delta(
            after.label,
            {id: self.rows.get(id) for id in after.rows},
            {stem: self.stems.get(stem, StemState()) for stem in after.stems},
        )
        self._redo.clear()
        self._undo.append((after, before))
        del self._undo[:-MOST_UNDO]
        return self._apply(after)

    def _apply(self, delta: Delta) -> Change:
        for id, row in delta.rows.items():
            if row is None:
                self.rows.pop(id, None)
            else:
                self.rows[id] = row
        self.stems |= delta.stems
        self.revision += 1
        return Change(self.revision, delta.rows, delta.stems)

    def _replay(self, record: Record) -> None:
        if isinstance(record, Stepped):
            if self._undo if record.what == "undo" else self._redo:
                self._step_now(record.what)
        elif isinstance(record, Edited):
            rows = {id: self.reader.edited(kept) if kept is not None else None for id, kept in record.rows.items()}
            self._do(Delta(record.label, rows, record.stems))


def _record(value: Any, path: Path) -> Record:
    try:
        return msgspec.convert(value, Record)
    except msgspec.ValidationError as problem:
        raise OutputError(f"{path}: a record of another version of Pisada: {in_one_line(problem)}") from problem


def _left_out(sheet: CueSheet) -> list[str]:
    unread = [f"row {each.row}: left out, {each.reason}" for each in sheet.unreadable]
    return [*unread, *(f"row {each.row}: left out, {each.problem}" for each in sheet.problems)]


def read_for_editing(path: Path, project: Project, roots: list[Path]) -> CueSheet:
    """Read a sheet of any format as rows to edit: walks stay walks, and rows that cannot be read become remarks.

    Args:
        path: the sheet.
        project: gives time base, tables and bank.
        roots: folders that the sheet may name files in.

    Raises:
        CueSheetError: nothing of it can be read, or a row names a file outside these folders.
        ProjectError, PresetError: see :func:`render.plan.resolve.read_sheet`.
    """
    options = ReadOptions(unmatched=True, blank=True, partial=True, walks=WalkSettings(keep_walks=True))
    sheet = read_sheet(path, project, options)
    allowed = [root.resolve() for root in roots]
    for cue in sheet.cues:
        for file in outside_files(cue):
            if not any(Path(file).resolve().is_relative_to(root) for root in allowed):
                problem = f"{file}: is outside the project's folder, so it is not used here"
                raise CueSheetError(problem, file=path.name, row=cue.row)
    return sheet
