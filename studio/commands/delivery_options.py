"""The flags of ``pisada render`` that say what the mixer receives."""

from __future__ import annotations

from functools import reduce

import click

OPTIONS = (
    click.option(
        "--bits", type=click.Choice(["16", "24", "32"]), help="16 (dithered) or 24 integer, 32 float.  [default: 24]"
    ),
    click.option(
        "--layout", type=click.Choice(["mono", "stereo", "lcr", "5.1"]), help="Of the stems.  [default: stereo]"
    ),
    click.option("--head-handle", help="How much earlier stems start: 2 (seconds), 48f (frames) or 96000smp."),
    click.option("--tail-handle", help="How much later stems end."),
    click.option("--pops/--no-pops", default=None, help="A 2-pop and a tail pop in every stem; handles grow for them."),
    click.option(
        "--spec", type=click.Choice(["r128", "a85", "streaming-me"]), help="Compare the levels with it: pass or warn."
    ),
)


def delivery_options(command):
    """Give a command the flags, passed on as fields of :class:`~render.project.project.Project` (``bits`` as text)."""
    return reduce(lambda told, option: option(told), reversed(OPTIONS), command)
