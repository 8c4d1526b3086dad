"""Run one order in this process: plan it again, deliver it into its stage, and put it on disk for good."""

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
    (OutputError, "passing"),
    (DiskFullError, "passing"),
    (InputError, "input"),
    (MissingExtraError, "input"),
    (PisadaError, "crash"),
)
"""What an error is to a batch; the first that fits."""


def execute(order: Order, tell: Callable[[Progress], None] = lambda progress: None) -> Outcome:
    """Run ``order``; whatever goes wrong is in the outcome.

    Its render processes are forked from this one, which therefore has to have a single thread.
    """
    began, deaths = perf_counter(), []
    try:
        version, delivery = _delivered(order, tell, deaths)
        outputs = _outputs(Path(order.stage), delivery)
    except PisadaError as problem:
        kind = deaths[0] if deaths else next(kind for error, kind in KINDS if isinstance(problem, error))
        return Outcome(name=order.name, kind=kind, cause=str(problem), wall_s=perf_counter() - began)
    except OSError as problem:
        cause = str(disk_error(problem, Path(problem.filename or order.stage)))
        return Outcome(name=order.name, kind="passing", cause=cause, wall_s=perf_counter() - began)
    except Exception as problem:  # noqa: BLE001 - told to the batch, whatever it is: the other jobs go on
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


def _delivered(order: Order, tell: Callable[[Progress], None], deaths: list[str]) -> tuple[int, Delivery]:
    shutil.rmtree(order.stage, ignore_errors=True)
    sheet = read_sheet(Path(order.cues), order.project)
    project = with_sheet_rate(order.project, sheet)
    cache = CueCache(Path(order.cache)) if order.cache is not None else None
    plan = make_plan(project, sheet, cache)
    if job_key(plan, project, order.clips) != order.key:
        raise ProjectError("what it is made of changed since the batch was planned: run the batch again")
    warm_up(plan)
    done, last = 0, 0.0

    def progress(samples: int) -> None:
        nonlocal done, last
        done, now = done + samples, perf_counter()
        if now - last >= PROGRESS_S or done == plan.length_samples:
            last = now
            tell(Progress(order.name, done, plan.length_samples))

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
    """What was left; it is on disk for good."""
    files = [*delivery.stems.values(), *delivery.clips.values(), delivery.picture, delivery.report]
    return [_output(stage, path) for path in files]


def _output(stage: Path, path: Path) -> Output:
    state = path.stat()
    return Output(path.relative_to(stage).as_posix(), state.st_size, state.st_mtime_ns, file_digest(path))
