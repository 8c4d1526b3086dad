"""The options of commands that apply presets to audio: the controls of the transfer node, and further presets."""

from __future__ import annotations

import click

from plugin_backend.transfer.parameters import PARAMETERS
from studio.commands.options import Decorated

LATENT_HELP = "Set controls of one latent: 3:bias=0.5,scale=2 or 4:off or 5:value=1. Repeat for more latents."


axis_option = click.option(
    "--axis",
    "axes",
    metavar="NAME=VALUE",
    multiple=True,
    help="Move the latents along a named axis, −3 to 3, as in brightness=1.5; `pisada preset axes` lists the names. "
    "Repeat for more.",
)


def control_options(command: Decorated) -> Decorated:
    """Add an option for every control of the transfer node to a command; controls not given are ``None``."""
    for control in reversed(PARAMETERS.values()):
        unit = f" {control.unit}" if control.unit else ""
        text = f"{control.doc} {control.low:g} to {control.high:g}{unit}.  [default: {control.default:g}]"
        flag = f"--{control.name.replace('_', '-')}"
        command = click.option(flag, control.name, type=float, metavar="X", help=text)(command)
    return command


def preset_options(command: Decorated) -> Decorated:
    """Add the options for further presets to a command: ``to``, ``sums`` and ``additions``."""
    for option in (
        click.option(
            "--add",
            "additions",
            metavar="[MODEL:]PRESET[=GAIN_DB]",
            multiple=True,
            help="Decode another preset in parallel, by its own model, and add it. In mode hits it plays at each hit "
            "too. Repeat for more.",
        ),
        click.option(
            "--sum",
            "sums",
            metavar="PRESET=WEIGHT",
            multiple=True,
            help="Sum the latents of another preset with PRESET's. Repeat for more.",
        ),
        click.option("--to", help="Second preset; --morph leads to it."),
    ):
        command = option(command)
    return command
