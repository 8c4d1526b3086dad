"""Stream a plan into stems on disk, their sum, a report and a picture; all of them or none."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter

from plugin_backend.errors import DiskFullError, OutputError
from plugin_backend.files import replaced_when_whole, uninterrupted
from render.events import Plan
from render.naming import next_version, picture_name, report_name, stem_name
from render.picture import Outline, draw
from render.project import SUM, Project
from render.report import build_report
from render.stem_writer import CHANNELS, StemWriter
from render.stream import OFFLINE_CHUNK_FRAMES, RenderStats, stream

SPARE_BYTES = 4 * 2**20
LATEST_REPORT = "report.json"


@dataclass(frozen=True)
class Delivery:
    """What a run left: stem name → file (``FOLEY`` is the sum), report and picture.

    ``report.json`` beside them is a copy of the newest run's report.
    """

    stems: dict[str, Path]
    report: Path
    picture: Path


def deliver(
    plan: Plan,
    project: Project,
    out: Path,
    *,
    jobs: int = 1,
    chunk_frames: int = OFFLINE_CHUNK_FRAMES,
    progress: Callable[[int], None] = lambda samples: None,
) -> Delivery:
    """Render ``plan`` into ``out``.

    Files are written under temporary names and renamed when all are whole; whatever stops the run
    leaves nothing behind. FOLEY is the exact sum of the stems as delivered (24-bit stems are summed
    as integers).

    Args:
        progress: called with the samples just finished.

    Raises:
        OutputError: ``out`` cannot be written.
        DiskFullError: the stems do not fit.
        WorkerError, PluginError: see :func:`render.stream.stream`.
    """
    began, stats = perf_counter(), RenderStats()
    with _folder(out):
        _check_room(plan, project, out)
        version = next_version(project, out)
        names = [stem.name for stem in plan.stems]
        paths = {name: out / stem_name(project, name, version) for name in [*names, SUM]}
        delivery = Delivery(paths, out / report_name(project, version), out / picture_name(project, version))
        try:
            with ExitStack() as whole:
                _write(whole, plan, project, delivery, stats, jobs, chunk_frames, progress, began)
                with uninterrupted():
                    whole.close()  # renames every file
            with replaced_when_whole(out / LATEST_REPORT) as latest:
                shutil.copyfile(delivery.report, latest)
        except OSError as problem:
            raise _told(problem, out) from problem
    return delivery


def _write(whole, plan, project, delivery, stats, jobs, chunk_frames, progress, began) -> None:
    moment = datetime.now().replace(microsecond=0)
    temporary = {name: whole.enter_context(replaced_when_whole(path)) for name, path in delivery.stems.items()}
    report_file = whole.enter_context(replaced_when_whole(delivery.report))
    picture_file = whole.enter_context(replaced_when_whole(delivery.picture))
    names = [stem.name for stem in plan.stems]
    outlines = {name: Outline(plan.length_samples) for name in names}
    disk_s = 0.0
    with ExitStack() as open_files:
        writers = {}
        for name, path in temporary.items():
            description = f"{project.show} {project.reel} {name}"
            writer = StemWriter(path, plan.sample_rate, project.bits, plan.start_samples, description, moment)
            writers[name] = open_files.enter_context(writer)
        blocks = open_files.enter_context(closing(stream(plan, jobs=jobs, chunk_frames=chunk_frames, stats=stats)))
        for block in blocks:
            paused = perf_counter()
            delivered = [writers[name].write(block.stems[name]) for name in names]
            writers[SUM].write_sum(delivered)
            disk_s += perf_counter() - paused
            for name in names:
                outlines[name].add(block.start_samples, block.stems[name])
            progress(block.samples)
    stats.seconds["disk_s"] = disk_s
    draw(picture_file, plan, project, outlines)
    report = build_report(plan, project, delivery.stems, writers, stats, perf_counter() - began)
    with open(report_file, "w", encoding="utf-8") as text:  # piece by piece: a long sheet's report is large
        json.dump(report, text, indent=2)


@contextmanager
def _folder(path: Path) -> Iterator[None]:
    """The output folder, made if need be; what was made and stays empty is taken away again."""
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise _told(problem, path) from problem
    try:
        yield
    finally:
        for folder in made:
            if any(folder.iterdir()):
                break
            folder.rmdir()


def _told(problem: OSError, out: Path) -> OutputError | DiskFullError:
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"{out}: the disk is full")
    return OutputError(f"{out}: cannot write here ({problem.strerror or problem})")


def _check_room(plan: Plan, project: Project, out: Path) -> None:
    needed = (len(plan.stems) + 1) * plan.length_samples * CHANNELS * project.bits // 8 + SPARE_BYTES
    free = shutil.disk_usage(out).free
    if needed > free:
        raise DiskFullError(
            f"{out}: the disk is full: the stems need {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free"
        )
