"""The options of every command that reads a cue sheet."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.options import bank_option

OPTIONS = (
    click.option("--project", "project_file", type=click.Path(path_type=Path), help="Project TOML; flags override it."),
    click.option("--fps", help="Frame rate: 23.976, 24, 25, 29.97df, 29.97ndf, 30, …"),
    click.option("--start-tc", "start", help="Timecode of the programme's first frame."),
    click.option("--mapping", type=click.Path(path_type=Path), help="TOML: what a session's clips and markers become."),
    click.option("--include-muted", is_flag=True, default=None, help="Keep a session's muted clips and tracks."),
    bank_option,
)
SKIP = click.option(
    "--skip-unreadable", is_flag=True, default=None, help="Go on without lines that look like events and are not read."
)


def sheet_options(command):
    """Adds them, in their order."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command
