"""``pisada train``: train a model on your own sounds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from studio.commands.options import Examples


@click.command(cls=Examples, example="pisada train my-recordings --name my-doors --minutes 10")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--name", required=True, help="The model's name: a-z, 0-9, '_', '-', '.'.")
@click.option(
    "--out", type=click.Path(path_type=Path), default="models", show_default=True, help="Folder for the model."
)
@click.option("--from", "start", help="Model to start from, or 'scratch'.  [default: foley]")
@click.option(
    "--family",
    help="Train a new vector model of this family on sounds of fixed length: 'spectral-vae' or 'mclt-vae'. FOLDER may "
    "hold notes in NSynth's layout.",
)
@click.option("--configuration", help="Which model of the family.  [default: the family's first]")
@click.option(
    "--minutes", type=click.FloatRange(0.01), help="Training time in minutes.  [default: 30, unless --steps is given]"
)
@click.option(
    "--steps",
    type=click.IntRange(1),
    help="Number of steps in place of a time; the same seed then gives the same weights.",
)
@click.option(
    "--refine-share",
    type=click.FloatRange(0, 1),
    help="Share of the training that is an adversarial phase at the end.  [default: 0]",
)
@click.option(
    "--likeness",
    type=click.FloatRange(0, 1000, min_open=True),
    help="Weight of the reconstruction loss in the adversarial phase. Less sounds more natural, but is less like the "
    "input.  [default: 10]",
)
@click.option(
    "--augment",
    type=click.Choice(["musical", "published", "none"]),
    default="musical",
    show_default=True,
    help="Ranges of the random effects on the training sounds.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True, help="Seed of all random choices."
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Device to compute on.",
)
@click.option(
    "--threads", type=click.IntRange(1, 256), help="Number of processor threads.  [default: one per processor core]"
)
@click.option(
    "--patience",
    type=click.IntRange(0),
    help="End phase one after this many validations without progress; 0: never.",
)
@click.option(
    "--hold-out",
    "held_out",
    multiple=True,
    help="A source for validation, which is not trained on. Repeat for more.  "
    "[default: the sources that the --from model held out, else a tenth]",
)
@click.option("--cache", type=click.Path(path_type=Path), help="Folder for the prepared corpus.")
@click.option("--tensorboard", type=click.Path(path_type=Path), help="Folder for TensorBoard: losses and examples.")
@click.option("--replace", is_flag=True, help="Train a finished model of this name again from the start.")
def train(
    folder: Path,
    name: str,
    out: Path,
    replace: bool,
    device: str,
    threads: int | None,
    held_out: tuple[str, ...],
    cache: Path | None,
    tensorboard: Path | None,
    **options: Any,
) -> None:
    """Train a model on the recordings in FOLDER. After a stop, run the same command again to go on."""
    began_s = time.monotonic()
    from studio.workflows.train import RunOptions, train_to_disk
    from studio.workflows.train_vectors import train_vectors_to_disk

    run = RunOptions(replace, device, threads, held_out, cache, tensorboard, began_s)
    train_any = train_to_disk if options["family"] is None else train_vectors_to_disk
    train_any(folder, name, out, options, run)
