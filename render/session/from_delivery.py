"""A delivery on disk as a session: its stems, or its clips, at the timecode in their own bext chunks."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from plugin_backend.errors import ProjectError
from render.project.stem_names import SUM
from render.project.timecode import FrameRate
from render.session.media_info import LATEST_SAMPLES, item_from_file
from render.session.model import Marker, Session, Track, readable

LATEST_REPORT = "report.json"
MOST_REPORT_BYTES = 2**28


class Stem(msgspec.Struct):
    """What a session needs to know of a stem."""

    file: str


class CueRow(msgspec.Struct):
    """What a session needs to know of a cue; ``clip`` is its own file, from the report's folder, if it has one."""

    id: str
    stem: str
    clip: str | None = None


class Pop(msgspec.Struct):
    """Where a pop begins, counted from the programme's first sample."""

    start_samples: int


class Report(msgspec.Struct):
    """What a session needs to know of a run."""

    show: str
    reel: str
    start_samples: int
    sample_rate: int
    stems: dict[str, Stem]
    cues: list[CueRow]
    fps: str | None = None
    pops: list[Pop] = []


def session_from_delivery(report: Path, clips: bool = False) -> Session:
    """A delivery as a session: one track a stem, and FOLEY, their sum, muted; or one track a stem with its clips.

    Args:
        report: a run's report, or the folder of the newest.
        clips: the cues' own files instead of the stems.

    Raises:
        ProjectError: no report, not one, without clips, or a file outside its folder.
        AudioFileError: a file it lists is absent, unreadable, or says nothing of its timecode.
    """
    path, run = report_path(report), _read(report_path(report))
    files: dict[str, list[tuple[str, str]]] = {name: [] for name in sorted(run.stems, key=lambda name: name == SUM)}
    if clips:
        for cue in run.cues:
            if cue.clip is None:
                raise ProjectError(f"{path}: cue {cue.id!r} has no clip: render with --clips")
            files.setdefault(cue.stem, []).append((cue.id, cue.clip))
    else:
        for name, stem in run.stems.items():
            files[name].append((Path(stem.file).stem, stem.file))
    tracks = [
        Track(name, tuple(item_from_file(_inside(path, file), title) for title, file in listed), muted=name == SUM)
        for name, listed in files.items()
        if listed
    ]
    if not tracks:
        raise ProjectError(f"{path}: this run left nothing to put into a session")
    rate = FrameRate.parse(run.fps) if run.fps else None
    markers = _markers(run)
    return Session(f"{run.show} {run.reel}", rate, run.start_samples, run.sample_rate, tuple(tracks), markers)


def _markers(run: Report) -> tuple[Marker, ...]:
    pops = [
        Marker("2-pop" if pop.start_samples < 0 else "tail pop", run.start_samples + pop.start_samples)
        for pop in run.pops
    ]
    return Marker("programme start", run.start_samples), *pops


def report_path(given: Path) -> Path:
    """The report that a folder or a report's own path means."""
    return given / LATEST_REPORT if os.path.isdir(given) else given


def session_path(report: Path, format: str, clips: bool = False) -> Path:
    """Where a session of a run belongs: beside its sum, named like it.

    Raises:
        ProjectError: see :func:`session_of`.
    """
    path = report_path(report)
    run = _read(path)
    if SUM not in run.stems:
        raise ProjectError(f"{path}: a run without its sum {SUM}; give --out")
    stem = _inside(path, run.stems[SUM].file).stem
    return path.parent / f"{stem}{'_clips' if clips else ''}.{format}"


def _read(path: Path) -> Report:
    try:
        if path.stat().st_size > MOST_REPORT_BYTES:
            raise ProjectError(f"{path}: more than {MOST_REPORT_BYTES // 2**20} MiB; no report of a render")
        run = msgspec.json.decode(path.read_bytes(), type=Report)
    except OSError as problem:
        raise ProjectError(f"{path}: {problem.strerror}; give a render's report or its folder") from problem
    except RecursionError as problem:
        raise ProjectError(f"{path}: not the report of a render (nested too deeply)") from problem
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise ProjectError(f"{path}: not the report of a render ({problem})") from problem
    places = [run.start_samples, *(run.start_samples + pop.start_samples for pop in run.pops)]
    if run.sample_rate < 1 or not all(0 <= place <= LATEST_SAMPLES for place in places):
        raise ProjectError(f"{path}: not the report of a render (a place before 00:00:00:00 or after any day's end)")
    return run


def _inside(report: Path, file: str) -> Path:
    """A file the report lists, in its folder or below."""
    if not file or Path(file).is_absolute() or ".." in Path(file).parts or file != readable(file, most=1024):
        raise ProjectError(f"{report}: {file!r} is not a file beside it")
    return report.parent / file
