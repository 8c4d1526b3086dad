"""``pisada import-rave``: use a RAVE model as a codec."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.options import Examples


@click.command("import-rave", cls=Examples, example="pisada import-rave voices_streaming.ts --trust --name voices")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--trust", is_flag=True, help="You know who made the file: a TorchScript file can run any code as you.")
@click.option("--name", help="The model's name in presets.  [default: the file's name]")
def import_rave(model: Path, trust: bool, name: str | None) -> None:
    """Make MODEL.ts, a RAVE export (--streaming), usable as a codec: --model NAME.rave.json for capture, mix, render.

    A TorchScript file runs the code in it, with your rights, when it is loaded. Without --trust nothing of it is
    loaded. Its content is remembered: when the file changes, it must be trusted again.
    """
    from plugin_backend.models.rave import importer as rave_import
    from plugin_backend.models.rave.card import read_card

    if trust and model.is_file():
        click.echo(f"warning: {model} is about to run as you, because you trust it", err=True)
    path = rave_import.import_rave(model, trust, name)
    card = read_card(path)
    click.echo(path)
    click.echo(
        f"{card.latent_dim} latents every {card.hop_samples} samples at {card.sample_rate} Hz, "
        f"{card.latency_samples} samples of latency (measurements differ by {card.latency_spread_samples})",
        err=True,
    )
