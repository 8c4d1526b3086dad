"""Help texts that end with an example."""

from __future__ import annotations

from pathlib import Path

import click

bank_option = click.option(
    "--bank",
    "banks",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder of presets, or the word factory; may repeat: of one name the first wins.  [default: factory]",
)


def named_banks(banks: tuple[Path, ...]) -> list[str] | None:
    """As a project has them; ``None`` where none was given."""
    return [str(each) for each in banks] or None


class Examples(click.Command):
    """A command whose help ends with an example, kept as typed."""

    def __init__(self, *args, example: str, **kwargs):
        super().__init__(*args, epilog=f"\b\nExample:\n  {example}", **kwargs)
