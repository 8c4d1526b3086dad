"""Run one order in this process: plan it again, render it into its staging folder, and flush it to disk."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

from plugin_backend.errors import (
    DiskFullError,
    InputError,
    MissingExtraError,
    OutputError,
    PisadaError,
    ProjectError,
)
from plugin_backend.output_files import disk_error, file_digest
from render.batch.engines.protocol import Kind, Order, Outcome, Output, Progress
from render.batch.engines.warm_fork import WarmProcess, warm_up
from render.batch.job_key import job_key
from render.delivery.deliver import Delivery, deliver
from render.delivery.file_names import next_version
from render.engine.cue_cache import CueCache
from render.engine.make_plan import make_plan
from render.engine.stream import OFFLINE_CHUNK_FRAMES
from render.plan.resolve import read_sheet, with_sheet_rate

PROGRESS_S = 0.25

KINDS: tuple[tuple[type[PisadaError], Kind], ...] = (
    (OutputError, "transient"),
    (DiskFullError, "transient"),
    (InputError, "input"),
    (MissingExtraError, "input"),
    (PisadaError, "crash"),
)
"""The kind of failure of each error; the first that matches applies."""


def execute(order: Order, report: Callable[[Progress], None] = lambda progress: None) -> Outcome:
    """Run ``order`` and return its outcome; every error becomes part of the outcome.

    Its render processes are forked from this process, which must therefore have a single thread.

    Args:
        order: the job.
        report: called with progress.
    """
    began = perf_counter()
    deaths: list[Kind] = []
    try:
        version, delivery = _deliver(order, report, deaths)
        outputs = _outputs(Path(order.stage), delivery)
    except PisadaError as problem:
        kind = deaths[0] if deaths else next(kind for error, kind in KINDS if isinstance(problem, error))
        return Outcome(name=order.name, kind=kind, cause=str(problem), wall_s=perf_counter() - began)
    except OSError as problem:
        cause = str(disk_error(problem, Path(problem.filename or order.stage)))
        return Outcome(name=order.name, kind="transient", cause=cause, wall_s=perf_counter() - began)
    except Exception as problem:  # noqa: BLE001 - any error is reported to the batch; the other jobs continue
        traceback.print_exception(problem)
        cause = f"{type(problem).__name__}: {problem}"
        return Outcome(name=order.name, kind="crash", cause=cause, wall_s=perf_counter() - began)
    return Outcome(
        name=order.name,
        wall_s=perf_counter() - began,
        version=version,
        outputs=outputs,
        decoded=delivery.decoded,
        cached=delivery.cached,
        cache_kept=delivery.cache_kept,
    )


def _deliver(order: Order, report: Callable[[Progress], None], deaths: list[Kind]) -> tuple[int, Delivery]:
    shutil.rmtree(order.stage, ignore_errors=True)
    sheet = read_sheet(Path(order.cues), order.project)
    project = with_sheet_rate(order.project, sheet)
    cache = CueCache(Path(order.cache)) if order.cache is not None else None
    plan = make_plan(project, sheet, cache)
    if job_key(plan, project, order.clips) != order.key:
        raise ProjectError("its inputs have changed since the batch was planned: run the batch again")
    warm_up(plan)
    done, last = 0, 0.0

    def progress(samples: int) -> None:
        nonlocal done, last
        done, now = done + samples, perf_counter()
        if now - last >= PROGRESS_S or done == plan.length_samples:
            last = now
            report(Progress(order.name, done, plan.length_samples))

    version = order.version or next_version(plan, project, Path(order.folder))
    delivery = deliver(
        plan,
        project,
        Path(order.stage),
        jobs=len(plan.stems) if order.alone else 1,
        chunk_frames=OFFLINE_CHUNK_FRAMES,
        progress=progress,
        clips=order.clips,
        cache=cache,
        moment=order.moment,
        version=version,
        process=partial(WarmProcess, hang_s=order.hang_s, deaths=deaths),
    )
    return version, delivery


def _outputs(stage: Path, delivery: Delivery) -> list[Output]:
    """Return the delivered files; they are flushed to disk."""
    files = [*delivery.stems.values(), *delivery.clips.values(), delivery.plot, delivery.report]
    return [_output(stage, path) for path in files]


def _output(stage: Path, path: Path) -> Output:
    state = path.stat()
    return Output(path.relative_to(stage).as_posix(), state.st_size, state.st_mtime_ns, file_digest(path))
