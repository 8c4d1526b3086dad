"""``pisada corpus-fetch``: the factory corpus, from Debian's archive."""

from __future__ import annotations

from pathlib import Path

import click

from plugin_backend.errors import PisadaError
from studio.commands.options import Examples


@click.command(cls=Examples, example="pisada corpus my-recordings")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Where to keep it.  [default: FOLDER/.pisada-corpus]")
@click.option("--rate", type=click.IntRange(8_000, 192_000), default=48_000, show_default=True, help="Rate in Hz.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def corpus(folder, out, rate, as_json) -> None:
    """Check, slice and resample the recordings in FOLDER, and tell what was dropped and why."""
    import json

    from plugin_backend.corpus.dataset import prepare_corpus
    from studio.terminal.tables import print_report

    prepared = prepare_corpus(folder, out, rate, say=lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(json.dumps({"cache": str(prepared.cache), **prepared.report}, indent=1))
    else:
        print_report(prepared.report)
        click.echo(f"prepared in {prepared.cache}")


@click.command("corpus-fetch", cls=Examples, example="pisada corpus-fetch --out corpus --package minetest-data")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to make the corpus in.")
@click.option("--package", "packages", multiple=True, help="Only this Debian package; may repeat.  [default: all]")
def corpus_fetch(out, packages) -> None:
    """Rebuild the factory corpus on a Debian system: 7 GB are downloaded, 83 MB kept.

    Run it again to fetch what is missing.
    """
    from plugin_backend.corpus.debian_fetch import fetch_corpus

    had, wanted = fetch_corpus(out, packages, say=lambda line: click.echo(line, err=True))
    click.echo(f"{out}: {had} of {wanted} files")
    if had < wanted:
        raise PisadaError(f"{wanted - had} files could not be had, as told above")
