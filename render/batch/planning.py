"""Plan a batch before it runs: plan every job, estimate its cost, and compare it with the journal."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from plugin_backend.errors import DiskFullError, OutputError, PisadaError
from plugin_backend.models.registry import PCM
from render.batch.job_key import job_key
from render.batch.jobs.job import Job, Jobs, is_utf8
from render.batch.journal import DONE, MOVING, Journal, peek
from render.batch.staging import is_unchanged
from render.cues.lint import late_start
from render.delivery.disk_room import sound_bytes
from render.engine.make_plan import make_plan
from render.plan.plan import Plan
from render.plan.resolve import read_sheet, with_sheet_rate
from render.project.project import Project

JOB_S = 0.6
"""Seconds that every job takes, whatever its size: its processes, its report and its plot."""
CUE_SECOND_S = 0.05
"""Seconds for one second of a cue that a model decodes."""
STEM_MINUTE_S = 0.5
"""Seconds for one minute of a stem: mixing, effects, writing, measuring, and reading it again."""
PICTURE_BYTES, CUE_BYTES, FILE_BYTES = 60_000, 2_000, 8_000
MARGIN_BYTES, MARGIN = 8 * 2**20, 0.02


@dataclass(frozen=True)
class Cost:
    """A job's size, and its cost by the constants above.

    Attributes:
        cues: number of cues.
        cue_s: seconds of cues that a model decodes.
        programme_s: the programme's length in seconds, with handles.
        seconds: predicted seconds of one core.
        bytes: on disk.
    """

    cues: int
    cue_s: float
    programme_s: float
    seconds: float
    bytes: int


def cost_of(plan: Plan, project: Project, clips: bool) -> Cost:
    """Return a job's cost by the constants above. Cached cues count as if they were not cached.

    Args:
        plan: the job's plan.
        project: with the job's fields.
        clips: whether each cue is written as a file too.
    """
    rate_hz = plan.sample_rate
    cue_s = sum(event.length_samples for event in plan.events if event.codec != PCM) / rate_hz
    programme_s = plan.length_samples / rate_hz
    stems, cues = len(plan.stems) + 1, len(plan.events)
    seconds = JOB_S + CUE_SECOND_S * cue_s + STEM_MINUTE_S * stems * programme_s / 60
    small = FILE_BYTES * stems + CUE_BYTES * 2 * cues + PICTURE_BYTES * stems
    return Cost(cues, cue_s, programme_s, seconds, sound_bytes(plan, project, clips) + small)


def with_margin(needed_bytes: int) -> int:
    """Return the free space needed for so many bytes: 2 % and 8 MiB more."""
    return round(needed_bytes * (1 + MARGIN)) + MARGIN_BYTES if needed_bytes else 0


@dataclass(frozen=True)
class Planned:
    """A planned job, or the reason why it cannot run.

    Attributes:
        job: as in the jobs file.
        project: with the job's fields; None if it cannot run.
        key: see :func:`render.batch.job_key.job_key`.
        cost: in seconds and bytes.
        problem: one line, if it cannot run.
        warning: one line, if it can run but may be a mistake.
    """

    job: Job
    project: Project | None = None
    key: str = ""
    cost: Cost | None = None
    problem: str = ""
    warning: str = ""

    def cost_to_run(self) -> Cost:
        """Return the cost of a job that can run.

        Raises:
            ValueError: it cannot run.
        """
        if self.cost is None:
            raise ValueError(f"{self.job.name} cannot run: {self.problem}")
        return self.cost


@dataclass(frozen=True)
class BatchPlan:
    """A planned batch.

    Attributes:
        jobs: in the jobs file's order.
        todo: name → why it has to run, for the jobs that are not done.
        pace: measured seconds per predicted second, from the jobs that the journal has as done.
        measured: number of those jobs; if 0, ``pace`` is 1.
    """

    jobs: tuple[Planned, ...]
    todo: dict[str, str]
    pace: float = 1.0
    measured: int = 0

    @property
    def needed_bytes(self) -> int:
        """Return the disk space of the jobs that have to run."""
        return sum(planned.cost_to_run().bytes for planned in self.jobs if planned.job.name in self.todo)

    def seconds(self, workers: int) -> float:
        """Return how long they will take side by side: at least as long as the longest of them."""
        each = [self.predicted_s(planned) for planned in self.jobs if planned.job.name in self.todo]
        return max(sum(each) / workers, *each) if each else 0.0

    def predicted_s(self, planned: Planned) -> float:
        """Return how long one job will take, in seconds."""
        return planned.cost_to_run().seconds * self.pace


def plan_batch(
    jobs: Jobs, out: Path, *, verify: bool = False, progress: Callable[[int], None] = lambda done: None
) -> BatchPlan:
    """Plan every job and compare it with the journal in ``out``. Nothing is written.

    A job whose sheet, project, bank or source is wrong is in the plan with its problem; the other jobs run.

    Args:
        jobs: the jobs.
        out: the output folder.
        verify: read every file of the finished jobs instead of checking size and time only.
        progress: called with 1 for each planned job.

    Returns:
        The plan.

    Raises:
        OutputError: the journal in ``out`` cannot be read, or the folder's name is not UTF-8.
    """
    if not is_utf8(out):
        raise OutputError(f"{str(out)!a}: a batch's folder needs a name in UTF-8")
    planned = []
    for job in jobs.jobs:
        planned.append(plan_job(job))
        progress(1)
    with peek(out) as journal:
        return compare_with_journal(tuple(planned), out, journal, verify)


def plan_job(job: Job) -> Planned:
    """Return a job planned, or with its problem."""
    try:
        project = job.project()
        sheet = read_sheet(job.cues, project)
        whole = with_sheet_rate(project, sheet)
        plan = make_plan(whole, sheet)
        late = late_start(min(cue.start_samples for cue in sheet.cues), whole.clock())
        key, cost = job_key(plan, whole, job.clips), cost_of(plan, whole, job.clips)
        return Planned(job, project, key, cost, warning="".join(late))
    except PisadaError as problem:
        return Planned(job, problem=str(problem))
    except OSError as problem:
        return Planned(job, problem=f"{problem.filename or job.cues}: {problem.strerror or problem}")


def compare_with_journal(jobs: tuple[Planned, ...], out: Path, journal: Journal | None, verify: bool) -> BatchPlan:
    """Return the batch plan, from the planned jobs, the journal and the files in ``out``.

    Args:
        jobs: the planned jobs.
        out: the output folder.
        journal: its journal; None if there is none.
        verify: read every file instead of checking size and time only.
    """
    if journal is None:
        return BatchPlan(jobs, {planned.job.name: "new" for planned in jobs if not planned.problem})
    todo = {}
    for planned in jobs:
        if not planned.problem and (reason := _reason_to_run(planned, out, journal, verify)):
            todo[planned.job.name] = reason
    done = [row for row in journal.rows.values() if row.state == DONE and row.wall_s and row.model_s]
    pace = sum(row.wall_s or 0.0 for row in done) / sum(row.model_s for row in done) if done else 1.0
    return BatchPlan(jobs, todo, pace, len(done))


def _reason_to_run(planned: Planned, out: Path, journal: Journal, verify: bool) -> str:
    """Return why a job has to run; empty if it is done."""
    name = planned.job.name
    row = journal.rows.get(name.casefold())
    if row is None:
        return "new"
    if row.key != planned.key:
        return "its inputs have changed"
    if planned.job.moment not in (None, row.moment):
        return "its moment changed"
    if row.state == MOVING:
        return "it was being put into its folder"
    if row.state != DONE:
        return f"{row.state} before: {row.cause}" if row.cause else f"{row.state} before"
    for output in journal.outputs(name):
        if not is_unchanged(out / name, output, verify):
            return f"{output.file} is gone or changed"
    return ""


def check_room(plan: BatchPlan, out: Path) -> None:
    """Check that the disk has space for the jobs that have to run.

    Raises:
        DiskFullError: it has not.
    """
    needed, free = with_margin(plan.needed_bytes), free_bytes(out)
    if needed > free:
        raise DiskFullError(
            f"{out}: the disk cannot hold the batch: {len(plan.todo)} jobs need {needed / 1e6:.0f} MB, "
            f"{free / 1e6:.0f} MB are free"
        )


def free_bytes(out: Path) -> int:
    """Return the free space where ``out`` is or will be."""
    existing = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.exists())
    return shutil.disk_usage(existing).free
