"""``pisada batch``: many jobs, overnight."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.options import Examples


@click.command(cls=Examples, example="pisada batch tonight.toml --out stems --workers 4")
@click.argument("jobs", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the jobs' folders and journal.")
@click.option("--plan", "planning", is_flag=True, help="Print the jobs, estimated time and disk; touch nothing.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this job; may be given again.")
@click.option("--openjd", type=click.Path(path_type=Path), metavar="DIR",
              help="Write an Open Job Description template of all jobs into DIR; render nothing.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 512), help="Jobs side by side.  [default: one a core]")
@click.option("--engine", type=click.Choice(["pool", "ray"]), default="pool", show_default=True, help="Who runs them.")
@click.option("--retries", type=click.IntRange(0, 100), default=3, show_default=True, help="For what may pass.")
@click.option("--backoff", "backoff_s", type=click.FloatRange(0, 3600), default=2.0, show_default=True,
              help="Seconds before the first retry; each later wait is twice as long.")  # fmt: skip
@click.option("--hang-after", "hang_s", type=click.FloatRange(1, 86_400), default=300.0, show_default=True,
              help="Seconds of silence after which a render process is killed.")  # fmt: skip
@click.option("--verify", is_flag=True, help="Read every finished file again, not only its size and time.")
@click.option("--no-cache", is_flag=True, help="Decode every cue; keep nothing for the next time.")
@click.option("--json-log", type=click.Path(path_type=Path), help="JSON lines of events.  [default: DIR/batch.jsonl]")
def batch(jobs, out, planning, only, openjd, verify, **options) -> None:
    """Render every job of JOBS (TOML or CSV) into a folder of its own; again, only what is missing."""
    if planning and openjd:
        raise click.UsageError("--plan touches nothing, and --openjd writes a template: give one of them")
    from studio.workflows.batch import planned_batch, run_to_disk, show_plan, write_template

    plan = planned_batch(jobs, out, only, verify)
    if planning:
        show_plan(plan, out, options["workers"])
    elif openjd:
        write_template(plan, openjd, out)
    else:
        run_to_disk(plan, out, verify=verify, **options)
