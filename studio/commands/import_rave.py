"""``pisada import-rave``: somebody's RAVE model as a codec of ours."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.options import Examples


@click.command("import-rave", cls=Examples, example="pisada import-rave voices_streaming.ts --trust --name voices")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--trust", is_flag=True, help="You know its maker: a TorchScript file can run any code as you.")
@click.option("--name", help="What presets shall call it.  [default: the file's name]")
def import_rave(model, trust, name) -> None:
    """Make MODEL.ts, a RAVE export (--streaming), a codec: --model NAME.rave.json for capture, mix and render.

    A TorchScript file runs the code in it, with your rights, when it is loaded. Without --trust nothing of it
    is loaded. Its content is remembered: when the file changes it must be trusted again.
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
        f"{card.latency_samples} samples of latency (measurements lay {card.latency_spread_samples} apart)",
        err=True,
    )
