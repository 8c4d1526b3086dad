"""Make a session of a delivery on disk: its stems or its clips, at the timecode of their bext chunks."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from plugin_backend.errors import ProjectError
from plugin_backend.text import in_one_line
from render.project.stem_names import SUM
from render.project.timecode import FrameRate
from render.session.media_info import LATEST_SAMPLES, item_from_file
from render.session.model import Marker, Session, Track, readable

LATEST_REPORT = "report.json"
MOST_REPORT_BYTES = 2**28


class Stem(msgspec.Struct):
    """A stem in the report."""

    file: str


class CueRow(msgspec.Struct):
    """A cue in the report. ``clip`` is its own file, relative to the report's folder, if it has one."""

    id: str
    stem: str
    clip: str | None = None


class Pop(msgspec.Struct):
    """A pop in the report. Its start counts from the programme's first sample."""

    start_samples: int


class Report(msgspec.Struct):
    """The fields of a report that a session needs."""

    show: str
    reel: str
    start_samples: int
    sample_rate: int
    stems: dict[str, Stem]
    cues: list[CueRow]
    fps: str | None = None
    pops: list[Pop] = []


def session_from_delivery(report: Path, clips: bool = False) -> Session:
    """Make a session of a delivery.

    It has one track per stem, and FOLEY, their sum, on a muted track. With ``clips`` it has one track per stem with the
    stem's clips.

    Args:
        report: a report, or a folder whose newest report is used.
        clips: use the cues' own files in place of the stems.

    Raises:
        ProjectError: the report is missing or is not a report, has no clips, or lists a file outside its folder.
        AudioFileError: a file in it is missing or unreadable, or has no TimeReference.
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
        raise ProjectError(f"{path}: this run has no files for a session")
    rate = FrameRate.parse(run.fps) if run.fps else None
    markers = _markers(run)
    return Session(f"{run.show} {run.reel}", rate, run.start_samples, run.sample_rate, tuple(tracks), markers)


def _markers(run: Report) -> tuple[Marker, ...]:
    pops = [
        Marker("2-pop" if pop.start_samples < 0 else "tail pop", run.start_samples + pop.start_samples)
        for pop in run.pops
    ]
    return Marker("programme start", run.start_samples), *pops


def report_path(path: Path) -> Path:
    """Return the path of a report. For a folder it is the newest report."""
    return path / LATEST_REPORT if os.path.isdir(path) else path


def session_path(report: Path, format: str, clips: bool = False) -> Path:
    """Return the default path of a session: in the folder of the sum, with the name of the sum.

    Args:
        report: a report, or a folder whose newest report is used.
        format: one of :data:`render.session.FORMATS`.
        clips: the session holds clips.

    Raises:
        ProjectError: see :func:`session_of`.
    """
    path = report_path(report)
    run = _read(path)
    if SUM not in run.stems:
        raise ProjectError(f"{path}: it lists no sum {SUM}; give --out")
    stem = _inside(path, run.stems[SUM].file).stem
    return path.parent / f"{stem}{'_clips' if clips else ''}.{format}"


def _read(path: Path) -> Report:
    try:
        if path.stat().st_size > MOST_REPORT_BYTES:
            raise ProjectError(f"{path}: more than {MOST_REPORT_BYTES // 2**20} MiB; not the report of a render")
        run = msgspec.json.decode(path.read_bytes(), type=Report)
    except OSError as problem:
        raise ProjectError(f"{path}: {problem.strerror}; give a render's report or its folder") from problem
    except RecursionError as problem:
        raise ProjectError(f"{path}: not the report of a render (nested too deeply)") from problem
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise ProjectError(f"{path}: not the report of a render ({in_one_line(problem)})") from problem
    positions = [run.start_samples, *(run.start_samples + pop.start_samples for pop in run.pops)]
    if run.sample_rate < 1 or not all(0 <= position <= LATEST_SAMPLES for position in positions):
        raise ProjectError(
            f"{path}: not the report of a render (a position is before 00:00:00:00 or after the end of any day)"
        )
    return run


def _inside(report: Path, file: str) -> Path:
    """Return the path of a file in the report. It must be in the report's folder or below."""
    if not file or Path(file).is_absolute() or ".." in Path(file).parts or file != readable(file, most=1024):
        raise ProjectError(f"{report}: {file!r} is not a file in its folder")
    return report.parent / file
