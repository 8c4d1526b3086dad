"""``pisada cues from-audio``: a cue at every hit of a guide track."""

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
@click.option("--out", type=click.Path(path_type=Path), help="Sheet to write.  [default: GUIDE's name, .csv, here]")
@click.option("--overwrite", is_flag=True, help="Replace the sheet if it is there.")
@click.option("--stem", default="FEET", show_default=True, help="The stem of every cue.")
@click.option("--preset", default="step-stone", show_default=True, help="The preset of every cue.")
@click.option(
    "--sensitivity",
    type=click.FloatRange(0.1, 10),
    default=1.0,
    show_default=True,
    help="2 finds rises half as steep, 0.5 wants them twice as steep.",
)
@click.option(
    "--min-gap-ms",
    type=click.FloatRange(20, 5000),
    default=150.0,
    show_default=True,
    help="What follows a hit sooner belongs to it; 50 parts heel and toe.",
)
@click.option("--fps", help="Frame rate: 23.976, 24, 25, 29.97df, 29.97ndf, 30, …")
@click.option("--start-tc", "start", help="Timecode of the programme's first frame.")
def from_audio(guide, out, overwrite, stem, preset, sensitivity, min_gap_ms, fps, start) -> None:
    """Find the hits in GUIDE, a production or guide track, and write a cue sheet: onset and strength of each.

    A Broadcast-WAV guide lies where its timestamp says once --fps is given; any other begins with the programme.
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
    begin = f", with --fps {clock.rate.name} --start-tc {clock.label_at(0)}" if clock.rate else ""
    click.echo(f"{out}: {len(sheet.cues)} cues; render it{begin}")
