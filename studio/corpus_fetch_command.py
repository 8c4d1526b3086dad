"""``pisada corpus-fetch``: the factory corpus, from Debian's archive."""

from __future__ import annotations

from pathlib import Path

import click

from plugin_backend.errors import PisadaError
from studio.examples import Examples


@click.command("corpus-fetch", cls=Examples, example="pisada corpus-fetch --out corpus --package minetest-data")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to make the corpus in.")
@click.option("--package", "packages", multiple=True, help="Only this Debian package; may repeat.  [default: all]")
def corpus_fetch(out, packages) -> None:
    """Rebuild the factory corpus on a Debian system: 7 GB are downloaded, 83 MB kept.

    Run it again to fetch what is missing.
    """
    from plugin_backend.corpus.debian import fetch

    had, wanted = fetch(out, packages, say=lambda line: click.echo(line, err=True))
    click.echo(f"{out}: {had} of {wanted} files")
    if had < wanted:
        raise PisadaError(f"{wanted - had} files could not be had, as told above")
