"""``pisada preset axes`` and ``pisada preset shift``: named directions in the latents."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.options import MODEL_HELP, Examples, bank_option, to_bank_option
from studio.commands.transfer_options import axis_option
from studio.workflows.overwrite_guard import check_folder, check_new


@click.command("axes", cls=Examples, example="pisada preset axes step-gravel")
@click.argument("name", required=False)
@bank_option
@click.option("--find", is_flag=True, help="Find the axes of the bank's presets, and save them in the first --bank.")
@click.option("--model", default="foley", show_default=True, help=f"Whose axes are listed without NAME. {MODEL_HELP}")
@click.option("--overwrite", is_flag=True, help="Replace axes that were found before.")
def axes(name: str | None, banks: tuple[Path, ...], find: bool, model: str, overwrite: bool) -> None:
    """List the axes of a model: named directions along which its presets can be moved. With NAME, the preset's values.

    A value of 1 is one standard deviation over the takes of the bank.
    """
    from studio.workflows.preset_axes import find_and_save, print_axes

    if find:
        find_and_save(name, banks, model, overwrite)
        return
    print_axes(name, banks, model)


@click.command(
    "shift", cls=Examples, example="pisada preset shift step-gravel gravel-bright --to my-bank --axis brightness=1"
)
@click.argument("name")
@click.argument("new")
@to_bank_option
@bank_option
@axis_option
@click.option("--overwrite", is_flag=True, help="Replace a preset of that name in the bank.")
def shift(name: str, new: str, out: Path, banks: tuple[Path, ...], axes: tuple[str, ...], overwrite: bool) -> None:
    """Save NEW: the preset NAME, or a preset file, with its latents moved along named axes."""
    from plugin_backend.errors import ProjectError
    from plugin_backend.transfer.settings import parse_axes
    from presets.axes import needed_axes, shift_preset
    from presets.bank import Bank
    from presets.store import path_of, save_preset

    values = parse_axes(axes)
    if not values:
        raise ProjectError("give --axis NAME=VALUE, as in --axis brightness=1")
    check_new(path_of(new, out), overwrite, other="give another name")
    check_folder(out)
    bank = Bank(banks)
    preset = bank[name]
    header = preset.header
    moved = shift_preset(preset, needed_axes(bank.axes(header.fingerprint), header.codec), values, new)
    path, provenance = save_preset(moved, out, overwrite), moved.header.provenance
    click.echo(f"{path}: {provenance.made if provenance else ''}")
