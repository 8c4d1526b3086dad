"""Plan and run a batch, and print the result."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import click

from plugin_backend.cache_folder import cache_home
from plugin_backend.errors import MissingExtraError
from render.batch import BatchPlan, Engine, Event, Policy, Result, check_room, plan_batch, read_jobs, run_batch
from render.batch.event_log import NAME as LOG_NAME
from render.batch.event_log import JsonLog
from render.batch.html_report import write_html
from render.batch.planning import Planned, free_bytes, with_margin
from render.engine.cue_cache import CueCache
from studio.terminal.batch_progress import BatchProgress, planning_bar
from studio.terminal.tables import print_table

SOME_FAILED = 1
ENGINES = {"pool": ("render.batch.engines.pool", "Pool"), "ray": ("render.batch.engines.ray", "RayEngine")}
"""Engine → module and class. The class takes the number of workers."""


def planned_batch(file: Path, out: Path, only: tuple[str, ...], verify: bool) -> BatchPlan:
    """Plan the jobs of a file.

    Args:
        file: the jobs file.
        out: folder of the batch.
        only: names of jobs; empty: all jobs.
        verify: whether finished files are read again.
    """
    jobs = read_jobs(file)
    jobs = jobs.only(only) if only else jobs
    with planning_bar(len(jobs.jobs)) as advance:
        return plan_batch(jobs, out, verify=verify, progress=advance)


def write_template(plan: BatchPlan, folder: Path, out: Path) -> None:
    """Write an Open Job Description template of the batch. Exit status 1 if a job cannot be run.

    Args:
        plan: the batch.
        folder: for the template.
        out: folder of the batch.
    """
    from render.batch.jobs.openjd import write_openjd

    template = write_openjd(plan, folder, out)
    problems = [f"{planned.job.name}: cannot be run: {planned.problem}" for planned in plan.jobs if planned.problem]
    for problem in problems:
        click.echo(f"note: {problem}", err=True)
    click.echo(template)
    if problems:
        sys.exit(SOME_FAILED)


def show_plan(plan: BatchPlan, out: Path, workers: int | None) -> None:
    """Print what a run would do. Exit status 1 if a job cannot be run.

    Args:
        plan: the batch.
        out: folder of the batch.
        workers: how many jobs would run at the same time; ``None``: one per processor core.
    """
    workers = workers or os.cpu_count() or 1
    print_table(("job", "cues", "programme", "estimate", "MB", "state"), [_row(plan, each) for each in plan.jobs])
    _warn(plan)
    basis = f"measured on {plan.measured} jobs" if plan.measured else "from default costs; nothing is measured yet"
    click.echo(
        f"{len(plan.todo)} of {len(plan.jobs)} jobs to do: about {_clock(plan.seconds(workers))} with {workers} "
        f"workers ({basis}), {with_margin(plan.needed_bytes) / 1e6:.0f} MB of {free_bytes(out) / 1e6:.0f} MB free"
    )
    check_room(plan, out)
    if any(planned.problem for planned in plan.jobs):
        sys.exit(SOME_FAILED)


def _warn(plan: BatchPlan) -> None:
    """Print warnings about the jobs to do, before anything is rendered."""
    for planned in plan.jobs:
        if planned.warning and planned.job.name in plan.todo:
            click.echo(f"note: {planned.job.name}: {planned.warning}", err=True)


def _row(plan: BatchPlan, planned: Planned) -> tuple:
    if planned.problem or planned.cost is None:
        return planned.job.name, None, None, None, None, f"cannot be run: {planned.problem}"
    cost, name = planned.cost, planned.job.name
    state = plan.todo.get(name, "done")
    seconds = _clock(plan.predicted_s(planned))
    return name, cost.cues, _clock(cost.programme_s), seconds, f"{cost.bytes / 1e6:.1f}", state


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


@dataclass(frozen=True)
class RunOptions:
    """How a batch runs.

    Attributes:
        workers: how many jobs run at the same time; ``None``: one per processor core.
        engine: a key of ``ENGINES``.
        retries: how often a job is tried again.
        backoff_s: seconds before the first retry.
        hang_s: seconds of silence after which a render process is killed.
        verify: whether finished files are read again.
        no_cache: whether the cue cache is left alone.
        json_log: the file for events; ``None``: in the batch's folder.
    """

    workers: int | None = None
    engine: str = "pool"
    retries: int = 3
    backoff_s: float = 2.0
    hang_s: float = 300.0
    verify: bool = False
    no_cache: bool = False
    json_log: Path | None = None


def run_to_disk(plan: BatchPlan, out: Path, options: RunOptions) -> None:
    """Run a batch with live progress. Exit status 1 if a job failed.

    Args:
        plan: what to run.
        out: folder of the batch.
        options: how to run it.
    """
    _warn(plan)
    runner = engine_of(options.engine, options.workers or os.cpu_count() or 1)
    log = JsonLog(options.json_log or out / LOG_NAME)
    try:
        with BatchProgress(plan) as progress:

            def listen(event: Event) -> None:
                log(event)
                progress(event)

            result = run_batch(
                plan,
                out,
                runner,
                policy=Policy(options.retries, options.backoff_s, options.hang_s),
                cache=None if options.no_cache else CueCache(cache_home()),
                verify=options.verify,
                listen=listen,
            )
    finally:
        log.close()
    for problem in filter(
        None, (log.problem, result.journal_problem and f"the journal is behind: {result.journal_problem}")
    ):
        click.echo(f"note: {problem}", err=True)
    _print_result(result, len(plan.jobs))
    click.echo(write_html(plan, result, out))
    if result.failed:
        sys.exit(SOME_FAILED)


def engine_of(name: str, workers: int) -> Engine:
    """Make an engine.

    Args:
        name: a key of ``ENGINES``.
        workers: how many jobs run at the same time.

    Raises:
        MissingExtraError: a library that it needs is not installed.
    """
    module, kind = ENGINES[name]
    try:
        return getattr(import_module(module), kind)(workers)
    except ModuleNotFoundError as problem:
        raise MissingExtraError(f"the engine '{name}'", "cluster") from problem


def _print_result(result: Result, jobs: int) -> None:
    finished = len(result.done) + len(result.already_done)
    for name, cause in result.failed.items():
        click.echo(f"failed: {name}: {cause}", err=True)
    click.echo(f"{finished} of {jobs} jobs done, {len(result.done)} in this run", err=True)
