"""Render with a progress bar, and say where things are."""

from __future__ import annotations

import os
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import click

from plugin_backend.errors import MissingExtraError, ProjectError
from render.delivery.deliver import deliver
from render.delivery.incremental.diff import compare, up_to_date_files
from render.engine.cue_cache import CueCache, cache_home
from render.engine.stream import OFFLINE_CHUNK_FRAMES, STREAM_CHUNK_FRAMES
from render.plan.cache_key import cue_keys
from render.plan.plan import Plan
from render.project.project import Project
from studio.terminal.progress import progress_bar
from studio.terminal.tables import print_changes, print_levels


def render_to_disk(
    plan: Plan,
    project: Project,
    out: Path,
    jobs: int | None,
    streaming: bool,
    clips: bool,
    sessions: tuple[str, ...],
    no_cache: bool,
    explain: bool,
) -> None:
    """Deliver ``plan`` into ``out``, showing progress and levels on standard error, then print the files."""
    if "aaf" in sessions and find_spec("aaf2") is None:  # told now, not after an hour
        raise MissingExtraError("writing an AAF", "aaf")
    cache = cue_cache(no_cache)
    with progress_bar() as bar:
        task = bar.add_task("rendering", total=plan.length_samples)
        delivery = deliver(
            plan,
            project,
            out,
            jobs=jobs or os.cpu_count() or 1,
            chunk_frames=STREAM_CHUNK_FRAMES if streaming else OFFLINE_CHUNK_FRAMES,
            progress=lambda samples: bar.advance(task, samples),
            clips=clips,
            cache=cache,
            beside=partial(_sessions, sessions, out),
        )
    if cache is not None:
        cache.prune()
    for remark in delivery.remarks:
        click.echo(f"note: {remark}", err=True)
    if explain:
        print_changes(delivery.changes)
    print_levels(delivery.measured)
    folders = dict.fromkeys(path.parent for path in delivery.clips.values())
    for path in (*delivery.stems.values(), *folders, delivery.report, delivery.picture, *delivery.beside):
        click.echo(path)


def _sessions(formats: tuple[str, ...], out: Path, report: Path) -> list[Path]:
    """Sessions of a delivery, written beside its report; all of it will lie in ``out``."""
    if not formats:
        return []
    from render.session import write_session
    from render.session.from_delivery import session_from_delivery, session_path

    stems = session_from_delivery(report)
    return [write_session(stems, session_path(report, format), format, home=out) for format in formats]


def is_rendered(plan: Plan, project: Project, out: Path, clips: bool) -> bool:
    """Whether the newest version in ``out`` is what a render would leave; then that is said.

    Raises:
        ProjectError: clips are wanted too, which are not looked for.
    """
    if clips:
        raise ProjectError("--unless-there does not look for clips: leave it out, or --clips")
    there = up_to_date_files(plan, project, out)
    for path in there.values():
        click.echo(path)
    if there:
        click.echo(f"note: {out} holds just this already; nothing was rendered", err=True)
    return bool(there)


def explain_without_rendering(plan: Plan, project: Project, out: Path, no_cache: bool, clips: bool) -> None:
    """Say what a render into ``out`` would do."""
    print_changes(compare(plan, project, out, cue_keys(plan), cue_cache(no_cache), clips))


def cue_cache(no_cache: bool) -> CueCache | None:
    """The user's cache of decoded cues; none if it is not to be used."""
    return None if no_cache else CueCache(cache_home())
