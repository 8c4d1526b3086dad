"""``pisada corpus`` and ``pisada corpus-fetch``: prepare recordings for training; rebuild the factory corpus."""

from __future__ import annotations

from pathlib import Path

import click

from plugin_backend.errors import PisadaError
from studio.commands.options import Examples


@click.command(cls=Examples, example="pisada corpus my-recordings")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for the prepared corpus.  [default: FOLDER/.pisada-corpus]",
)
@click.option(
    "--rate", type=click.IntRange(8_000, 192_000), default=48_000, show_default=True, help="Sample rate in Hz."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def corpus(folder: Path, out: Path | None, rate: int, as_json: bool) -> None:
    """Check, slice and resample the recordings in FOLDER, and report what was dropped and why."""
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
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to build the corpus in.")
@click.option(
    "--package", "packages", multiple=True, help="Fetch only this Debian package. Repeat for more.  [default: all]"
)
def corpus_fetch(out: Path, packages: tuple[str, ...]) -> None:
    """Rebuild the factory corpus on a Debian system: it downloads 7 GB and keeps 83 MB.

    Run it again to fetch what is missing.
    """
    from plugin_backend.corpus.debian_fetch import fetch_corpus

    fetched, wanted = fetch_corpus(out, packages, say=lambda line: click.echo(line, err=True))
    click.echo(f"{out}: {fetched} of {wanted} files")
    if fetched < wanted:
        raise PisadaError(f"{wanted - fetched} files could not be fetched; the reasons are above")
