"""Settle a batch before it runs: every job planned, weighed, and compared with what the journal knows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from plugin_backend.errors import DiskFullError, OutputError, PisadaError
from render.batch.cost import Cost, cost_of, with_margin
from render.batch.job import Job, Jobs, is_utf8
from render.batch.journal import DONE, MOVING, Journal, glimpsed
from render.batch.key import job_key
from render.batch.stage import as_left
from render.cues.check import late_start
from render.plan import completed, make_plan, read_sheet
from render.project import Project


@dataclass(frozen=True)
class Planned:
    """A job settled, or why it cannot be.

    Attributes:
        job: as the jobs file has it.
        project: with the job's fields; none if it cannot be run.
        key: see :func:`render.batch.key.job_key`.
        cost: in seconds and bytes.
        problem: one line, if it cannot be run.
        warning: one line, if it can but may not be meant so.
    """

    job: Job
    project: Project | None = None
    key: str = ""
    cost: Cost | None = None
    problem: str = ""
    warning: str = ""


@dataclass(frozen=True)
class BatchPlan:
    """A batch settled.

    Attributes:
        jobs: in the jobs file's order.
        todo: name → why it has to run, of the jobs that are not done.
        pace: measured seconds for a foretold one, from the jobs the journal knows as done.
        measured: how many those are; without any, ``pace`` is 1.
    """

    jobs: tuple[Planned, ...]
    todo: dict[str, str]
    pace: float = 1.0
    measured: int = 0

    @property
    def needed_bytes(self) -> int:
        """What the jobs that have to run take on disk."""
        return sum(planned.cost.bytes for planned in self.jobs if planned.job.name in self.todo)

    def seconds(self, workers: int) -> float:
        """How long those will take, side by side: no less than the longest of them."""
        each = [self.foretold(planned) for planned in self.jobs if planned.job.name in self.todo]
        return max(sum(each) / workers, *each) if each else 0.0

    def foretold(self, planned: Planned) -> float:
        """How long one job will take, in seconds."""
        return planned.cost.seconds * self.pace


def plan_batch(
    jobs: Jobs, out: Path, *, verify: bool = False, progress: Callable[[int], None] = lambda done: None
) -> BatchPlan:
    """Plan every job and compare it with the journal in ``out``; touches nothing.

    A job whose sheet, project, bank or source is wrong is in the plan with its problem; the others are not kept back.

    Args:
        verify: read every file of the jobs that are done, instead of looking at its size and time.
        progress: called with 1 for each job planned.

    Raises:
        OutputError: the journal in ``out`` cannot be read, or its name is no UTF-8.
    """
    if not is_utf8(out):
        raise OutputError(f"{str(out)!a}: a batch's folder needs a name in UTF-8")
    planned = []
    for job in jobs.jobs:
        planned.append(planned_job(job))
        progress(1)
    with glimpsed(out) as journal:
        return compared(tuple(planned), out, journal, verify)


def planned_job(job: Job) -> Planned:
    """One job, settled or with its problem."""
    try:
        project = job.project()
        sheet = read_sheet(job.cues, project)
        whole = completed(project, sheet)
        plan = make_plan(whole, sheet)
        late = late_start(min(cue.start_samples for cue in sheet.cues), whole.clock())
        key, cost = job_key(plan, whole, job.clips), cost_of(plan, whole, job.clips)
        return Planned(job, project, key, cost, warning="".join(late))
    except PisadaError as problem:
        return Planned(job, problem=str(problem))
    except OSError as problem:
        return Planned(job, problem=f"{problem.filename or job.cues}: {problem.strerror or problem}")


def compared(jobs: tuple[Planned, ...], out: Path, journal: Journal | None, verify: bool) -> BatchPlan:
    """The plan of jobs settled, by what ``journal`` and the files in ``out`` say."""
    if journal is None:
        return BatchPlan(jobs, {planned.job.name: "new" for planned in jobs if not planned.problem})
    todo = {}
    for planned in jobs:
        if not planned.problem and (why := _why(planned, out, journal, verify)):
            todo[planned.job.name] = why
    done = [row for row in journal.rows.values() if row.state == DONE and row.wall_s and row.model_s]
    pace = sum(row.wall_s for row in done) / sum(row.model_s for row in done) if done else 1.0
    return BatchPlan(jobs, todo, pace, len(done))


def _why(planned: Planned, out: Path, journal: Journal, verify: bool) -> str:
    """Why a job has to run; empty when it is done."""
    name = planned.job.name
    row = journal.rows.get(name.casefold())
    if row is None:
        return "new"
    if row.key != planned.key:
        return "what it is made of changed"
    if planned.job.moment not in (None, row.moment):
        return "its moment changed"
    if row.state == MOVING:
        return "it was being put into its folder"
    if row.state != DONE:
        return f"{row.state} before: {row.cause}" if row.cause else f"{row.state} before"
    for output in journal.outputs(name):
        if not as_left(out / name, output, verify):
            return f"{output.file} is gone or changed"
    return ""


def check_room(plan: BatchPlan, out: Path) -> None:
    """See that the disk holds what has to be made.

    Raises:
        DiskFullError: it does not.
    """
    needed, free = with_margin(plan.needed_bytes), free_bytes(out)
    if needed > free:
        raise DiskFullError(
            f"{out}: the disk cannot hold the batch: {len(plan.todo)} jobs need {needed / 1e6:.0f} MB, "
            f"{free / 1e6:.0f} MB are free"
        )


def free_bytes(out: Path) -> int:
    """What is free where ``out`` is or will be."""
    there = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.exists())
    return shutil.disk_usage(there).free
