"""A corpus report as tables."""

from __future__ import annotations

import click

from plugin_backend.corpus.scan import shown
from studio.tables import print_table

GROUPS = (("label", "by_label"), ("source", "by_source"), ("band edge", "by_band_edge"))


def print_report(report: dict) -> None:
    """Minutes, pieces and files by label, source and band edge; one line per dropped or odd file."""
    for title, key in GROUPS:
        rows = [(shown(name), f"{n['minutes']:.2f}", n["pieces"], n["files"]) for name, n in report[key].items()]
        print_table((title, "minutes", "pieces", "files"), rows)
        click.echo()
    for title, entries, told in (("dropped", report["dropped"], "reason"), ("kept", report["remarks"], "remark")):
        for entry in entries:
            click.echo(f"{title}: {shown(entry['file'])}: {shown(entry[told])}")
    click.echo(
        f"{report['minutes']:.2f} minutes in {report['pieces']} pieces of {report['files']} files; "
        f"{report['dropped_files']} dropped, {report['ignored_files']} that are no audio ignored"
    )
