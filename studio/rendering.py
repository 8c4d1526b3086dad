"""Render with a progress bar, and say where things are."""

from __future__ import annotations

import os
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from render.deliver import deliver
from render.events import Plan
from render.project import Project
from render.stream import OFFLINE_CHUNK_FRAMES, STREAM_CHUNK_FRAMES


def render_to_disk(plan: Plan, project: Project, out: Path, jobs: int | None, streaming: bool) -> None:
    """Deliver ``plan`` into ``out``, showing progress on standard error, then print the files."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("rendering", total=plan.length_samples)
        delivery = deliver(
            plan,
            project,
            out,
            jobs=jobs or os.cpu_count() or 1,
            chunk_frames=STREAM_CHUNK_FRAMES if streaming else OFFLINE_CHUNK_FRAMES,
            progress=lambda samples: bar.advance(task, samples),
        )
    for path in (*delivery.stems.values(), delivery.report, delivery.picture):
        click.echo(path)
