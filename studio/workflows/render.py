"""Render a plan with a progress bar, and print the files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import click

from plugin_backend.cache_folder import cache_home
from plugin_backend.errors import MissingExtraError, ProjectError
from render.delivery.deliver import deliver
from render.delivery.incremental.diff import compare, up_to_date_files
from render.engine.cue_cache import CueCache
from render.engine.stream import OFFLINE_CHUNK_FRAMES, STREAM_CHUNK_FRAMES
from render.plan.cache_key import cue_keys
from render.plan.plan import Plan
from render.project.project import Project
from studio.terminal.progress import progress_bar
from studio.terminal.tables import print_changes, print_levels


@dataclass(frozen=True)
class RenderOptions:
    """How a plan is rendered.

    Attributes:
        jobs: number of processes; ``None``: one per processor core.
        streaming: whether cues are decoded in small pieces, as in live playing.
        clips: whether each cue is also written as a file.
        sessions: formats of the sessions to write.
        no_cache: whether the cue cache is left alone.
        explain: whether the changes since the version before are printed.
    """

    jobs: int | None = None
    streaming: bool = False
    clips: bool = False
    sessions: tuple[str, ...] = ()
    no_cache: bool = False
    explain: bool = False


def render_to_disk(plan: Plan, project: Project, out: Path, options: RenderOptions) -> None:
    """Render a plan into a folder. Progress and levels go to standard error; then the files are printed.

    Args:
        plan: what to render.
        project: its project.
        out: the folder.
        options: how to render.

    Raises:
        MissingExtraError: a session format needs a library that is not installed.
        RenderError: the render failed.
        OutputError: the folder cannot be written.
    """
    if "aaf" in options.sessions and find_spec("aaf2") is None:  # an error now, not after an hour
        raise MissingExtraError("writing an AAF", "aaf")
    cache = cue_cache(options.no_cache)
    with progress_bar() as bar:
        task = bar.add_task("rendering", total=plan.length_samples)
        delivery = deliver(
            plan,
            project,
            out,
            jobs=options.jobs or os.cpu_count() or 1,
            chunk_frames=STREAM_CHUNK_FRAMES if options.streaming else OFFLINE_CHUNK_FRAMES,
            progress=lambda samples: bar.advance(task, samples),
            clips=options.clips,
            cache=cache,
            extra_files=partial(write_sessions, options.sessions, out),
        )
    if cache is not None:
        cache.prune()
    for remark in delivery.remarks:
        click.echo(f"note: {remark}", err=True)
    if options.explain and delivery.changes is not None:
        print_changes(delivery.changes)
    print_levels(delivery.measured)
    folders = dict.fromkeys(path.parent for path in delivery.clips.values())
    for path in (*delivery.stems.values(), *folders, delivery.report, delivery.plot, *delivery.extra_files):
        click.echo(path)


def write_sessions(formats: tuple[str, ...], out: Path, report: Path) -> list[Path]:
    """Write sessions of a delivery next to its report; later all of it lies in ``out``."""
    if not formats:
        return []
    from render.session import write_session
    from render.session.from_delivery import session_from_delivery, session_path

    stems = session_from_delivery(report)
    return [write_session(stems, session_path(report, format_), format_, home=out) for format_ in formats]


def is_rendered(plan: Plan, project: Project, out: Path, clips: bool) -> bool:
    """Return whether the newest version in ``out`` is the one that a render would write; if so, print it.

    Args:
        plan, project: what would be rendered.
        out: the folder.
        clips: whether clips are wanted.

    Raises:
        ProjectError: clips are wanted; they are not compared.
    """
    if clips:
        raise ProjectError("--unless-there does not compare clips: leave out one of --unless-there and --clips")
    files = up_to_date_files(plan, project, out)
    for path in files.values():
        click.echo(path)
    if files:
        click.echo(f"note: {out} holds this version already; nothing was rendered", err=True)
    return bool(files)


def explain_without_rendering(plan: Plan, project: Project, out: Path, no_cache: bool, clips: bool) -> None:
    """Print what a render would do.

    Args:
        plan, project: what would be rendered.
        out: the folder.
        no_cache: whether the cue cache is left alone.
        clips: whether each cue would also be written as a file.
    """
    print_changes(compare(plan, project, out, cue_keys(plan), cue_cache(no_cache), clips))


def cue_cache(no_cache: bool) -> CueCache | None:
    """Return the user's cache of decoded cues, or ``None`` if it is not used."""
    return None if no_cache else CueCache(cache_home())
