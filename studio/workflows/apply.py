"""Apply a preset to files with a progress bar, and say what was written."""

from __future__ import annotations

from pathlib import Path

import click

from plugin_backend.audio_files import inspect_audio
from plugin_backend.exactness import compute_info_for
from plugin_backend.models.registry import deferred_codec
from plugin_backend.transfer.settings import Settings
from presets.bank import BankNames
from presets.lookup import find_preset
from render.apply.applier import Applied, Applier
from render.apply.preset_layers import make_layer, parse_added, parse_sum
from studio.terminal.progress import progress_bar


def apply_to_disk(
    name: str,
    files: list[Path],
    out: Path,
    overwrite: bool,
    to: str | None,
    bank: BankNames,
    model: str | None,
    settings: Settings,
    sums: tuple[str, ...] = (),
    additions: tuple[str, ...] = (),
) -> None:
    """See ``pisada apply --help``."""
    summed, added = [parse_sum(text) for text in sums], [parse_added(text) for text in additions]
    preset, second = find_preset(name, bank), find_preset(to, bank) if to is not None else None
    codecs = [deferred_codec(model or preset.header.codec)]
    layers = [make_layer(codecs, its_model, find_preset(its, bank), gain_db) for its_model, its, gain_db in added]
    summed = [(find_preset(its, bank), weight) for its, weight in summed]
    applier = Applier(codecs[0], preset, settings, second, summed, layers)
    targets = applier.outputs(files, out, overwrite)
    with progress_bar() as bar:
        task = bar.add_task("applying", total=sum(inspect_audio(source).length_samples for source in targets))
        for source, path in targets.items():
            bar.update(task, description=source.name)
            applied = applier.apply(source, path, lambda samples: bar.advance(task, samples), overwrite)
            _tell(source, applied, settings.bits)
    models = [model or preset.header.codec, *(its_model for its_model, *_ in added if its_model)]
    if computed := compute_info_for(models):
        click.echo(f"computed with {computed}", err=True)


def _tell(source: Path, applied: Applied, bits: int) -> None:
    for remark in applied.remarks:
        click.echo(f"note: {remark}", err=True)
    if applied.outside:
        became = "are above full scale" if bits == 32 else "were clipped"
        click.echo(f"note: {applied.path}: {applied.outside} samples {became}; lower --gain-db", err=True)
    if applied.hits == 0:
        click.echo(f"note: {source}: no hits were found; a higher --sensitivity finds softer ones", err=True)
    click.echo(applied.path if applied.hits is None else f"{applied.path}: {applied.hits} hits")
