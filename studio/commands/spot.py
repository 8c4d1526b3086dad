"""``pisada spot``: find what should sound in a film, and write a cue sheet with presets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from studio.commands.options import Decorated, Examples, bank_option, named_banks
from studio.workflows.overwrite_guard import check_new

FILM_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--fps", help="Frame rate of the timecode.  [default: the film's own]"),
    click.option(
        "--start-tc",
        "start",
        help="Timecode of the film's first frame.  [default: the film's own, or 00:00:00:00]",
    ),
    click.option(
        "--least-confidence",
        "least",
        type=click.FloatRange(0, 1),
        default=0.3,
        show_default=True,
        help="Leave out what is less sure.",
    ),
    click.option("--overwrite", is_flag=True, help="Replace the files if they exist."),
)


def film_options(command: Decorated) -> Decorated:
    """Add the options that each command on films has."""
    for option in reversed(FILM_OPTIONS):
        command = option(command)
    return command


@click.command(cls=Examples, example="pisada spot reel1.mov --bank my-bank --out reel1.csv --review reel1.html")
@click.argument("film", type=click.Path(path_type=Path))
@bank_option
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The cue sheet to write.")
@click.option(
    "--review",
    type=click.Path(path_type=Path),
    help="Also write this HTML page: each cue with its picture, reasons, alternatives and players.",
)
@click.option(
    "--by-picture",
    is_flag=True,
    help="Also rank the presets by what the picture shows, as `pisada find --image` does.",
)
@film_options
def spot(
    film: Path,
    banks: tuple[Path, ...],
    out: Path,
    review: Path | None,
    by_picture: bool,
    fps: str | None,
    start: str | None,
    least: float,
    overwrite: bool,
) -> None:
    """Find footsteps, doors and drops in FILM, and write a cue sheet with a preset for each.

    What was seen is kept in the cache: a stopped run goes on where it was, and a second one is fast.
    """
    for path in (out, review):
        if path is not None:
            check_new(path, overwrite, film)
    from studio.workflows.spot import SpotOptions
    from studio.workflows.spot import spot as spot_to_sheet

    spot_to_sheet(film, named_banks(banks), out, review, SpotOptions(fps, start, least, by_picture))
