"""The options of ``pisada render`` that decide what the mixer receives."""

from __future__ import annotations

import click

from studio.commands.options import Decorated

OPTIONS = (
    click.option(
        "--bits",
        type=click.Choice(["16", "24", "32"]),
        help="Bits per sample: 16 (dithered) or 24 integer, 32 float.  [default: 24]",
    ),
    click.option(
        "--layout",
        type=click.Choice(["mono", "stereo", "lcr", "5.1"]),
        help="Channels of the stems.  [default: stereo]",
    ),
    click.option("--head-handle", help="Start the stems earlier by this much: 2 (seconds), 48f (frames) or 96000smp."),
    click.option("--tail-handle", help="End the stems later by this much, written in the same way."),
    click.option(
        "--pops/--no-pops", default=None, help="Put a 2-pop and a tail pop into every stem; handles grow if needed."
    ),
    click.option(
        "--spec",
        type=click.Choice(["r128", "a85", "streaming-me"]),
        help="Compare the measured levels with a specification: pass or warn.",
    ),
)


def delivery_options(command: Decorated) -> Decorated:
    """Add the options to a command. They are fields of :class:`~render.project.project.Project` (``bits`` as text)."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command
