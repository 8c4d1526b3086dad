"""Presets brought over to another model, one line each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from plugin_backend.codecs.base import Codec
from plugin_backend.errors import CheckpointError, PisadaError, PresetError
from plugin_backend.models.registry import describe_codec, load_codec
from presets.bank import Bank
from presets.migrate import migrate
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
    """See ``pisada preset migrate --help``."""
    bank, spec = Bank(banks), describe_codec(model)
    presets = [bank[name] for name in names or bank.names]
    waiting = [preset for preset in presets if preset.header.fingerprint != spec.fingerprint]
    for preset in presets:
        check_new(path_of(preset.name, out), overwrite, other="give another --to")
    for folder in sources:
        if not folder.is_dir():
            raise PresetError(f"--sources {folder}: is no folder")
    codec, models, failed = load_codec(model) if waiting else None, {}, []
    with progress_bar() as bar:
        task = bar.add_task("migrating", total=len(presets))
        for preset in presets:
            bar.update(task, description=preset.name)
            try:
                click.echo(_migrated(preset, codec, out, old, sources, models, overwrite) if preset in waiting else
                           f"{save_preset(preset, out, overwrite)}: is of this model already, copied")  # fmt: skip
            except PresetError as problem:
                failed.append(preset.name)
                click.echo(f"note: {problem}", err=True)
            bar.advance(task)
    if failed:
        raise PisadaError(f"{len(failed)} of {len(presets)} presets could not be brought over, as told above")


def _migrated(
    preset, codec: Codec, out: Path, old: str | None, sources: Sequence[Path], models: dict, overwrite: bool
) -> str:
    named = old or preset.header.codec
    if named not in models:
        models[named] = _own_model(named, preset.header.fingerprint, given=old is not None)
    done = migrate(preset, codec, models[named], sources)
    for remark in done.remarks:
        click.echo(f"note: preset '{preset.name}': {remark}", err=True)
    how = "captured anew from its recordings" if done.lost_db is None else f"by its sound, {done.lost_db} dB lost"
    return f"{save_preset(done.preset, out, overwrite)}: {how}"


def _own_model(name: str, fingerprint: str, given: bool) -> Codec | None:
    """The model of that name; of one that was not given only where it is the preset's."""
    if given:
        return load_codec(name)
    try:
        return load_codec(name) if describe_codec(name).fingerprint == fingerprint else None
    except CheckpointError:  # a preset may name what was never here
        return None
