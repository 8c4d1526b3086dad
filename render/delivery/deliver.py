"""Stream a plan into stems on disk, their sum, clips, a report and a picture; all of them or none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from time import perf_counter

from plugin_backend.errors import DiskFullError, PisadaError
from plugin_backend.file_commit import StagedFiles
from plugin_backend.output_files import disk_error, make_folder, sync_to_disk
from render.delivery.file_names import clip_names, clips_name, layouts_of, picture_name, report_name
from render.delivery.file_names import stem_names as file_names
from render.delivery.incremental.diff import Changes, compare, statistics_path, stem_keys
from render.delivery.incremental.update import update_stems
from render.delivery.report import MeasuredFile, build_report, cache_remarks, measure_file
from render.delivery.sum_check import check_sum
from render.delivery.version_lock import lock_version
from render.delivery.waveform_plot import draw_waveforms
from render.engine import clip_writer as cue_clips
from render.engine.clip_writer import ClipOrder
from render.engine.cue_cache import CueCache
from render.engine.stream import OFFLINE_CHUNK_FRAMES, Block, RenderProcess, RenderStats, stream
from render.plan.cache_key import cue_keys
from render.plan.plan import Plan
from render.project.channel_layout import LAYOUTS
from render.project.project import SUM, Project
from render.wav.metadata import FileMetadata, metadata_of
from render.wav.quantize_dither import dither_of
from render.wav.stem_samples import StemFile, WrittenStem
from render.wav.stem_writer import StemWriter
from render.wav.two_pop import Pops

SPARE_BYTES, CLIP_SPARE_BYTES = 4 * 2**20, 4096
LATEST_REPORT = "report.json"


@dataclass
class Delivery:
    """What a run left: stem name → file (``FOLEY`` is the sum), report, picture, cue id → clip, what was written
    beside; what was measured and what differed from the version before; cues by where their sound came from, and what
    is to be said of the cache.

    ``report.json`` beside them is a copy of the newest run's report.
    """

    stems: dict[str, Path]
    report: Path
    picture: Path
    clips: dict[str, Path] = field(default_factory=dict)
    beside: list[Path] = field(default_factory=list)
    measured: dict[str, MeasuredFile] = field(default_factory=dict)
    changes: Changes | None = None
    cache_kept: bool = True
    remarks: list[str] = field(default_factory=list)
    decoded: int = 0
    cached: int = 0


def deliver(
    plan: Plan,
    project: Project,
    out: Path,
    *,
    jobs: int = 1,
    chunk_frames: int = OFFLINE_CHUNK_FRAMES,
    progress: Callable[[int], None] = lambda samples: None,
    clips: bool = False,
    cache: CueCache | None = None,
    moment: datetime | None = None,
    version: int | None = None,
    process: Callable[..., RenderProcess] = RenderProcess,
    beside: Callable[[Path], list[Path]] = lambda report: [],
) -> Delivery:
    """Render ``plan`` into ``out``.

    All files are made in a hidden folder and published together (:mod:`plugin_backend.file_commit`), the report last;
    whatever stops the run leaves nothing behind. FOLEY is the exact sum of the stems as delivered (16- and 24-bit stems
    are summed as integers), and is checked against them by reading all of them again.

    Args:
        progress: called with the samples just finished.
        clips: write each cue's own sound too, as 24-bit files in a folder of the version.
        cache: of decoded cues. With one, and without ``clips``, what the newest version in ``out`` holds
            already is taken from there; the samples are those of a whole render.
        moment: the origination date and time that every file bears; none means now.
        version: its number, in a folder that no other run writes into; none means the next that is free.
        process: see :func:`render.engine.stream.stream`.
        beside: called with the report in the hidden folder once all is written; writes further files there, which
            appear with the rest, and returns them.

    Raises:
        OutputError: ``out`` cannot be written, or another run's file has a name of this version.
        DiskFullError: the stems do not fit.
        WorkerError, PluginError: see :func:`render.engine.stream.stream`.
        RenderError: an effect made samples that are no numbers, or the files do not sum up when read again.
    """
    began, stats = perf_counter(), RenderStats()
    with make_folder(out):
        _check_room(plan, project, out, clips)
        try:
            with lock_version(plan, project, out, version) as (version, stage):
                delivery = _names(plan, project, stage.folder, version, clips)
                start = partial(stream, jobs=jobs, chunk_frames=chunk_frames, stats=stats, process=process)
                slate = metadata_of(project, moment or datetime.now().replace(microsecond=0))
                try:
                    _write(plan, project, delivery, out, stats, slate, start, chunk_frames, progress, began, cache)
                    delivery.beside = beside(delivery.report)
                except PisadaError as problem:  # nobody knows of the hidden folder
                    problem.args = tuple(str(part).replace(str(stage.folder), str(out)) for part in problem.args)
                    raise
                _publish(stage, delivery)
        except OSError as problem:
            raise disk_error(problem, out) from problem
    return _moved(delivery, out)


def _names(plan: Plan, project: Project, folder: Path, version: int, clips: bool) -> Delivery:
    """Where everything is written."""
    heard = folder / clips_name(project, version)
    names = clip_names(plan) if clips else []
    return Delivery(
        stems={name: folder / file for name, file in file_names(plan, project, version).items()},
        report=folder / report_name(project, version),
        picture=folder / picture_name(project, version),
        clips={event.id: heard / name for event, name in zip(plan.events, names, strict=False)},
    )


def _publish(stage: StagedFiles, delivery: Delivery) -> None:
    folders = dict.fromkeys(path.parent for path in delivery.clips.values())
    for path in (*folders, *delivery.stems.values(), delivery.picture, *delivery.beside, delivery.report):
        stage.new(path.name)
    shutil.copyfile(delivery.report, stage.replacing(LATEST_REPORT))
    stage.publish()


def _moved(delivery: Delivery, out: Path) -> Delivery:
    """The same files under the names they have now."""
    return replace(
        delivery,
        stems={name: out / path.name for name, path in delivery.stems.items()},
        report=out / delivery.report.name,
        picture=out / delivery.picture.name,
        clips={cue: out / path.parent.name / path.name for cue, path in delivery.clips.items()},
        beside=[out / path.name for path in delivery.beside],
    )


def _write(plan, project, delivery, out, stats, slate, start, chunk_frames, progress, began, cache) -> None:
    recipes = cue_keys(plan)
    delivery.changes = compare(plan, project, out, recipes, cache, bool(delivery.clips))
    if cache is not None:
        plan = replace(plan, cache=cache.folder, sounds={cue: recipe.key for cue, recipe in recipes.items()})
    files, order, spans = stem_files(plan, project, slate), None, None
    if delivery.clips:
        folder = next(iter(delivery.clips.values())).parent
        folder.mkdir()
        order = ClipOrder(folder, {cue: path.name for cue, path in delivery.clips.items()}, slate)

    def rendered(plan: Plan) -> Iterator[Block]:
        return start(plan, clips=order)

    if delivery.changes.patching:
        written = update_stems(
            plan, delivery.changes, out, delivery.stems, files, project.seed, chunk_frames, rendered, stats
        )
        spans = delivery.changes.sum.spans
        progress(plan.length_samples)
    else:
        with closing(rendered(plan)) as blocks:
            written = write_stems(blocks, delivery.stems, files, project.seed, stats, progress)
    with ThreadPoolExecutor(1) as disk:  # which takes its time while they are looked at again
        on_disk = [disk.submit(sync_to_disk, path) for path in delivery.stems.values()]
        paused = perf_counter()
        layouts = {name: file.layout for name, file in files.items()}
        check = check_sum(delivery.stems, layouts, project.bits, Pops(plan.pops, plan.sample_rate), spans)
        stats.seconds["check_s"] = perf_counter() - paused
        for name, done in written.items():
            delivery.measured[name] = measure_file(done, delivery.stems[name].name, project)
        draw_waveforms(delivery.picture, plan, project, {name: done.trail for name, done in written.items()})
        for each in on_disk:
            each.result()
    keys = stem_keys(plan, project, recipes)
    if cache is not None:
        save_statistics(cache, keys, written, stats)
    delivery.cache_kept, delivery.remarks = stats.counts.kept, cache_remarks(stats.counts)
    delivery.decoded, delivery.cached = stats.counts.decoded, stats.counts.cached
    computed = delivery.changes.computed_with(stats.counts.computed)
    basis = {
        name: {"key": keys[name], **_as_left(path), "computed": [asdict(run) for run in computed[name]]}
        for name, path in delivery.stems.items()
    }
    clips = {cue: f"{path.parent.name}/{path.name}" for cue, path in delivery.clips.items()}
    wall_s = perf_counter() - began
    report = build_report(plan, project, delivery.measured, check, clips, stats, wall_s, recipes, basis)
    with open(delivery.report, "w", encoding="utf-8") as text:  # piece by piece: a long sheet's report is large
        json.dump(report, text, indent=2)


def _as_left(path: Path) -> dict:
    """How a later run knows that a file is still as we left it."""
    state = path.stat()
    return {"bytes": state.st_size, "modified_ns": state.st_mtime_ns}


def save_statistics(cache: CueCache, keys: dict[str, str], written: dict[str, WrittenStem], stats: RenderStats) -> None:
    """Keep what was noted of each file beside the cues; if the disk refuses, the statistics say so."""
    for name, done in written.items():
        try:
            done.trail.save(statistics_path(cache.folder, keys[name]))
        except OSError:
            stats.counts.kept = False


def write_stems(
    blocks: Iterable[Block],
    targets: dict[str, Path],
    files: dict[str, StemFile],
    seed: int,
    stats: RenderStats,
    progress: Callable[[int], None],
) -> dict[str, WrittenStem]:
    """Write one version's stems and their sum from consecutive blocks; the files are whole when it returns.

    Args:
        blocks: of every stem, all the files' samples together.
        targets: stem name → where, FOLEY among them.
        files: stem name → what it is.
        seed: the project's.
        stats: gets the seconds spent on disk and measuring.
        progress: called with the samples just finished.
    """
    write_s = 0.0
    with ExitStack() as open_files:
        writers = {
            name: open_files.enter_context(StemWriter(targets[name], file, dither_of(file.bits, name, seed)))
            for name, file in files.items()
        }
        for block in blocks:
            paused = perf_counter()
            sounds = [(writers[name].write(sound), files[name].layout) for name, sound in block.stems.items()]
            writers[SUM].write_sum(sounds)
            write_s += perf_counter() - paused
            progress(block.samples)
    measure_s = sum(writer.measure_s for writer in writers.values())
    stats.seconds.update(disk_s=write_s - measure_s, measure_s=measure_s)
    return {name: WrittenStem(writer.file, writer.trail) for name, writer in writers.items()}


def stem_files(plan: Plan, project: Project, slate: FileMetadata) -> dict[str, StemFile]:
    """What each file of a delivery is; stem name → that, FOLEY last."""
    return {
        name: StemFile(
            track=name,
            description=f"{project.show} {project.reel} {name}",
            layout=LAYOUTS[layout],
            bits=project.bits,
            sample_rate=plan.sample_rate,
            time_reference=plan.start_samples,
            length_samples=plan.length_samples,
            slate=slate,
            pops=Pops(plan.pops, plan.sample_rate),
            programme=plan.programme,
        )
        for name, layout in layouts_of(plan).items()
    }


def sound_bytes(plan: Plan, project: Project, clips: bool) -> int:
    """What a version's stems, their sum and its clips take on disk."""
    layouts = {name: LAYOUTS[layout].channels for name, layout in layouts_of(plan).items()}
    needed = sum(layouts.values()) * plan.length_samples * project.bits // 8
    if clips:
        bytes_each = cue_clips.BITS // 8
        needed += sum(e.length_samples * layouts[e.stem] * bytes_each + CLIP_SPARE_BYTES for e in plan.events)
    return needed


def _check_room(plan: Plan, project: Project, out: Path, clips: bool) -> None:
    needed = sound_bytes(plan, project, clips) + SPARE_BYTES
    free = shutil.disk_usage(out).free
    if needed > free:
        raise DiskFullError(
            f"{out}: the disk is full: the stems need {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free"
        )
