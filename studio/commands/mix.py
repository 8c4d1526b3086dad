"""``pisada mix``: a new preset out of others."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.options import Examples, bank_option
from studio.commands.preset_options import fields_of, preset_fields
from studio.workflows.overwrite_guard import check_folder, check_new

METHODS = ("sum", "linear", "spherical", "dominance")


@click.command(cls=Examples, example="pisada mix step-gravel cloth-leather --how dominance --name dusty --to my-bank")
@click.argument("names", nargs=-1, required=True)
@click.option("--name", required=True, help="The new preset's name: a-z, 0-9, '_', '-', '.'.")
@click.option("--to", "out", required=True, type=click.Path(path_type=Path), help="Bank to keep it in, made if absent.")
@click.option("--how", type=click.Choice(METHODS), default="linear", show_default=True, help="'dominance' loses none.")
@click.option("--weight", "weights", multiple=True, type=click.FloatRange(0), help="One per preset, in their order.")
@bank_option
@click.option("--model", default="foley", show_default=True, help="A factory model's name or a .safetensors file.")
@preset_fields
@click.option("--overwrite", is_flag=True, help="Replace a preset of that name in the bank.")
def mix(names, name, out, how, weights, banks, model, overwrite, **words) -> None:
    """Mix two or more presets NAMES, or preset files, in the latent space."""
    from plugin_backend.models.registry import deferred_codec
    from presets.bank import Bank
    from presets.mixing import mix_presets
    from presets.store import path_of, save_preset

    check_new(path_of(name, out), overwrite, other="give another --name")
    check_folder(out)
    source = Bank(banks)
    presets, own = [source[each] for each in names], fields_of(**words)
    preset = mix_presets(presets, deferred_codec(model), name, how, weights or None, **own)
    if "chain" not in own and (left := [each.name for each in presets if each.header.chain != preset.header.chain]):
        click.echo(f"note: effects differ: those of {', '.join(left)} are left out; give --effect", err=True)
    click.echo(f"{save_preset(preset, out, overwrite)}: {len(preset.means)} takes, {preset.header.description}")
