"""Tables a person reads: plain text columns that also paste into a spreadsheet."""

from __future__ import annotations

import click

from presets.bank import Bank
from render.events import Plan
from render.project import Project
from render.report import cue_table


def print_table(header: tuple[str, ...], rows: list[tuple]) -> None:
    """Columns separated by two spaces, as wide as their widest cell."""
    text = [header, *(tuple("-" if cell is None else str(cell) for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*text, strict=True)]
    for row in text:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_cue_table(plan: Plan, project: Project) -> None:
    """The resolved cues: where each lands, how long, what performs it."""
    header = ("id", "timecode", "sample", "length", "stem", "preset", "seed")
    print_table(
        header,
        [
            (
                cue["id"],
                cue["timecode"],
                cue["absolute_sample"],
                cue["length_samples"],
                cue["stem"],
                cue["preset"] or cue["source"],
                cue["seed"],
            )
            for cue in cue_table(plan, project.clock())
        ],
    )
    seconds = plan.length_samples / plan.sample_rate
    click.echo(f"{len(plan.events)} cues, {len(plan.stems)} stems, {plan.length_samples} samples ({seconds:.3f} s)")


def print_bank(bank: Bank) -> None:
    """A bank's presets, one a line."""
    rows = [(p.name, p.header.kind, len(p.means), p.header.program, p.header.codec, p.header.description) for p in bank]
    print_table(("name", "kind", "takes", "program", "model", "description"), rows)
