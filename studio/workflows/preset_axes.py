"""List the axes of a model and the values of a preset, or find the axes of a bank."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from plugin_backend.errors import ProjectError
from plugin_backend.models.registry import describe_codec, load_codec
from plugin_backend.transfer.parameters import AXES
from presets.axes import SUFFIX, needed_axes, save_axes
from presets.bank import Bank, folders_of
from presets.find_axes import find_axes
from studio.terminal.tables import print_table
from studio.workflows.overwrite_guard import check_folder, check_new


def print_axes(name: str | None, banks: Sequence[Path], model: str) -> None:
    """Print each axis with its range, what a step of 1 changes, and the share of presets that follow it.

    Args:
        name: a preset whose values are printed too, or ``None``.
        banks: where the preset and the axes are looked up.
        model: whose axes are printed if there is no preset.

    Raises:
        PresetError: there is no such preset, or no bank has axes of its model.
        CheckpointError: there is no such model.
    """
    bank, values = Bank(banks), {}
    if name is None:
        spec = describe_codec(model)
        axes = needed_axes(bank.axes(spec.fingerprint), spec.name)
    else:
        preset = bank[name]
        axes = needed_axes(bank.axes(preset.header.fingerprint), preset.header.codec)
        values = axes.of_preset(preset)
    rows = []
    for axis in axes.header.axes:
        row = AXES[axis.name]
        shown = (f"{values[axis.name]:+.2f}",) if values else ()
        step = f"{axis.effect:+.2g} {axis.unit}"
        rows.append((axis.name, *shown, f"{row.low:g} … {row.high:g}", step, f"{100 * axis.monotone:.0f} %", row.doc))
    print_table(("axis", *(("value",) if values else ()), "range", "a step of 1", "obeyed by", ""), rows)


def find_and_save(name: str | None, banks: Sequence[Path], model: str, overwrite: bool) -> None:
    """Find the axes of a model from the bank's presets, and save them in the first bank.

    Args:
        name: must be ``None``.
        banks: at least one folder.
        model: of the presets.
        overwrite: whether earlier axes are replaced.

    Raises:
        ProjectError: a preset or no bank is given.
        PresetError: a preset is of another model, or no axes are found.
        OutputError: there are axes already, or the folder cannot be written.
    """
    if name is not None:
        raise ProjectError("--find takes all presets of the bank: give no NAME")
    if not banks:
        raise ProjectError("--find saves the axes in a bank: give --bank DIR")
    folder = folders_of(banks)[0]
    path = folder / f"{describe_codec(model).name}{SUFFIX}"
    check_new(path, overwrite, other="give another --bank")
    check_folder(folder)
    axes, trials = find_axes(Bank(banks), load_codec(model), report=lambda line: click.echo(line, err=True))
    dropped = [trial.name for trial in trials if not trial.kept]
    left = f"; too few presets follow {', '.join(dropped)}" if dropped else ""
    click.echo(f"{save_axes(axes, folder)}: {', '.join(axes.names)}{left}")
