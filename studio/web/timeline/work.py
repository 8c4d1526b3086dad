"""The timeline of one tab: its sheets on disk, what is heard of them, and their renders.

It outlives the tab's session in memory: a tab that comes back finds its sheet as it was, with its undo history.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from plugin_backend.cache_folder import cache_home
from plugin_backend.errors import CueSheetError, InputError, PresetError
from plugin_backend.output_files import write_atomically
from presets.bank import Bank
from presets.store import SUFFIX
from render.cues.write import WRITERS
from render.engine.cue_cache import CueCache
from render.engine.range_renderer import RangeRenderer
from render.plan.plan import Plan
from render.project.project import Project
from render.sheet_editing.document import Change, EditedSheet, read_for_editing
from render.sheet_editing.edits import Edit
from render.sheet_editing.expansion import EditedPlan, Expansion, RowFinding, check_sheet, plan_sheet
from studio.web.sessions import Session
from studio.web.timeline.media import SHEETS, Media, clean_name, listed
from studio.web.timeline.render_job import RenderJob

FOLDER = "timeline"
NUMBERED = re.compile(r"(\d{4})")
LOG = "sheet.edits"
CURRENT = "open.json"
MOST_DOCUMENTS = 9999
LONGEST_PART_S = 60


@dataclass(frozen=True)
class PlannedSheet:
    """A sheet with its plan.

    Attributes:
        key: number of the sheet, its revision, and the presets that there are.
        expansion: the cues that its rows become.
        project: its project.
        result: the plan.
    """

    key: tuple[int, int, frozenset[str]]
    expansion: Expansion
    project: Project
    result: EditedPlan


class TimelineWork:
    """The timeline of one tab. All methods may be called from any thread.

    Args:
        session: the tab; gives its folder, project and banks.
    """

    def __init__(self, session: Session):
        self.lock = threading.RLock()
        self._session = session
        self._folder = session.own_folder(FOLDER)
        self._cache = CueCache(cache_home())
        self._sheet: EditedSheet | None = None
        self._media: Media | None = None
        self._number = 0
        self._planning = threading.Lock()
        """Held while the sheet is planned; taken before ``lock``."""
        self._planned: PlannedSheet | None = None
        self._renderer: RangeRenderer | None = None
        self._job: RenderJob | None = None
        kept = self._folder / CURRENT
        if kept.is_file():
            self.reopen(msgspec.json.decode(kept.read_bytes(), type=int))

    @property
    def number(self) -> int:
        """Number of the open sheet; 0 for none."""
        return self._number

    @property
    def sheet(self) -> EditedSheet:
        """The open sheet.

        Raises:
            InputError: none is open.
        """
        if self._sheet is None:
            raise InputError("no sheet is open: open one, or begin a new one")
        return self._sheet

    @property
    def is_open(self) -> bool:
        """Whether a sheet is open."""
        return self._sheet is not None

    @property
    def media(self) -> Media:
        """The film and guide of the open sheet.

        Raises:
            InputError: none is open.
        """
        if self._media is None:
            raise InputError("no sheet is open: open one, or begin a new one")
        return self._media

    @property
    def project_folder(self) -> Path | None:
        """Folder of the project, if there is one."""
        file = self._session.settings.project_file
        return file.resolve().parent if file is not None else None

    @property
    def project(self) -> Project:
        """The project with the tab's banks and models."""
        settings = self._session.settings
        own = self._session.library.open_banks["own"].folder
        banks = [str(own)] if any(own.glob(f"*{SUFFIX}")) else []
        return msgspec.structs.replace(settings.project, bank=[*banks, *settings.banks], models=list(settings.models))

    def presets(self) -> list[str]:
        """Return the names of all presets that cues can use."""
        try:
            return list(Bank(self.project.bank).names)
        except PresetError:
            return []

    def documents(self) -> dict[int, str]:
        """Return number → name of the sheets that were opened in this tab."""
        found = {}
        for path in sorted(self._folder.iterdir()):
            if NUMBERED.fullmatch(path.name) and (path / LOG).is_file():
                names = [each.name for each in path.iterdir() if each.name.startswith("name.")]
                found[int(path.name)] = names[0].removeprefix("name.") if names else "new sheet"
        return found

    def new(self) -> None:
        """Begin an empty sheet."""
        with self.lock:
            self._begin(None, "")

    def open_upload(self, name: str, uploaded: Path) -> None:
        """Open an uploaded sheet. Its files may lie in the project's folder.

        Raises:
            CueSheetError, ProjectError, PresetError: see :func:`read_for_editing`.
        """
        with self.lock:
            self._begin(uploaded, clean_name(name))

    def open_from_project(self, name: str) -> None:
        """Open a sheet of the project's folder.

        Raises:
            InputError: there is none of this name.
        """
        sheets = listed(self.project_folder, SHEETS)
        if name not in sheets:
            raise InputError(f"no sheet {name!r} in the project's folder; there are {', '.join(sheets) or 'none'}")
        with self.lock:
            self._begin(sheets[name], name)

    def reopen(self, number: int) -> None:
        """Open a sheet that was opened in this tab before, as it was left.

        Raises:
            InputError: there is none of this number.
        """
        folder = self._folder / f"{number:04d}"
        if not (folder / LOG).is_file():
            raise InputError(f"there is no sheet {number} in this tab")
        with self.lock:
            self._use(EditedSheet.open(folder / LOG, self.project, frozenset(self.presets())), folder, number)

    def edit(self, edit: Edit) -> Change:
        """Make an edit; when this returns, it is on disk."""
        with self.lock:
            self.sheet.presets = frozenset(self.presets())
            os.utime(self._session.folder)  # a session that is edited is not stale
            return self.sheet.edit(edit)

    def undo(self) -> Change:
        """Take the last edit back."""
        with self.lock:
            return self.sheet.undo()

    def redo(self) -> Change:
        """Do the edit again that was taken back last."""
        with self.lock:
            return self.sheet.redo()

    def written(self, suffix: str) -> tuple[bytes, str]:
        """Return the sheet in a format, and a file name.

        Raises:
            InputError: no such format.
            CueSheetError: what the format cannot hold.
        """
        if suffix not in WRITERS:
            raise InputError(f"a sheet can be written as {', '.join(WRITERS)}")
        with self.lock:
            name = f"{Path(self.sheet.name or 'new').stem}{suffix}"
            target = self._document / f"written{suffix}"
            self.sheet.save(target)
            return target.read_bytes(), name

    def planned(self) -> PlannedSheet:
        """Return the sheet as it is now with its plan. Edits go on meanwhile.

        Raises:
            InputError: none is open.
            PresetError, CheckpointError, ProjectError: nothing can be rendered in this project.
        """
        with self._planning:
            with self.lock:
                sheet, names = self.sheet, frozenset(self.presets())
                key = self._number, sheet.revision, names
                if self._planned is not None and self._planned.key == key:
                    return self._planned
                expansion, project = sheet.expansion(), self._project_of(sheet)
            planned = PlannedSheet(key, expansion, project, plan_sheet(expansion, project, self._cache))
            with self.lock:
                if self._number == key[0]:
                    self._planned = planned
                    if planned.result.plan is not None:
                        self._renderer = self._renderer or RangeRenderer(self._document, self._cache)
                        self._renderer.set_plan(planned.result.plan)
            return planned

    def findings(self, planned: PlannedSheet) -> list[RowFinding]:
        """Return what is suspicious or wrong, each at its row."""
        checked = check_sheet(planned.expansion, planned.project, planned.key[2])
        found = planned.result.findings
        known = {(each.row, each.message) for each in found}
        return [*found, *(each for each in checked if (each.row, each.message) not in known)]

    def hear(self, start: int, stop: int, stems: list[str] | None) -> np.ndarray:
        """Return a part of the programme as it will be rendered, ``[2, n]`` float32.

        Args:
            start, stop: in samples from the programme's start; at most a minute.
            stems: ``None`` for those that are listened to.

        Raises:
            InputError: the part is too long.
            CueSheetError: there is nothing to hear.
        """
        renderer, plan = self._heard()
        if stop - start > LONGEST_PART_S * plan.sample_rate:
            raise InputError(f"at most {LONGEST_PART_S} s can be heard at once")
        names = self._listened(plan) if stems is None else stems
        return renderer.listening_mix(start + plan.head_samples, stop + plan.head_samples, names)

    def hear_cue(self, id: str) -> np.ndarray:
        """Return the cue of a row alone, as its clip holds it, ``[2, n]`` float32."""
        renderer, _ = self._heard()
        return renderer.cue(id)

    def render(self) -> None:
        """Begin to render all stems.

        Raises:
            InputError: a render runs.
            CueSheetError: something keeps the sheet from being rendered.
        """
        planned = self.planned()
        result = planned.result
        if result.findings or result.plan is None:
            first = result.findings[0] if result.findings else None
            where = f"cue '{first.row}': " if first is not None and first.row else ""
            raise CueSheetError(f"{where}{first.message}" if first is not None else "there are no cues to render")
        with self.lock:
            if self._job is not None and self._job.running:
                raise InputError("a render runs already: stop it first, or wait")
            out = self._document / "renders"
            self._job = RenderJob(result.plan, planned.project, out, self._cache, planned.key[1])

    def close(self) -> None:
        """Close the sheet, and end what renders."""
        with self.lock:
            if self._job is not None:
                self._job.stop()
            if self._renderer is not None:
                self._renderer.close()
            if self._sheet is not None:
                self._sheet.close()

    @property
    def job(self) -> RenderJob | None:
        """The last render of the open sheet."""
        return self._job

    @property
    def _document(self) -> Path:
        return self._folder / f"{self._number:04d}"

    def _project_of(self, sheet: EditedSheet) -> Project:
        project = self.project
        return msgspec.structs.replace(sheet.project, bank=project.bank, models=project.models)

    def _heard(self) -> tuple[RangeRenderer, Plan]:
        result = self.planned().result
        if result.plan is None or self._renderer is None:
            problem = result.findings[0].message if result.findings else "there are no cues yet"
            raise CueSheetError(f"there is nothing to hear: {problem}")
        return self._renderer, result.plan

    def _listened(self, plan: Plan) -> list[str]:
        """Return the stems that are heard, by mute and solo."""
        states = self.sheet.stems
        names = [stem.name for stem in plan.stems]
        solo = [name for name in names if name in states and states[name].solo]
        return solo or [name for name in names if name not in states or not states[name].muted]

    def _begin(self, source: Path | None, name: str) -> None:
        number = max(self.documents(), default=0) + 1
        if number > MOST_DOCUMENTS:
            raise InputError(f"{MOST_DOCUMENTS} sheets were opened in this tab; open another tab")
        folder = self._folder / f"{number:04d}"
        shutil.rmtree(folder, ignore_errors=True)  # of an earlier try
        folder.mkdir()
        project, read = self.project, None
        if source is not None:
            if not source.is_relative_to(self.project_folder or folder):
                source = Path(shutil.copy(source, folder / name))
            roots = [self._session.folder, *([self.project_folder] if self.project_folder is not None else [])]
            read = read_for_editing(source, project, roots)
            read = replace(read, path=Path(name))
        sheet = EditedSheet.create(folder / LOG, project, frozenset(self.presets()), read)
        (folder / f"name.{name or 'new sheet'}").touch()
        self._use(sheet, folder, number)

    def _use(self, sheet: EditedSheet, folder: Path, number: int) -> None:
        if self._renderer is not None:
            self._renderer.close()
        if self._sheet is not None:
            self._sheet.close()
        self._sheet, self._number, self._media = sheet, number, Media(folder, self.project_folder)
        self._planned = self._renderer = self._job = None
        with write_atomically(self._folder / CURRENT) as path:
            path.write_bytes(msgspec.json.encode(number))


_OPEN: dict[Path, TimelineWork] = {}
_LOCK = threading.Lock()


def timeline_of(session: Session) -> TimelineWork:
    """Return the timeline of a tab; it is the same for as long as the server runs."""
    with _LOCK:
        folder = session.folder.resolve()
        if folder not in _OPEN:
            _OPEN[folder] = TimelineWork(session)
        return _OPEN[folder]


def close_timelines() -> None:
    """Close all timelines, at the end of the server."""
    with _LOCK:
        for work in _OPEN.values():
            work.close()
        _OPEN.clear()
