"""Apply a preset to files with a progress bar, and print what was written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from plugin_backend.audio_files import inspect_audio
from plugin_backend.exactness import compute_info_for
from plugin_backend.models.registry import deferred_codec
from plugin_backend.transfer.settings import Settings
from presets.axes import needed_axes
from presets.bank import Bank, BankNames
from presets.lookup import find_preset
from render.apply.applier import Applied, Applier
from render.apply.preset_layers import make_layer, parse_added, parse_sum
from studio.terminal.progress import progress_bar


@dataclass(frozen=True)
class PresetChoice:
    """The presets to apply, as the command line names them.

    Attributes:
        preset: a name or a file.
        to: the preset that ``morph`` leads to.
        sums: ``PRESET=WEIGHT`` each.
        additions: ``[MODEL:]PRESET[=GAIN_DB]`` each.
        banks: where names are looked up.
        model: a codec's name or file; ``None``: the preset's own.
        axes: axis → value, −3..3.
    """

    preset: str
    to: str | None = None
    sums: tuple[str, ...] = ()
    additions: tuple[str, ...] = ()
    banks: BankNames = None
    model: str | None = None
    axes: dict[str, float] = field(default_factory=dict)


def apply_to_disk(choice: PresetChoice, files: list[Path], out: Path, settings: Settings, overwrite: bool) -> None:
    """Apply presets to recordings; see ``pisada apply --help``.

    Args:
        choice: the presets.
        files: the recordings.
        out: folder for the results.
        settings: of the transfer.
        overwrite: whether existing files are replaced.

    Raises:
        InputError: a preset, a model or a recording cannot be used.
        OutputError: a file exists already, or cannot be written.
    """
    sums = [parse_sum(text) for text in choice.sums]
    additions = [parse_added(text) for text in choice.additions]
    preset = find_preset(choice.preset, choice.banks)
    second = find_preset(choice.to, choice.banks) if choice.to is not None else None
    if choice.axes:
        axes = needed_axes(Bank(choice.banks).axes(preset.header.fingerprint), preset.header.codec)
        settings = replace(settings, offset=tuple(axes.to_latents(choice.axes).tolist()))
    codecs = [deferred_codec(choice.model or preset.header.codec)]
    layers = [make_layer(codecs, model, find_preset(name, choice.banks), gain_db) for model, name, gain_db in additions]
    summed = [(find_preset(name, choice.banks), weight) for name, weight in sums]
    applier = Applier(codecs[0], preset, settings, second, summed, layers)
    targets = applier.outputs(files, out, overwrite)
    with progress_bar() as bar:
        task = bar.add_task("applying", total=sum(inspect_audio(source).length_samples for source in targets))
        for source, path in targets.items():
            bar.update(task, description=source.name)
            applied = applier.apply(source, path, lambda samples: bar.advance(task, samples), overwrite)
            _print_result(source, applied, settings.bits)
    models = [choice.model or preset.header.codec, *(model for model, *_ in additions if model)]
    if computed := compute_info_for(models):
        click.echo(f"computed with {computed}", err=True)


def _print_result(source: Path, applied: Applied, bits: int) -> None:
    for remark in applied.remarks:
        click.echo(f"note: {remark}", err=True)
    if applied.samples_over:
        state = "are above full scale" if bits == 32 else "were clipped"
        click.echo(f"note: {applied.path}: {applied.samples_over} samples {state}; lower --gain-db", err=True)
    if applied.hits == 0:
        click.echo(f"note: {source}: no hits were found; a higher --sensitivity finds softer ones", err=True)
    click.echo(applied.path if applied.hits is None else f"{applied.path}: {applied.hits} hits")
