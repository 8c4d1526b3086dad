"""``pisada export``: a model for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from studio.examples import Examples

KINDS = ["torchscript", "nn-tilde", "onnx", "neutone"]


@click.command(cls=Examples, example="pisada export foley --format nn-tilde --out foley.ts")
@click.argument("model")
@click.option("--format", "kind", required=True, type=click.Choice(KINDS), help="Who is to play it.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The file: .ts, .onnx or .nm.")
@click.option("--licence", help="Kept in the file.  [default: the factory model's own]")
@click.option("--credit", help="Kept in the file.  [default: the factory model's attribution]")
def export(model, kind, out, licence, credit) -> None:
    """Write MODEL (a factory name or a .safetensors file) for nn~, Neutone FX, ONNX Runtime or LibTorch.

    What the file plays is compared with what Pisada plays before it is kept.
    """
    from plugin_backend.interop.export import export_model

    done = export_model(model, kind, out, licence, credit)
    for path in done.paths:
        click.echo(path)
    click.echo(f"differs from our own stream by {done.deviation_db:.0f} dB of full scale", err=True)
