"""``pisada presets`` and ``pisada preset``: list, show, play, mix at random and migrate the presets of a bank."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from studio.commands.options import MODEL_HELP, Decorated, Examples, bank_option, to_bank_option
from studio.commands.preset_axes import axes, shift
from studio.commands.transfer_options import axis_option
from studio.workflows.overwrite_guard import check_new

if TYPE_CHECKING:
    from presets.bank import Bank
    from presets.preset import Preset


@click.command(cls=Examples, example="pisada presets --bank my-bank")
@bank_option
def presets(banks: tuple[Path, ...]) -> None:
    """List the presets of a bank."""
    from presets.bank import Bank
    from studio.terminal.tables import print_bank

    print_bank(Bank(banks))


@click.group(epilog="\b\nExample:\n  pisada preset play step-gravel gravel.wav --takes 8")
def preset() -> None:
    """List, show and play presets, move and mix them, or migrate them to another model."""


preset.add_command(axes)
preset.add_command(shift)


def filters(command: Decorated) -> Decorated:
    """Add the options that select presets to a command: ``kind``, ``tags`` and ``material``."""
    for option in (
        click.option("--material", help="Only presets of this material."),
        click.option(
            "--tag", "tags", multiple=True, help="Only presets with this tag. Repeat for presets that have all of them."
        ),
        click.option("--kind", type=click.Choice(["hit", "texture"]), help="Only presets of this kind."),
    ):
        command = option(command)
    return command


@preset.command("list", cls=Examples, example="pisada preset list --material wood --bank my-bank --bank factory")
@bank_option
@filters
def list_presets(banks: tuple[Path, ...], kind: str | None, tags: tuple[str, ...], material: str | None) -> None:
    """List the presets of one or several banks."""
    from presets.bank import Bank
    from studio.terminal.tables import print_bank

    print_bank(_selected(Bank(banks), kind, tags, material))


@preset.command(cls=Examples, example="pisada preset show step-gravel --plot gravel.png")
@click.argument("name")
@bank_option
@click.option("--plot", "--picture", type=click.Path(path_type=Path), help="A new PNG file to draw the latents into.")
@click.option("--overwrite", is_flag=True, help="Replace the plot if it exists.")
def show(name: str, banks: tuple[Path, ...], plot: Path | None, overwrite: bool) -> None:
    """Print all fields of NAME, a preset of the bank or a file, and draw its latents."""
    from presets.bank import Bank
    from studio.terminal.preset_plot import draw_latents
    from studio.terminal.tables import print_preset

    if plot is not None:
        check_new(plot, overwrite)
    found = Bank(banks)[name]
    print_preset(found)
    if plot is not None:
        draw_latents(plot, found)
        click.echo(plot)


@preset.command(cls=Examples, example="pisada preset play step-gravel gravel.wav --takes 8")
@click.argument("name")
@click.argument("out", type=click.Path(path_type=Path), required=False)
@bank_option
@click.option(
    "--takes",
    type=click.IntRange(1, 512),
    default=4,
    show_default=True,
    help="How many takes to play, one after another.",
)
@click.option(
    "--gap-s", type=click.FloatRange(0, 60), default=0.3, show_default=True, help="Silence between takes, in seconds."
)
@click.option(
    "--texture-s",
    type=click.FloatRange(0.1, 600),
    default=5.0,
    show_default=True,
    help="Length of each take of a texture, in seconds.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=0, help="Decides which takes play, and their variation."
)
@click.option(
    "--effort",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="How hard a hit is struck: its timbre, not its level; 1 is as recorded.",
)
@axis_option
@click.option("--model", help=f"{MODEL_HELP}  [default: the preset's]")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
def play(
    name: str,
    out: Path | None,
    banks: tuple[Path, ...],
    takes: int,
    gap_s: float,
    texture_s: float,
    seed: int,
    effort: float,
    axes: tuple[str, ...],
    model: str | None,
    overwrite: bool,
) -> None:
    """Play takes of NAME, a preset of the bank or a file, into OUT.wav (32-bit float) or to the default device."""
    from plugin_backend.transfer.settings import parse_axes
    from studio.workflows.preset_play import PlayOptions, play_takes

    options = PlayOptions(takes, gap_s, texture_s, seed, parse_axes(axes), effort)
    if out is not None:
        check_new(out, overwrite)
    play_takes(name, banks, out, model, options)


@preset.command(cls=Examples, example="pisada preset random --name porch --to my-bank --material wood --seed 7")
@click.option("--name", required=True, help="The new preset's name: a-z, 0-9, '_', '-', '.'.")
@to_bank_option
@bank_option
@filters
@click.option(
    "--of", "count", type=click.IntRange(2, 16), default=2, show_default=True, help="How many presets are mixed."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    help="Decides which presets are mixed, and their weights; the same seed gives the same preset.  [default: any]",
)
@click.option("--model", default="foley", show_default=True, help=MODEL_HELP)
@click.option("--overwrite", is_flag=True, help="Replace a preset of that name in the bank.")
def random(
    name: str,
    out: Path,
    banks: tuple[Path, ...],
    kind: str | None,
    tags: tuple[str, ...],
    material: str | None,
    count: int,
    seed: int | None,
    model: str,
    overwrite: bool,
) -> None:
    """Mix some presets of the bank at random into a new preset. The presets are hits, unless --kind says otherwise."""
    import secrets

    from plugin_backend.models.registry import deferred_codec
    from presets.bank import Bank
    from presets.random_mix import random_preset
    from presets.store import path_of, save_preset

    check_new(path_of(name, out), overwrite, other="give another --name")
    among = _selected(Bank(banks), kind or "hit", tags, material)
    mixed = random_preset(among, deferred_codec(model), name, secrets.randbits(31) if seed is None else seed, count)
    path, provenance = save_preset(mixed, out, overwrite), mixed.header.provenance
    click.echo(f"{path}: {provenance.made if provenance else ''}")


@preset.command(cls=Examples, example="pisada preset migrate --bank old-bank --to my-bank --from old-foley.safetensors")
@click.argument("names", nargs=-1)
@click.option(
    "--to",
    "out",
    required=True,
    type=click.Path(path_type=Path),
    help="New bank for the presets; it is made if it is absent.",
)
@bank_option
@click.option("--model", default="foley", show_default=True, help=f"The new model. {MODEL_HELP}")
@click.option("--from", "old", help="The presets' old model.  [default: the model they name, if it is unchanged]")
@click.option(
    "--sources",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder to search for the presets' recordings, with all folders in it. Repeat for more.",
)
@click.option("--overwrite", is_flag=True, help="Replace presets of these names in the bank.")
def migrate(
    names: tuple[str, ...],
    out: Path,
    banks: tuple[Path, ...],
    model: str,
    old: str | None,
    sources: tuple[Path, ...],
    overwrite: bool,
) -> None:
    """Migrate presets NAMES, or all presets of the bank, to another model.

    If a preset's recordings are found unchanged, it is captured again from them. Otherwise the old model decodes the
    preset, the new model encodes the result, and the loss is printed.
    """
    from studio.workflows.preset_migrate import migrate_presets

    migrate_presets(names, banks, out, model, old, sources, overwrite)


def _selected(bank: Bank, kind: str | None, tags: tuple[str, ...], material: str | None) -> list[Preset]:
    from plugin_backend.errors import PresetError

    found = [
        preset
        for preset in bank
        if kind in (None, preset.header.kind)
        and set(tags) <= set(preset.header.tags)
        and material in (None, preset.header.material)
    ]
    if not found:
        raise PresetError(f"{bank.folder_list}: no preset of this kind, with these tags and of this material")
    return found
