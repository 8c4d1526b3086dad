"""``pisada mix``: make a new preset from others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from studio.commands.options import MODEL_HELP, Examples, bank_option, to_bank_option
from studio.commands.preset_options import fields_of, preset_fields
from studio.workflows.overwrite_guard import check_folder, check_new

METHODS = ("sum", "linear", "spherical", "dominance")


@click.command(cls=Examples, example="pisada mix step-gravel cloth-leather --how dominance --name dusty --to my-bank")
@click.argument("names", nargs=-1, required=True)
@click.option("--name", required=True, help="The new preset's name: a-z, 0-9, '_', '-', '.'.")
@to_bank_option
@click.option(
    "--how",
    "method",
    type=click.Choice(METHODS),
    default="linear",
    show_default=True,
    help="Method of mixing latents; dominance keeps the strongest of each preset, so that none is lost.",
)
@click.option(
    "--weight", "weights", multiple=True, type=click.FloatRange(0), help="Weight of each preset, in their order."
)
@bank_option
@click.option("--model", default="foley", show_default=True, help=MODEL_HELP)
@preset_fields
@click.option("--overwrite", is_flag=True, help="Replace a preset of that name in the bank.")
def mix(
    names: tuple[str, ...],
    name: str,
    out: Path,
    method: str,
    weights: tuple[float, ...],
    banks: tuple[Path, ...],
    model: str,
    overwrite: bool,
    **fields: Any,
) -> None:
    """Mix two or more presets NAMES, or preset files, in the latent space."""
    from plugin_backend.models.registry import deferred_codec
    from presets.bank import Bank
    from presets.mixing import mix_presets
    from presets.store import path_of, save_preset

    check_new(path_of(name, out), overwrite, other="give another --name")
    check_folder(out)
    bank = Bank(banks)
    presets, header = [bank[source] for source in names], fields_of(**fields)
    preset = mix_presets(presets, deferred_codec(model), name, method, weights or None, **header)
    dropped = [source.name for source in presets if source.header.chain != preset.header.chain]
    if "chain" not in header and dropped:
        click.echo(f"note: effects differ: those of {', '.join(dropped)} are left out; give --effect", err=True)
    click.echo(f"{save_preset(preset, out, overwrite)}: {len(preset.means)} takes, {preset.header.description}")
