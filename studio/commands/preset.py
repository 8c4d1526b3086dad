"""``pisada preset``: what a bank holds, looked at, heard, made up and brought over to another model."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.options import Examples, bank_option
from studio.workflows.overwrite_guard import check_new

MODEL_HELP = "A factory model's name or a .safetensors file."


@click.group(epilog="\b\nExample:\n  pisada preset play step-gravel gravel.wav --takes 8")
def preset() -> None:
    """List, show, play, make up and migrate presets."""


def filters(command):
    """Give a command the options that presets are chosen by: ``kind``, ``tags`` and ``material``."""
    for option in (
        click.option("--material", help="Only of this material."),
        click.option("--tag", "tags", multiple=True, help="Only with this tag; may repeat: with all of them."),
        click.option("--kind", type=click.Choice(["hit", "texture"]), help="Only of this kind."),
    ):
        command = option(command)
    return command


@preset.command("list", cls=Examples, example="pisada preset list --material wood --bank my-bank --bank factory")
@bank_option
@filters
def list_presets(banks, kind, tags, material) -> None:
    """List the presets of a bank, or of several."""
    from presets.bank import Bank
    from studio.terminal.tables import print_bank

    print_bank(_chosen(Bank(banks), kind, tags, material))


@preset.command(cls=Examples, example="pisada preset show step-gravel --picture gravel.png")
@click.argument("name")
@bank_option
@click.option("--picture", type=click.Path(path_type=Path), help="Draw its latents into this PNG file, new.")
@click.option("--overwrite", is_flag=True, help="Replace the picture if it is there.")
def show(name, banks, picture, overwrite) -> None:
    """Print all fields of NAME, a preset of the bank or a file, and draw its latents."""
    from presets.bank import Bank
    from studio.terminal.preset_plot import draw_latents
    from studio.terminal.tables import print_preset

    if picture is not None:
        check_new(picture, overwrite)
    found = Bank(banks)[name]
    print_preset(found)
    if picture is not None:
        draw_latents(picture, found)
        click.echo(picture)


@preset.command(cls=Examples, example="pisada preset play step-gravel gravel.wav --takes 8")
@click.argument("name")
@click.argument("out", type=click.Path(path_type=Path), required=False)
@bank_option
@click.option("--takes", type=click.IntRange(1, 512), default=4, show_default=True, help="How many, one after another.")
@click.option("--gap-s", type=click.FloatRange(0, 60), default=0.3, show_default=True, help="Silence between, seconds.")
@click.option(
    "--texture-s", type=click.FloatRange(0.1, 600), default=5.0, show_default=True, help="Seconds of a texture's take."
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, help="Which takes, and how they vary.")
@click.option("--model", help=f"{MODEL_HELP}  [default: the preset's]")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it is there.")
def play(name, out, banks, takes, gap_s, texture_s, seed, model, overwrite) -> None:
    """Play takes of NAME, a preset of the bank or a file, into OUT.wav (32-bit float), or to the default device."""
    from studio.workflows.preset_play import play_takes

    if out is not None:
        check_new(out, overwrite)
    play_takes(name, banks, out, takes, gap_s, texture_s, seed, model)


@preset.command(cls=Examples, example="pisada preset random --name porch --to my-bank --material wood --seed 7")
@click.option("--name", required=True, help="The new preset's name: a-z, 0-9, '_', '-', '.'.")
@click.option("--to", "out", required=True, type=click.Path(path_type=Path), help="Bank to keep it in, made if absent.")
@bank_option
@filters
@click.option("--of", "count", type=click.IntRange(2, 16), default=2, show_default=True, help="How many are mixed.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Which, and how; the same again.  [default: any]")
@click.option("--model", default="foley", show_default=True, help=MODEL_HELP)
@click.option("--overwrite", is_flag=True, help="Replace a preset of that name in the bank.")
def random(name, out, banks, kind, tags, material, count, seed, model, overwrite) -> None:
    """Make up a preset: some of the bank, mixed by weights that the seed draws. Of kind hit unless told otherwise."""
    import secrets

    from plugin_backend.models.registry import deferred_codec
    from presets.bank import Bank
    from presets.random_mix import random_preset
    from presets.store import path_of, save_preset

    check_new(path_of(name, out), overwrite, other="give another --name")
    among = _chosen(Bank(banks), kind or "hit", tags, material)
    made = random_preset(among, deferred_codec(model), name, secrets.randbits(31) if seed is None else seed, count)
    click.echo(f"{save_preset(made, out, overwrite)}: {made.header.provenance.made}")


@preset.command(cls=Examples, example="pisada preset migrate --bank old-bank --to my-bank --from old-foley.safetensors")
@click.argument("names", nargs=-1)
@click.option("--to", "out", required=True, type=click.Path(path_type=Path), help="Their new bank, made if absent.")
@bank_option
@click.option("--model", default="foley", show_default=True, help=f"They shall be of this one: {MODEL_HELP}")
@click.option("--from", "old", help="The model they are of.  [default: the one they name, where it is theirs]")
@click.option(
    "--sources",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder where their recordings may lie, at any depth; may repeat.",
)
@click.option("--overwrite", is_flag=True, help="Replace presets of their names in the bank.")
def migrate(names, out, banks, model, old, sources, overwrite) -> None:
    """Bring presets NAMES, or all of the bank, over to another model.

    A preset is captured anew where its recordings are found as they were; else what the old model makes of it is
    encoded by the new one, and what is lost is told.
    """
    from studio.workflows.preset_migrate import migrate_presets

    migrate_presets(names, banks, out, model, old, sources, overwrite)


def _chosen(bank, kind: str | None, tags: tuple[str, ...], material: str | None) -> list:
    from plugin_backend.errors import PresetError

    found = [
        own
        for own in bank
        if kind in (None, own.header.kind)
        and set(tags) <= set(own.header.tags)
        and material in (None, own.header.material)
    ]
    if not found:
        raise PresetError(f"{bank.folder_list}: no preset of this kind, with these tags and of this material")
    return found
