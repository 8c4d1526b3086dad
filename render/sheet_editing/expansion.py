"""The cues that the rows of an edited sheet become, their plan, and what is wrong with them, each at its row."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from plugin_backend.errors import CueSheetError
from render.cues.cue import Cue, CueSheet, ReadOptions
from render.cues.lint import LintInput, lint
from render.cues.walks.expand import expand_rows
from render.cues.walks.rows import WalkSettings
from render.engine.cue_cache import CueCache
from render.engine.make_plan import make_plan
from render.plan.plan import Plan
from render.project.project import Project
from render.project.timecode import Clock


@dataclass(frozen=True)
class RowFinding:
    """Something wrong or suspicious.

    Attributes:
        check: what it is about: a check of ``pisada cues check``, or a column.
        message: one line.
        row: id of the row; ``None`` for the whole sheet.
        stops: whether the sheet cannot be rendered with it.
    """

    check: str
    message: str
    row: str | None = None
    stops: bool = False


@dataclass(frozen=True)
class Expansion:
    """The cues that rows become.

    Attributes:
        sheet: the cues; each has the number of its row, from 2 as in a file.
        owners: number of a row → its id.
        findings: rows that could not become cues.
    """

    sheet: CueSheet
    owners: dict[int, str]
    findings: list[RowFinding] = field(default_factory=list)

    @property
    def cues(self) -> list[Cue]:
        """The cues, by start."""
        return self.sheet.cues

    def owner(self, cue: Cue) -> str:
        """Return the id of the row that a cue comes from."""
        return self.owners[cue.row]

    def found(self, problem: CueSheetError) -> list[RowFinding]:
        """Return the problems of an error as findings."""
        return [
            RowFinding(each.field or "row", each.problem, self.owners.get(each.row or 0), stops=True)
            for each in problem.each
        ]

    def without(self, rows: Collection[str]) -> CueSheet:
        """Return the sheet without the cues of some rows."""
        return replace(self.sheet, cues=[cue for cue in self.cues if self.owner(cue) not in rows])


def expand_sheet(rows: Sequence[Cue], name: str, project: Project, clock: Clock) -> Expansion:
    """Return the cues that rows become. A row that cannot become cues is left out, with a finding.

    Args:
        rows: cues, walks and rows that follow.
        name: of the sheet.
        project: gives the seed, take and characters.
        clock: the programme's time base.
    """
    numbered = sorted(rows, key=lambda cue: (cue.start_samples, cue.id))
    owners = {number: cue.id for number, cue in enumerate(numbered, 2)}
    cues = [replace(cue, row=number) for number, cue in enumerate(numbered, 2)]
    walks = WalkSettings(project.seed, project.take, project.characters)
    sheet = CueSheet(Path(name or "new"), cues, [], [], clock=clock)
    sheet = expand_rows(sheet, clock, ReadOptions(blank=True, partial=True, walks=walks))
    expansion = Expansion(replace(sheet, problems=[]), owners)
    expansion.findings.extend(finding for problem in sheet.problems for finding in expansion.found(problem))
    return expansion


@dataclass(frozen=True)
class EditedPlan:
    """The plan of an edited sheet.

    Attributes:
        plan: what can be heard; ``None`` if nothing can.
        findings: what keeps rows, or the whole sheet, from being rendered.
    """

    plan: Plan | None
    findings: list[RowFinding]

    @property
    def is_whole(self) -> bool:
        """Whether the plan holds every row, so that its sound is that of a render."""
        return self.plan is not None and not self.findings


def plan_sheet(expansion: Expansion, project: Project, cache: CueCache | None = None) -> EditedPlan:
    """Plan what can be heard. Rows with problems are left out, so that the others can be heard meanwhile.

    Args:
        expansion: the cues.
        project: the project.
        cache: decoded cues.

    Raises:
        PresetError, CheckpointError, ProjectError, PluginError, AudioFileError: nothing can be rendered in this
            project; see :func:`render.engine.make_plan.make_plan`.
    """
    findings = list(expansion.findings)
    sheet = expansion.sheet
    while sheet.cues:
        try:
            return EditedPlan(make_plan(project, sheet, cache), findings)
        except CueSheetError as problem:
            new = expansion.found(problem)
            findings += new
            wrong = {finding.row for finding in findings if finding.row is not None}
            rest = expansion.without(wrong)
            if len(rest.cues) == len(sheet.cues):  # the problem is of no row
                return EditedPlan(None, findings)
            sheet = rest
    return EditedPlan(None, findings)


def check_sheet(expansion: Expansion, project: Project, presets: Collection[str]) -> list[RowFinding]:
    """Return what ``pisada cues check`` finds, each at its row.

    Args:
        expansion: the cues.
        project: its stems, end and characters.
        presets: the names of the bank's presets.
    """
    clock, stems = expansion.sheet.clock or project.clock(), [stem.name for stem in project.stems]
    given = LintInput(expansion.sheet, clock, project.length_samples(), stems, presets, project.characters)
    return [
        RowFinding(each.check, each.message, expansion.owner(each.cue) if each.cue is not None else None)
        for each in lint(given)
    ]
