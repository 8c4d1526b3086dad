"""Help texts that end with an example."""

from __future__ import annotations

import click


class Examples(click.Command):
    """A command whose help ends with an example, kept as typed."""

    def __init__(self, *args, example: str, **kwargs):
        super().__init__(*args, epilog=f"\b\nExample:\n  {example}", **kwargs)
