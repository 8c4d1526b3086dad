"""``pisada batch``: render many jobs in one run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from studio.commands.options import Examples


@click.command(cls=Examples, example="pisada batch tonight.toml --out stems --workers 4")
@click.argument("jobs", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder for the journal and the jobs' folders."
)
@click.option(
    "--plan", "planning", is_flag=True, help="Print the jobs with estimated time and disk space; write nothing."
)
@click.option("--only", multiple=True, metavar="NAME", help="Render only this job. Repeat for more.")
@click.option(
    "--openjd",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write an Open Job Description template of all jobs into DIR; render nothing.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 512),
    help="How many jobs run at the same time.  [default: one per processor core]",
)
@click.option(
    "--engine",
    type=click.Choice(["pool", "ray"]),
    default="pool",
    show_default=True,
    help="pool: processes on this machine; ray: a Ray cluster.",
)
@click.option(
    "--retries",
    type=click.IntRange(0, 100),
    default=3,
    show_default=True,
    help="How often a job is tried again after an error that may pass.",
)
@click.option(
    "--backoff",
    "backoff_s",
    type=click.FloatRange(0, 3600),
    default=2.0,
    show_default=True,
    help="Seconds before the first retry; each later wait is twice as long.",
)
@click.option(
    "--hang-after",
    "hang_s",
    type=click.FloatRange(1, 86_400),
    default=300.0,
    show_default=True,
    help="Kill a render process that sends nothing for this many seconds.",
)
@click.option("--verify", is_flag=True, help="Read every finished file again, not only its size and time.")
@click.option("--no-cache", is_flag=True, help="Decode every cue; keep no cache for the next run.")
@click.option(
    "--json-log", type=click.Path(path_type=Path), help="File for the events as JSON lines.  [default: DIR/batch.jsonl]"
)
def batch(
    jobs: Path, out: Path, planning: bool, only: tuple[str, ...], openjd: Path | None, verify: bool, **options: Any
) -> None:
    """Render every job of JOBS (TOML or CSV) into its own folder. A second run renders only what is missing."""
    if planning and openjd:
        raise click.UsageError("--plan writes nothing, and --openjd writes a template: give only one of them")
    from studio.workflows.batch import RunOptions, planned_batch, run_to_disk, show_plan, write_template

    plan = planned_batch(jobs, out, only, verify)
    if planning:
        show_plan(plan, out, options["workers"])
    elif openjd:
        write_template(plan, openjd, out)
    else:
        run_to_disk(plan, out, RunOptions(verify=verify, **options))
