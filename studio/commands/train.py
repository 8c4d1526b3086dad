"""``pisada train``: a model of one's own sounds."""

from __future__ import annotations

import time
from pathlib import Path

import click

from studio.commands.options import Examples


@click.command(cls=Examples, example="pisada train my-recordings --name my-doors --minutes 10")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--name", required=True, help="The model's name: a-z, 0-9, '_', '-', '.'.")
@click.option("--out", type=click.Path(path_type=Path), default="models", show_default=True, help="Folder for it.")
@click.option("--from", "start", default="foley", show_default=True, help="Model to start from, or 'scratch'.")
@click.option("--minutes", type=click.FloatRange(0.01), help="How long to train.  [default: 30, unless --steps]")
@click.option("--steps", type=click.IntRange(1), help="How many steps instead: the same seed, the same weights.")
@click.option("--refine-share", type=click.FloatRange(0, 1), help="Share of an adversarial phase.  [default: 0]")
@click.option(
    "--likeness",
    type=click.FloatRange(0, 1000, min_open=True),
    default=10.0,
    show_default=True,
    help="Weight in that phase of being alike; less sounds more natural and is further from the sound given.",
)
@click.option(
    "--augment",
    type=click.Choice(["musical", "published", "none"]),
    default="musical",
    show_default=True,
    help="Ranges of the random effects.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True, help="Of all that is drawn.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where to compute.",
)
@click.option("--threads", type=click.IntRange(1, 256), help="Processor threads.  [default: one a core]")
@click.option("--patience", type=click.IntRange(0), help="Judgements without progress that end phase one; 0: never.")
@click.option(
    "--hold-out",
    "held_out",
    multiple=True,
    help="A source to judge on and not learn from; may repeat.  [default: what --from held out, else a tenth]",
)
@click.option("--cache", type=click.Path(path_type=Path), help="Where to keep the prepared corpus.")
@click.option("--tensorboard", type=click.Path(path_type=Path), help="Folder for losses and sound examples.")
@click.option("--replace", is_flag=True, help="Train anew over a finished model of this name.")
def train(folder, name, out, replace, device, threads, held_out, cache, tensorboard, **chosen) -> None:
    """Train a model on the recordings in FOLDER; rerun the same command after a stop to go on."""
    began_s = time.monotonic()
    from studio.workflows.train import train_to_disk

    train_to_disk(folder, name, out, chosen, replace, device, threads, held_out, cache, tensorboard, began_s)
