"""``pisada render``: render a cue sheet to stems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from plugin_backend.errors import ProjectError
from studio.commands.delivery_options import delivery_options
from studio.commands.options import Examples, named_banks
from studio.commands.sheet_options import SKIP, sheet_options


@click.command(cls=Examples, example="pisada render reel1.csv --fps 23.976 --start-tc 01:00:00:00 --out stems")
@click.argument("cues", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the stems, report.json and the plot.")
@sheet_options
@SKIP
@click.option(
    "--model",
    "models",
    multiple=True,
    help="The name of a factory model, or a .safetensors file. Repeat for several; then each preset is decoded by the "
    "model that made it.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), help="Project seed; the seed of each cue is derived from it."
)
@click.option(
    "--jobs", type=click.IntRange(1, 64), help="Number of processes to render with.  [default: one per processor core]"
)
@click.option("--stream", "streaming", is_flag=True, help="Decode in small pieces, as live playing does.")
@delivery_options
@click.option("--clips", is_flag=True, help="Also write each cue as a file.")
@click.option(
    "--session",
    "sessions",
    multiple=True,
    type=click.Choice(["rpp", "aaf", "otio"]),
    help="Also write a session of the stems, as `pisada session` does. Repeat for several formats.",
)
@click.option(
    "--no-cache", is_flag=True, help="Decode every cue and render every stem; keep no cache for the next run."
)
@click.option("--explain", is_flag=True, help="Print for every cue why it was rendered or not.")
@click.option(
    "--unless-there", is_flag=True, help="Do nothing if the newest version is the one that would be rendered."
)
@click.option("--dry-run", is_flag=True, help="Print the resolved cue table; write nothing.")
def render(
    cues: Path,
    out: Path | None,
    project_file: Path | None,
    mapping: Path | None,
    banks: tuple[Path, ...],
    models: tuple[str, ...],
    jobs: int | None,
    streaming: bool,
    bits: str | None,
    clips: bool,
    sessions: tuple[str, ...],
    no_cache: bool,
    explain: bool,
    unless_there: bool,
    dry_run: bool,
    **fields: Any,
) -> None:
    """Render CUES (CSV, XLSX, MIDI, a session or an edit list) to Broadcast-WAV stems and their FOLEY sum."""
    from render.cues.cue import ReadOptions
    from render.engine.make_plan import make_plan
    from render.plan.resolve import read_sheet, with_sheet_rate
    from render.project.project import project_from

    if out is None and not dry_run:
        raise ProjectError("give --out DIR for the stems, or --dry-run to see the cue table")
    if out is None and explain:
        raise ProjectError("--explain compares with the newest version in a folder: give --out DIR too")
    fields["bank"] = named_banks(banks)
    fields["mapping"] = str(mapping) if mapping else None
    fields["bits"] = int(bits) if bits else None
    fields |= {"models": list(models)} if len(models) > 1 else {"model": next(iter(models), None)}
    project = project_from(project_file, cues, **fields)
    sheet = read_sheet(cues, project, ReadOptions(partial=True))
    project = with_sheet_rate(project, sheet)
    cache = None
    if not dry_run:
        from studio.workflows.render import cue_cache

        cache = cue_cache(no_cache)
    plan = make_plan(project, sheet, cache)
    for remark in plan.remarks:
        click.echo(f"note: {remark}", err=True)
    if dry_run:
        from studio.terminal.tables import print_cue_table

        print_cue_table(plan, project)
        if explain and out is not None:
            from studio.workflows.render import explain_without_rendering

            explain_without_rendering(plan, project, out, no_cache, clips)
        return
    assert out is not None
    from studio.workflows.render import RenderOptions, is_rendered, render_to_disk

    if unless_there and is_rendered(plan, project, out, clips):
        return
    options = RenderOptions(jobs, streaming, clips, sessions, no_cache, explain)
    render_to_disk(plan, project, out, options)
