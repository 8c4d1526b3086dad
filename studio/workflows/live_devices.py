"""Print the sound devices and MIDI ports of this machine."""

from __future__ import annotations

import click

from plugin_backend.errors import MissingExtraError
from render.live.controllers.midi_input import list_ports
from render.live.devices.device_list import INPUT, OUTPUT, list_devices


def print_devices() -> None:
    """Print the sound devices and MIDI inputs on standard output; ``*`` marks default devices."""
    devices = list_devices()
    if not devices:
        click.echo("no sound devices were found")
    for device in devices:
        marks = "".join("*" if direction in device.default_for else " " for direction in (INPUT, OUTPUT))
        click.echo(
            f"{device.number:>3} {marks} {device.name} ({device.host}): "
            f"{device.inputs} in, {device.outputs} out, {device.rate_hz} Hz"
        )
    try:
        ports = list_ports()
        if not ports:
            click.echo("no MIDI inputs were found")
        for name in ports:
            click.echo(f"MIDI   {name}")
    except MissingExtraError as missing:
        click.echo(f"note: {missing}", err=True)
