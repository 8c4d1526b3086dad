"""``pisada cues from-video``: write a cue for every footstep, door and drop of a film."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.options import Examples
from studio.commands.spot import film_options
from studio.workflows.overwrite_guard import check_new


@click.command("from-video", cls=Examples, example="pisada cues from-video reel1.mov --preset step-gravel")
@click.argument("film", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The cue sheet to write.  [default: the name of FILM with .csv, in the current folder]",
)
@click.option("--preset", default="step-stone", show_default=True, help="The preset of every footstep.")
@film_options
def from_video(
    film: Path, out: Path | None, preset: str, fps: str | None, start: str | None, least: float, overwrite: bool
) -> None:
    """Find footsteps, doors and drops in FILM, and write a cue sheet with the time of each.

    The presets are the same for all; `pisada spot` chooses them by the picture.
    """
    out = out or Path(f"{film.stem}.csv")
    check_new(out, overwrite, film)
    from studio.workflows.spot import SpotOptions, cues_from_video

    cues_from_video(film, out, preset, SpotOptions(fps, start, least))
