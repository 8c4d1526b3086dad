"""Settle a batch before it runs: every job planned, weighed, and compared with what the journal knows."""

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
from render.delivery.deliver import sound_bytes
from render.engine.make_plan import make_plan
from render.plan.plan import Plan
from render.plan.resolve import read_sheet, with_sheet_rate
from render.project.project import Project

JOB_S = 0.6
"""Seconds a job takes whatever it holds: its processes, its report and its picture."""
CUE_SECOND_S = 0.05
"""Seconds for a second of cue that a model decodes."""
STEM_MINUTE_S = 0.5
"""Seconds for a minute of one stem: mixing, effects, writing, measuring, and reading it again."""
PICTURE_BYTES, CUE_BYTES, FILE_BYTES = 60_000, 2_000, 8_000
MARGIN_BYTES, MARGIN = 8 * 2**20, 0.02


@dataclass(frozen=True)
class Cost:
    """A job's size, and what follows from it before anything was measured.

    Attributes:
        cues: how many.
        cue_s: seconds of them that a model decodes.
        programme_s: the programme's length, handles and all.
        seconds: of one core, by the constants above.
        bytes: on disk.
    """

    cues: int
    cue_s: float
    programme_s: float
    seconds: float
    bytes: int


def cost_of(plan: Plan, project: Project, clips: bool) -> Cost:
    """A job's cost by the constants above; sounds in the cache are counted as if they were not there."""
    rate_hz = plan.sample_rate
    cue_s = sum(event.length_samples for event in plan.events if event.codec != PCM) / rate_hz
    programme_s = plan.length_samples / rate_hz
    stems, cues = len(plan.stems) + 1, len(plan.events)
    seconds = JOB_S + CUE_SECOND_S * cue_s + STEM_MINUTE_S * stems * programme_s / 60
    small = FILE_BYTES * stems + CUE_BYTES * 2 * cues + PICTURE_BYTES * stems
    return Cost(cues, cue_s, programme_s, seconds, sound_bytes(plan, project, clips) + small)


def with_margin(needed_bytes: int) -> int:
    """What has to be free for so much: 2 % and 8 MiB more."""
    return round(needed_bytes * (1 + MARGIN)) + MARGIN_BYTES if needed_bytes else 0


@dataclass(frozen=True)
class Planned:
    """A job settled, or why it cannot be.

    Attributes:
        job: as the jobs file has it.
        project: with the job's fields; none if it cannot be run.
        key: see :func:`render.batch.job_key.job_key`.
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
        planned.append(plan_job(job))
        progress(1)
    with peek(out) as journal:
        return compare_with_journal(tuple(planned), out, journal, verify)


def plan_job(job: Job) -> Planned:
    """One job, settled or with its problem."""
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
        if not is_unchanged(out / name, output, verify):
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
