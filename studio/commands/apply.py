"""``pisada apply``: apply a preset to recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from plugin_backend.transfer.parameters import PARAMETERS, WIDTH
from studio.commands.options import Examples, bank_option
from studio.commands.transfer_options import LATENT_HELP, axis_option, control_options, preset_options


@click.command("apply", cls=Examples, example="pisada apply step-gravel guide.wav --out gravel --mix 0.8")
@click.argument("preset")
@click.argument("files", metavar="IN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder for the files IN_PRESET.wav; it is made if it is absent.",
)
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
@click.option(
    "--mode",
    type=click.Choice(["transfer", "hits"]),
    default="transfer",
    show_default=True,
    help="transfer moves IN's sound towards the preset; hits plays a take at each hit of IN.",
)
@control_options
@click.option("--latent", "latents", multiple=True, help=LATENT_HELP)
@axis_option
@preset_options
@click.option(
    "--mono-encode", "mono", is_flag=True, help="Encode the mean of IN's channels; each channel keeps its envelope."
)
@click.option("--width", type=float, default=WIDTH.default, show_default=True, metavar="X", help=WIDTH.doc)
@click.option(
    "--running", is_flag=True, help="Measure IN while it plays, as live playing does. Without it, IN is read twice."
)
@click.option(
    "--sensitivity",
    type=float,
    default=2.0,
    show_default=True,
    help="Sensitivity of the hit detector, 0.1 to 10; higher finds softer hits.",
)
@click.option(
    "--min-gap-ms",
    type=float,
    default=150.0,
    show_default=True,
    help="Shortest time between two hits; an onset that comes sooner belongs to the hit before it.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    help="Project seed; the seed of each hit is derived from it.",
)
@click.option(
    "--bits",
    type=click.Choice(["16", "24", "32"]),
    default="24",
    show_default=True,
    help="Bits per sample; 32 is float.",
)
@bank_option
@click.option("--model", help="The name of a factory model, or a .safetensors file.  [default: the preset's]")
def apply_preset(
    preset: str,
    files: tuple[Path, ...],
    out: Path,
    overwrite: bool,
    to: str | None,
    banks: tuple[Path, ...],
    model: str | None,
    latents: tuple[str, ...],
    axes: tuple[str, ...],
    bits: str,
    sums: tuple[str, ...],
    additions: tuple[str, ...],
    **options: Any,
) -> None:
    """Apply PRESET, a name or a file, to recordings IN: mono, stereo or 5.1, of any length and sample rate.

    Each output has the length, sample rate, channels and timestamp of its IN, and is aligned with it to the sample.
    """
    from plugin_backend.transfer.settings import Settings, parse_axes, parse_latents
    from studio.workflows.apply import PresetChoice, apply_to_disk

    values = {name: options.pop(name) for name in PARAMETERS}
    controls = {name: value for name, value in values.items() if value is not None}
    settings = Settings(controls=controls, latents=parse_latents(latents), bits=int(bits), **options)
    choice = PresetChoice(preset, to, sums, additions, banks, model, parse_axes(axes))
    apply_to_disk(choice, list(files), out, settings, overwrite)
