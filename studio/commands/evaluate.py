"""``pisada evaluate``: measure a model, and write a report with numbers, plots and sounds."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.options import Examples


@click.command(cls=Examples, example="pisada evaluate foley --data recordings --out evaluation")
@click.argument("model")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of sounds to evaluate on.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for metrics.json and report.html.")
@click.option(
    "--clips-per-label",
    type=click.IntRange(1, 100),
    default=4,
    show_default=True,
    help="At most this many clips of each label.",
)
@click.option("--without-visqol", is_flag=True, help="Leave out ViSQOL, the slowest metric.")
@click.option("--all", "everything", is_flag=True, help="Also evaluate on sounds that the model was trained on.")
@click.option("--quick", is_flag=True, help="Use few clips, hits and materials, for a first impression.")
@click.option(
    "--bank",
    is_flag=True,
    help="Also evaluate the factory presets; --data must be the Foley corpus that they were made from.",
)
def evaluate(
    model: str,
    data: Path,
    out: Path,
    clips_per_label: int,
    without_visqol: bool,
    everything: bool,
    quick: bool,
    bank: bool,
) -> None:
    """Evaluate MODEL (a factory name or a .safetensors file) on held-out sounds, next to known anchors."""
    from plugin_backend.corpus.scan import scan_folder
    from plugin_backend.evaluation.data.read_folder import read_folder
    from plugin_backend.models.registry import describe_codec
    from studio.workflows.overwrite_guard import check_folder

    spec = describe_codec(model)
    if not scan_folder(data).files:
        read_folder(data, spec.sample_rate)  # raises the error that names the reason
    check_folder(out)
    from plugin_backend.evaluation.evaluate import Options
    from studio.workflows.evaluate import evaluate_to_disk

    evaluate_to_disk(model, data, out, Options(clips_per_label, not without_visqol, everything, quick), bank)
