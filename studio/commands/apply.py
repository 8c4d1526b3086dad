"""``pisada apply``: recordings through a preset."""

from __future__ import annotations

from pathlib import Path

import click

from plugin_backend.transfer.parameters import PARAMETERS, WIDTH
from studio.commands.options import Examples, bank_option


def control_options(command):
    """Give a command an option for every control of the transfer node; absent ones are ``None``."""
    for control in reversed(PARAMETERS.values()):
        low, high = int(control.low), int(control.high)
        unit = f" {control.unit}" if control.unit else ""
        told = f"{control.doc} {low} to {high}{unit}.  [default: {control.default:g}]"
        flag = f"--{control.name.replace('_', '-')}"
        command = click.option(flag, control.name, type=float, metavar="X", help=told)(command)
    return command


def preset_options(command):
    """Give a command the options for presets beside the first: ``to``, ``sums`` and ``additions``."""
    for option in (
        click.option(
            "--add",
            "additions",
            metavar="[MODEL:]PRESET[=GAIN_DB]",
            multiple=True,
            help="It is decoded beside PRESET, by its own model, and added; with hits it plays too; may repeat.",
        ),
        click.option(
            "--sum",
            "sums",
            metavar="PRESET=WEIGHT",
            multiple=True,
            help="Its latents are summed with PRESET's; may repeat.",
        ),
        click.option("--to", help="Second preset, which --morph leads to."),
    ):
        command = option(command)
    return command


@click.command("apply", cls=Examples, example="pisada apply step-gravel guide.wav --out gravel --mix 0.8")
@click.argument("preset")
@click.argument("files", metavar="IN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for IN_PRESET.wav, made if absent.")
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
@click.option(
    "--mode",
    type=click.Choice(["transfer", "hits"]),
    default="transfer",
    show_default=True,
    help="Move IN's sound, or play a take at each of its hits.",
)
@control_options
@click.option("--latent", "latents", multiple=True, help="3:bias=0.5,scale=2 or 4:off or 5:value=1; may repeat.")
@preset_options
@click.option("--mono-encode", "mono", is_flag=True, help="Encode the mean of IN's channels; each keeps its envelope.")
@click.option("--width", type=float, default=WIDTH.default, show_default=True, metavar="X", help=WIDTH.doc)
@click.option("--running", is_flag=True, help="Measure IN as it goes, as live playing does; else it is heard twice.")
@click.option("--sensitivity", type=float, default=2.0, show_default=True, help="Of the search for hits, 0.1 to 10.")
@click.option("--min-gap-ms", type=float, default=150.0, show_default=True, help="A sooner hit belongs to the last.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, help="Project seed; each hit's derives from it.")
@click.option("--bits", type=click.Choice(["16", "24", "32"]), default="24", show_default=True, help="32 is float.")
@bank_option
@click.option("--model", help="A factory model's name or a .safetensors file.  [default: the preset's]")
def apply_preset(preset, files, out, overwrite, to, banks, model, latents, bits, sums, additions, **chosen) -> None:
    """Apply PRESET, a name or a file, to recordings IN: mono, stereo or 5.1, any length and rate.

    What is written has IN's length, rate, channels and timestamp, and is aligned with it to the sample.
    """
    from plugin_backend.transfer.settings import Settings, parse_latents
    from studio.workflows.apply import apply_to_disk

    controls = {name: chosen.pop(name) for name in PARAMETERS}
    given = {name: value for name, value in controls.items() if value is not None}
    settings = Settings(controls=given, latents=parse_latents(latents), bits=int(bits), **chosen)
    apply_to_disk(preset, list(files), out, overwrite, to, banks, model, settings, sums, additions)
