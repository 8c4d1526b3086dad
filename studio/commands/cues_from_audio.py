"""``pisada cues from-audio``: write a cue for every hit of a guide track."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.options import Examples
from studio.workflows.overwrite_guard import check_new


@click.command(
    "from-audio",
    cls=Examples,
    example="pisada cues from-audio guide.wav --preset step-gravel --fps 23.976 --start-tc 01:00:00:00",
)
@click.argument("guide", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The cue sheet to write.  [default: the name of GUIDE with .csv, in the current folder]",
)
@click.option("--overwrite", is_flag=True, help="Replace the sheet if it exists.")
@click.option("--stem", default="FEET", show_default=True, help="The stem of every cue.")
@click.option("--preset", default="step-stone", show_default=True, help="The preset of every cue.")
@click.option(
    "--sensitivity",
    type=click.FloatRange(0.1, 10),
    default=1.0,
    show_default=True,
    help="2 finds rises half as steep; 0.5 finds only rises twice as steep.",
)
@click.option(
    "--min-gap-ms",
    type=click.FloatRange(20, 5000),
    default=150.0,
    show_default=True,
    help="Shortest time between two hits; an onset that comes sooner belongs to the hit before it. "
    "50 separates heel and toe.",
)
@click.option("--fps", help="Frame rate: 23.976, 24, 25, 29.97df, 29.97ndf, 30, …")
@click.option("--start-tc", "start", help="Timecode of the programme's first frame.")
def from_audio(
    guide: Path,
    out: Path | None,
    overwrite: bool,
    stem: str,
    preset: str,
    sensitivity: float,
    min_gap_ms: float,
    fps: str | None,
    start: str | None,
) -> None:
    """Find the hits in GUIDE, a production or guide track, and write a cue sheet with the time and level of each.

    With --fps, the timestamp of a Broadcast-WAV guide decides its place; any other guide starts with the programme.
    """
    from plugin_backend.hit_detection import Sensitivity
    from render.cues.write import write_cues
    from render.project.project import Project
    from render.spotting import cues_of_guide

    out = out or Path(f"{guide.stem}.csv")
    check_new(out, overwrite, guide)
    clock = Project(fps=fps, start=start).clock()
    sheet = cues_of_guide(guide, clock, stem, preset, Sensitivity(sensitivity, min_gap_ms))
    for remark in sheet.remarks:
        click.echo(f"note: {remark}", err=True)
    write_cues(sheet, out, clock)
    flags = f", with --fps {clock.rate.name} --start-tc {clock.label_at(0)}" if clock.rate else ""
    click.echo(f"{out}: {len(sheet.cues)} cues; render it{flags}")
