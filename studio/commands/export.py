"""``pisada export``: write a model for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from plugin_backend.export import SUFFIXES, check_suffix
from studio.commands.options import Examples
from studio.workflows.overwrite_guard import check_folder, check_new

PARTS = {"onnx": ("encoder", "decoder")}
"""Formats that are written as several files, ``NAME.PART.onnx`` each."""


@click.command(cls=Examples, example="pisada export foley --format nn-tilde --out foley.ts")
@click.argument("model")
@click.option(
    "--format",
    "kind",
    required=True,
    type=click.Choice(list(SUFFIXES)),
    help="The format of the program that will play it.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The file: .ts, .onnx or .nm.")
@click.option("--licence", help="Licence stored in the file.  [default: the factory model's own]")
@click.option("--credit", help="Credit stored in the file.  [default: the factory model's attribution]")
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
def export(model: str, kind: str, out: Path, licence: str | None, credit: str | None, overwrite: bool) -> None:
    """Write MODEL (a factory name or a .safetensors file) for nn~, Neutone FX, ONNX Runtime or LibTorch.

    The file is kept only if it plays the same as Pisada does.
    """
    from plugin_backend.models.registry import describe_codec

    check_suffix(kind, out)
    describe_codec(model)
    check_folder(out.parent)
    names = [f"{out.stem}.{part}{out.suffix}" for part in PARTS.get(kind, ())] or [out.name]
    for name in names:
        check_new(out.with_name(name), overwrite, Path(model))
    from plugin_backend.export.export import export_model

    exported = export_model(model, kind, out, licence, credit)
    for path in exported.paths:
        click.echo(path)
    click.echo(f"differs from our own stream by {exported.deviation_db:.0f} dB of full scale", err=True)
