"""Render a plan into files: stems, sum, clips, report and plot. A version is complete or does not exist."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import Any

from plugin_backend.errors import PisadaError
from plugin_backend.output_files import disk_error, make_folder, sync_to_disk
from plugin_backend.staged_files import StagedFiles
from render.delivery.disk_room import check_room
from render.delivery.file_names import clip_names, clips_name, layouts_of, plot_name, report_name, stem_names
from render.delivery.incremental.diff import Changes, compare, statistics_path
from render.delivery.incremental.sample_digests import stem_keys
from render.delivery.incremental.update import update_stems
from render.delivery.output_stems import OutputStems, write_stems
from render.delivery.report import MeasuredFile, RunResults, build_report, cache_remarks, measure_file
from render.delivery.sum_check import SumCheck, check_sum
from render.delivery.version_lock import lock_version
from render.delivery.waveform_plot import draw_waveforms, import_matplotlib
from render.engine.clip_writer import ClipOrder
from render.engine.cue_cache import CueCache
from render.engine.stream import OFFLINE_CHUNK_FRAMES, Block, RenderProcess, RenderStats, stream
from render.plan.cache_key import cue_keys
from render.plan.plan import Plan
from render.project.channel_layout import LAYOUTS
from render.project.project import Project
from render.wav.metadata import FileMetadata, metadata_of
from render.wav.stem_samples import StemFile, WrittenStem
from render.wav.two_pop import Pops

LATEST_REPORT = "report.json"


@dataclass
class Delivery:
    """The files and results of a run. ``report.json`` in the same folder is a copy of the newest run's report.

    Attributes:
        stems: stem name → file; FOLEY is the sum.
        report: the report.
        plot: the plot of the stems.
        clips: cue id → clip.
        extra_files: files that the caller added.
        measured: stem name → measurements.
        changes: differences from the version before.
        cache_kept: whether all decoded audio could be stored in the cache.
        remarks: on the cache, one line each.
        decoded, cached: number of cues by where their audio came from.
    """

    stems: dict[str, Path]
    report: Path
    plot: Path
    clips: dict[str, Path] = field(default_factory=dict)
    extra_files: list[Path] = field(default_factory=list)
    measured: dict[str, MeasuredFile] = field(default_factory=dict)
    changes: Changes | None = None
    cache_kept: bool = True
    remarks: list[str] = field(default_factory=list)
    decoded: int = 0
    cached: int = 0


def _no_progress(samples: int) -> None:
    """Ignore progress."""


def _no_extra_files(report: Path) -> list[Path]:
    """Add no files."""
    return []


@dataclass(frozen=True)
class DeliveryJob:
    """A render into files.

    Attributes:
        plan: the plan.
        project: its project.
        out: folder to write into.
        jobs: number of render processes.
        chunk_frames: latent frames decoded at a time.
        progress: called with the number of samples just finished.
        clips: also write each cue's own audio, as 24-bit files in a folder of the version.
        cache: decoded cues. With a cache, and without ``clips``, unchanged parts are taken from the newest version in
            ``out``; the samples are equal to those of a complete render.
        moment: origination date and time of every file; by default, now.
        version: version number, in a folder that no other run writes into; by default, the next free one.
        process: see :func:`render.engine.stream.stream`.
        extra_files: called with the report in the hidden folder when everything is written. It writes more files
            there and returns them; they are published with the others.
    """

    plan: Plan
    project: Project
    out: Path
    jobs: int = 1
    chunk_frames: int = OFFLINE_CHUNK_FRAMES
    progress: Callable[[int], None] = _no_progress
    clips: bool = False
    cache: CueCache | None = None
    moment: datetime | None = None
    version: int | None = None
    process: Callable[..., RenderProcess] = RenderProcess
    extra_files: Callable[[Path], list[Path]] = _no_extra_files

    def run(self) -> Delivery:
        """Render and write the files.

        All files are made in a hidden folder and published together (:mod:`plugin_backend.staged_files`), the report
        last. If the run stops for any reason, it leaves nothing behind. FOLEY is the exact sum of the stems as
        delivered (16- and 24-bit stems are summed as integers). It is checked by reading all files again.

        Returns:
            The delivery.

        Raises:
            OutputError: ``out`` cannot be written, or another run has published a file of this version.
            DiskFullError: the stems do not fit on the disk.
            WorkerError, PluginError: see :func:`render.engine.stream.stream`.
            RenderError: an effect made NaN or infinite samples, or the files do not sum to FOLEY.
        """
        began, out = perf_counter(), self.out
        with make_folder(out):
            check_room(self.plan, self.project, out, self.clips)
            try:
                with lock_version(self.plan, self.project, out, self.version) as (version, stage):
                    delivery = self._planned_files(stage.folder, version)
                    try:
                        _Run(self, delivery, began).write()
                        delivery.extra_files = self.extra_files(delivery.report)
                    except PisadaError as problem:  # the user does not know the hidden folder
                        problem.args = tuple(str(part).replace(str(stage.folder), str(out)) for part in problem.args)
                        raise
                    _publish(stage, delivery)
            except OSError as problem:
                raise disk_error(problem, out) from problem
        return _published(delivery, out)

    def _planned_files(self, folder: Path, version: int) -> Delivery:
        """Return the paths of all files in the hidden folder."""
        clips_folder = folder / clips_name(self.project, version)
        names = clip_names(self.plan) if self.clips else []
        return Delivery(
            stems={name: folder / file for name, file in stem_names(self.plan, self.project, version).items()},
            report=folder / report_name(self.project, version),
            plot=folder / plot_name(self.project, version),
            clips={event.id: clips_folder / name for event, name in zip(self.plan.events, names, strict=False)},
        )


def deliver(plan: Plan, project: Project, out: Path, **options: Any) -> Delivery:
    """Render a plan into files.

    Args:
        plan: the plan.
        project: its project.
        out: folder to write into.
        options: other fields of :class:`DeliveryJob`, for example ``jobs=2`` or ``clips=True``.

    Returns:
        The delivery.

    Raises:
        PisadaError: see :meth:`DeliveryJob.run`.
    """
    return DeliveryJob(plan, project, out, **options).run()


class _Run:
    """One run of a job: writes all files into the hidden folder.

    Args:
        job: the job.
        delivery: paths of the files; results are added to it.
        began: when the run began, by ``perf_counter``.
    """

    def __init__(self, job: DeliveryJob, delivery: Delivery, began: float):
        self.job, self.delivery, self.began = job, delivery, began
        self.stats, self.keys = RenderStats(), cue_keys(job.plan)
        metadata = metadata_of(job.project, job.moment or datetime.now().replace(microsecond=0))
        files = stem_files(job.plan, job.project, metadata)
        self.stems = OutputStems(delivery.stems, files, job.project.seed)
        self.clip_order = _clip_order(delivery, metadata)

    def write(self) -> None:
        """Write stems, sum, clips, plot and report."""
        job, delivery = self.job, self.delivery
        plan = job.plan
        Thread(target=import_matplotlib, daemon=True).start()  # beside the render processes
        changes = compare(plan, job.project, job.out, self.keys, job.cache, bool(delivery.clips))
        delivery.changes = changes
        if job.cache is not None:
            plan = replace(plan, cache=job.cache.folder, sounds={cue: key.key for cue, key in self.keys.items()})
        if self.clip_order is not None:
            self.clip_order.folder.mkdir()
        if changes.patching:
            written = update_stems(plan, changes, job.out, self.stems, self._render, job.chunk_frames, self.stats)
            job.progress(plan.length_samples)
            spans: tuple[slice, ...] | None = changes.sum.spans
        else:
            with closing(self._render(plan)) as blocks:
                written = write_stems(blocks, self.stems, self.stats, job.progress)
            spans = None
        check = self._check(plan, written, spans)
        self._report(plan, changes, written, check)

    def _render(self, plan: Plan) -> Generator[Block, None, None]:
        """Stream a plan, which may hold only some of the stems."""
        job = self.job
        return stream(
            plan,
            jobs=job.jobs,
            chunk_frames=job.chunk_frames,
            stats=self.stats,
            clips=self.clip_order,
            process=job.process,
        )

    def _check(self, plan: Plan, written: dict[str, WrittenStem], spans: tuple[slice, ...] | None) -> SumCheck:
        """Check the sum, measure the files and draw the plot, while the files are flushed to disk."""
        delivery, project = self.delivery, self.job.project
        with ThreadPoolExecutor(1) as disk:
            flushed = [disk.submit(sync_to_disk, path) for path in delivery.stems.values()]
            paused = perf_counter()
            layouts = {name: file.layout for name, file in self.stems.files.items()}
            check = check_sum(delivery.stems, layouts, project.bits, Pops(plan.pops, plan.sample_rate), spans)
            self.stats.seconds["check_s"] = perf_counter() - paused
            for name, stem in written.items():
                delivery.measured[name] = measure_file(stem, delivery.stems[name].name, project)
            statistics = {name: stem.statistics for name, stem in written.items()}
            draw_waveforms(delivery.plot, plan, project, statistics)
            for each in flushed:
                each.result()
        return check

    def _report(self, plan: Plan, changes: Changes, written: dict[str, WrittenStem], check: SumCheck) -> None:
        """Store the statistics and write the report."""
        job, delivery, stats = self.job, self.delivery, self.stats
        keys = stem_keys(plan, job.project, self.keys)
        if job.cache is not None:
            save_statistics(job.cache, keys, written, stats)
        counts = stats.counts
        delivery.cache_kept, delivery.remarks = counts.kept, cache_remarks(counts)
        delivery.decoded, delivery.cached = counts.decoded, counts.cached
        computed = changes.computed_with(counts.computed)
        states = {
            name: {"key": keys[name], **_file_state(path), "computed": [asdict(run) for run in computed[name]]}
            for name, path in delivery.stems.items()
        }
        clips = {cue: f"{path.parent.name}/{path.name}" for cue, path in delivery.clips.items()}
        wall_s = perf_counter() - self.began
        results = RunResults(delivery.measured, check, clips, stats, wall_s, self.keys, states)
        report = build_report(plan, job.project, results)
        with open(delivery.report, "w", encoding="utf-8") as text:  # in pieces: the report of a long sheet is large
            json.dump(report, text, indent=2)


def _clip_order(delivery: Delivery, metadata: FileMetadata) -> ClipOrder | None:
    if not delivery.clips:
        return None
    folder = next(iter(delivery.clips.values())).parent
    return ClipOrder(folder, {cue: path.name for cue, path in delivery.clips.items()}, metadata)


def _publish(stage: StagedFiles, delivery: Delivery) -> None:
    """Give all files their names in the folder of the deliveries."""
    folders = dict.fromkeys(path.parent for path in delivery.clips.values())
    for path in (*folders, *delivery.stems.values(), delivery.plot, *delivery.extra_files, delivery.report):
        stage.new(path.name)
    shutil.copyfile(delivery.report, stage.replacing(LATEST_REPORT))
    stage.publish()


def _published(delivery: Delivery, out: Path) -> Delivery:
    """Return the delivery with the files' published paths."""
    return replace(
        delivery,
        stems={name: out / path.name for name, path in delivery.stems.items()},
        report=out / delivery.report.name,
        plot=out / delivery.plot.name,
        clips={cue: out / path.parent.name / path.name for cue, path in delivery.clips.items()},
        extra_files=[out / path.name for path in delivery.extra_files],
    )


def _file_state(path: Path) -> dict[str, int]:
    """Return size and time of a file. A later run uses them to see whether the file is unchanged."""
    state = path.stat()
    return {"bytes": state.st_size, "modified_ns": state.st_mtime_ns}


def save_statistics(cache: CueCache, keys: dict[str, str], written: dict[str, WrittenStem], stats: RenderStats) -> None:
    """Save the statistics of each file in the cache folder.

    Args:
        cache: the cache.
        keys: stem name → key of its samples.
        written: stem name → file and statistics.
        stats: ``counts.kept`` becomes False if the disk refuses.
    """
    for name, stem in written.items():
        try:
            stem.statistics.save(statistics_path(cache.folder, keys[name]))
        except OSError:
            stats.counts.kept = False


def stem_files(plan: Plan, project: Project, metadata: FileMetadata) -> dict[str, StemFile]:
    """Return stem name → description of its file; FOLEY is last.

    Args:
        plan: gives stems, length and pops.
        project: gives names and bits.
        metadata: metadata of the run.
    """
    return {
        name: StemFile(
            track=name,
            description=f"{project.show} {project.reel} {name}",
            layout=LAYOUTS[layout],
            bits=project.bits,
            sample_rate=plan.sample_rate,
            time_reference=plan.start_samples,
            length_samples=plan.length_samples,
            metadata=metadata,
            pops=Pops(plan.pops, plan.sample_rate),
            programme=plan.programme,
        )
        for name, layout in layouts_of(plan).items()
    }
