"""Plan and run a batch, and say what became of it."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

import click

from plugin_backend.errors import MissingExtraError
from render.batch import BatchPlan, Engine, Policy, Result, check_room, plan_batch, read_jobs, run_batch
from render.batch.event_log import NAME as LOG_NAME
from render.batch.event_log import JsonLog
from render.batch.html_report import write_html
from render.batch.planning import free_bytes, with_margin
from render.engine.cue_cache import CueCache, cache_home
from studio.terminal.batch_progress import BatchProgress, planning_bar
from studio.terminal.tables import print_table

SOME_FAILED = 1
ENGINES = {"pool": ("render.batch.engines.pool", "Pool"), "ray": ("render.batch.engines.ray", "RayEngine")}
"""Engine → module and class; called with the number of workers."""


def planned_batch(file: Path, out: Path, only: tuple[str, ...], verify: bool) -> BatchPlan:
    """A jobs file planned, or those of its jobs that are named."""
    jobs = read_jobs(file)
    jobs = jobs.only(only) if only else jobs
    with planning_bar(len(jobs.jobs)) as advance:
        return plan_batch(jobs, out, verify=verify, progress=advance)


def write_template(plan: BatchPlan, folder: Path, out: Path) -> None:
    """Write an Open Job Description template of the batch; exits 1 if some job cannot be run."""
    from render.batch.jobs.openjd import write_openjd

    template = write_openjd(plan, folder, out)
    problems = [f"{planned.job.name}: cannot be run: {planned.problem}" for planned in plan.jobs if planned.problem]
    for problem in problems:
        click.echo(f"note: {problem}", err=True)
    click.echo(template)
    if problems:
        sys.exit(SOME_FAILED)


def show_plan(plan: BatchPlan, out: Path, workers: int | None) -> None:
    """Print what a run would do; exits 1 if some job cannot be run."""
    workers = workers or os.cpu_count() or 1
    print_table(("job", "cues", "programme", "estimate", "MB", "state"), [_row(plan, each) for each in plan.jobs])
    _warn(plan)
    known = f"measured on {plan.measured} jobs" if plan.measured else "by the stated costs, nothing measured yet"
    click.echo(
        f"{len(plan.todo)} of {len(plan.jobs)} jobs to do: about {_clock(plan.seconds(workers))} with {workers} "
        f"workers ({known}), {with_margin(plan.needed_bytes) / 1e6:.0f} MB of {free_bytes(out) / 1e6:.0f} MB free"
    )
    check_room(plan, out)
    if any(planned.problem for planned in plan.jobs):
        sys.exit(SOME_FAILED)


def _warn(plan: BatchPlan) -> None:
    """Say what of the jobs to do may not be meant so, before anything is rendered."""
    for planned in plan.jobs:
        if planned.warning and planned.job.name in plan.todo:
            click.echo(f"note: {planned.job.name}: {planned.warning}", err=True)


def _row(plan: BatchPlan, planned) -> tuple:
    if planned.problem:
        return planned.job.name, None, None, None, None, f"cannot be run: {planned.problem}"
    cost, name = planned.cost, planned.job.name
    state = plan.todo.get(name, "done")
    seconds = _clock(plan.predicted_s(planned))
    return name, cost.cues, _clock(cost.programme_s), seconds, f"{cost.bytes / 1e6:.1f}", state


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def run_to_disk(
    plan: BatchPlan,
    out: Path,
    *,
    workers: int | None,
    engine: str,
    retries: int,
    backoff_s: float,
    hang_s: float,
    verify: bool,
    no_cache: bool,
    json_log: Path | None,
) -> None:
    """Run a batch with live progress; exits 1 if any job failed."""
    _warn(plan)
    runner = engine_of(engine, workers or os.cpu_count() or 1)
    log = JsonLog(json_log or out / LOG_NAME)
    try:
        with BatchProgress(plan) as progress:

            def listen(event) -> None:
                log(event)
                progress(event)

            result = run_batch(
                plan,
                out,
                runner,
                policy=Policy(retries, backoff_s, hang_s),
                cache=None if no_cache else CueCache(cache_home()),
                verify=verify,
                listen=listen,
            )
    finally:
        log.close()
    for problem in filter(
        None, (log.problem, result.journal_problem and f"the journal is behind: {result.journal_problem}")
    ):
        click.echo(f"note: {problem}", err=True)
    _tell(result, len(plan.jobs))
    click.echo(write_html(plan, result, out))
    if result.failed:
        sys.exit(SOME_FAILED)


def engine_of(name: str, workers: int) -> Engine:
    """An engine by its name.

    Raises:
        MissingExtraError: what it needs is not installed.
    """
    module, kind = ENGINES[name]
    try:
        return getattr(import_module(module), kind)(workers)
    except ModuleNotFoundError as problem:
        raise MissingExtraError(f"the engine '{name}'", "cluster") from problem


def _tell(result: Result, jobs: int) -> None:
    whole = len(result.done) + len(result.already_done)
    for name, cause in result.failed.items():
        click.echo(f"failed: {name}: {cause}", err=True)
    click.echo(f"{whole} of {jobs} jobs done, {len(result.done)} in this run", err=True)
