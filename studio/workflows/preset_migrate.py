"""Migrate presets to another model, and print one line for each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from plugin_backend.codecs.base import Codec
from plugin_backend.errors import CheckpointError, PisadaError, PresetError
from plugin_backend.models.registry import describe_codec, load_codec
from presets.bank import Bank
from presets.migrate import migrate
from presets.preset import Preset
from presets.store import path_of, save_preset
from studio.terminal.progress import progress_bar
from studio.workflows.overwrite_guard import check_new


def migrate_presets(
    names: Sequence[str],
    banks: Sequence[Path],
    out: Path,
    model: str,
    old: str | None,
    sources: Sequence[Path],
    overwrite: bool,
) -> None:
    """Migrate presets; see ``pisada preset migrate --help``.

    Args:
        names: of presets; empty: all presets of the banks.
        banks: where the presets are.
        out: the new bank.
        model: the new model.
        old: the old model; ``None``: the model that a preset names.
        sources: folders to search for recordings.
        overwrite: whether existing presets are replaced.

    Raises:
        PisadaError: a preset could not be migrated; the others are.
    """
    bank, spec = Bank(banks), describe_codec(model)
    presets = [bank[name] for name in names or bank.names]
    to_migrate = [preset for preset in presets if preset.header.fingerprint != spec.fingerprint]
    for preset in presets:
        check_new(path_of(preset.name, out), overwrite, other="give another --to")
    for folder in sources:
        if not folder.is_dir():
            raise PresetError(f"--sources {folder}: not a folder")
    codec = load_codec(model) if to_migrate else None
    models: dict[str, Codec | None] = {}
    failed: list[str] = []
    with progress_bar() as bar:
        task = bar.add_task("migrating", total=len(presets))
        for preset in presets:
            bar.update(task, description=preset.name)
            try:
                if codec is not None and preset in to_migrate:
                    name = old or preset.header.codec
                    if name not in models:
                        models[name] = _old_model(name, preset.header.fingerprint, given=old is not None)
                    click.echo(_migrate_one(preset, codec, models[name], sources, out, overwrite))
                else:
                    click.echo(f"{save_preset(preset, out, overwrite)}: is of this model already, copied")
            except PresetError as problem:
                failed.append(preset.name)
                click.echo(f"note: {problem}", err=True)
            bar.advance(task)
    if failed:
        raise PisadaError(f"{len(failed)} of {len(presets)} presets could not be migrated; the reasons are above")


def _migrate_one(
    preset: Preset, codec: Codec, old: Codec | None, sources: Sequence[Path], out: Path, overwrite: bool
) -> str:
    migrated = migrate(preset, codec, old, sources)
    for remark in migrated.remarks:
        click.echo(f"note: preset '{preset.name}': {remark}", err=True)
    lost_db = migrated.lost_db
    method = "captured again from its recordings" if lost_db is None else f"by its sound, {lost_db} dB lost"
    return f"{save_preset(migrated.preset, out, overwrite)}: {method}"


def _old_model(name: str, fingerprint: str, given: bool) -> Codec | None:
    """Load the old model. A model that was not given on the command line is used only if it made the preset."""
    if given:
        return load_codec(name)
    try:
        return load_codec(name) if describe_codec(name).fingerprint == fingerprint else None
    except CheckpointError:  # a preset may name a model that is not installed
        return None
