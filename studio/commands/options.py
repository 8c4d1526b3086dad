"""Options that several commands share, and help texts that end with an example."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
"""A function that options are added to."""

MODEL_HELP = "The name of a factory model, or a .safetensors file."

bank_option = click.option(
    "--bank",
    "banks",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder of presets, or the word factory. Repeat to use several; the first one that has a name wins.  "
    "[default: factory]",
)


def named_banks(banks: tuple[Path, ...]) -> list[str] | None:
    """Return the banks as a project file has them, or ``None`` if there are none."""
    return [str(bank) for bank in banks] or None


class Examples(click.Command):
    """A command whose help ends with an example, printed as it is written."""

    def __init__(self, *args: Any, example: str, **kwargs: Any):
        super().__init__(*args, **kwargs | {"epilog": f"\b\nExample:\n  {example}"})


to_bank_option = click.option(
    "--to",
    "out",
    required=True,
    type=click.Path(path_type=Path),
    help="Bank to save the preset in; it is made if it is absent.",
)
