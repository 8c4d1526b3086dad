"""``pisada evaluate``: how good a model is, in numbers, pictures and sounds."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.options import Examples


@click.command(cls=Examples, example="pisada evaluate foley --data recordings --out evaluation")
@click.argument("model")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of sounds to judge on.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for metrics.json and report.html.")
@click.option("--clips-per-label", type=click.IntRange(1, 100), default=4, show_default=True, help="At most so many.")
@click.option("--without-visqol", is_flag=True, help="Leave the slowest metric out.")
@click.option("--all", "everything", is_flag=True, help="Judge sounds the model was trained on, too.")
@click.option("--quick", is_flag=True, help="Few clips, hits and materials: a first look.")
@click.option("--bank", is_flag=True, help="Judge the factory presets, too; --data is the Foley corpus they are from.")
def evaluate(model, data, out, clips_per_label, without_visqol, everything, quick, bank) -> None:
    """Judge MODEL (a factory name or a .safetensors file) on held-out sounds, beside known anchors."""
    from plugin_backend.corpus.scan import scan_folder
    from plugin_backend.evaluation.data.read_folder import read_folder
    from plugin_backend.models.registry import describe_codec
    from studio.workflows.overwrite_guard import check_folder

    spec = describe_codec(model)
    if not scan_folder(data).files:
        read_folder(data, spec.sample_rate)  # says why
    check_folder(out)
    from plugin_backend.evaluation.evaluate import Options
    from studio.workflows.evaluate import evaluate_to_disk

    evaluate_to_disk(model, data, out, Options(clips_per_label, not without_visqol, everything, quick), bank)
