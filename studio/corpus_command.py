"""``pisada corpus``: what a folder of recordings gives to learn from."""

from __future__ import annotations

from pathlib import Path

import click

from studio.examples import Examples


@click.command(cls=Examples, example="pisada corpus my-recordings")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Where to keep it.  [default: FOLDER/.pisada-corpus]")
@click.option("--rate", type=click.IntRange(8_000, 192_000), default=48_000, show_default=True, help="Rate in Hz.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def corpus(folder, out, rate, as_json) -> None:
    """Check, slice and resample the recordings in FOLDER, and tell what was dropped and why."""
    import json

    from plugin_backend.corpus.dataset import prepare
    from studio.corpus_tables import print_report

    prepared = prepare(folder, out, rate, say=lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(json.dumps({"cache": str(prepared.cache), **prepared.report}, indent=1))
    else:
        print_report(prepared.report)
        click.echo(f"prepared in {prepared.cache}")
