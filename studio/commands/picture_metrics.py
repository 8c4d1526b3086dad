"""``pisada picture-metrics``: measure how well sounds fit the frames of a film."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.find import space_options
from studio.commands.options import Examples


@click.command("picture-metrics", cls=Examples, example="pisada picture-metrics scenes.csv --out fit")
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for metrics.json and report.html.")
@click.option(
    "--distance",
    type=click.Choice(["cosine", "euclidean"]),
    default="cosine",
    show_default=True,
    help="Distance between embeddings.",
)
@click.option(
    "--mode",
    type=click.Choice(["published", "normalised"]),
    default="normalised",
    show_default=True,
    help="published: as in the paper, where the picture hardly matters.",
)
@space_options
def picture_metrics(
    table: Path, out: Path, distance: str, mode: str, space: str | None, weights: Path | None, download: bool
) -> None:
    """Measure how well sounds fit frames: each row of TABLE names a scene, a frame and a sound.

    TABLE is a CSV file with the columns scene, frame, sound, text and rating; the last two may be left out.
    """
    from plugin_backend.evaluation.joint_spaces.base import OFFLINE, open_space
    from plugin_backend.evaluation.picture_fit import agreement, measure, read_rows
    from studio.workflows.overwrite_guard import check_folder
    from studio.workflows.picture_metrics import write_results

    rows = read_rows(table)
    check_folder(out)
    opened = open_space(space or OFFLINE, weights, download)
    fits = measure(rows, opened, distance, mode)
    method = f"Space {opened.space} (licence: {opened.licence}), {distance} distance, {mode}."
    for path in write_results(fits, agreement(fits), method, out):
        click.echo(path)
