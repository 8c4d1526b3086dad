"""The options of every command that reads a cue sheet."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.options import Decorated, bank_option

OPTIONS = (
    click.option(
        "--project",
        "project_file",
        type=click.Path(path_type=Path),
        help="Project file (TOML). Options on the command line override it.",
    ),
    click.option("--fps", help="Frame rate: 23.976, 24, 25, 29.97df, 29.97ndf, 30, …"),
    click.option("--start-tc", "start", help="Timecode of the programme's first frame."),
    click.option(
        "--mapping",
        type=click.Path(path_type=Path),
        help="Mapping file (TOML): the stem and preset of each clip and marker name of a session.",
    ),
    click.option("--include-muted", is_flag=True, default=None, help="Also read muted clips and tracks of a session."),
    bank_option,
)
SKIP = click.option(
    "--skip-unreadable",
    is_flag=True,
    default=None,
    help="Skip lines that look like events but cannot be read, in place of stopping.",
)


def sheet_options(command: Decorated) -> Decorated:
    """Add the options to a command, in their order."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command
