"""``pisada cues``: convert and check cue sheets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from studio.commands.cues_from_audio import from_audio
from studio.commands.cues_from_video import from_video
from studio.commands.options import Examples, named_banks
from studio.commands.sheet_options import SKIP, sheet_options
from studio.workflows.overwrite_guard import check_new

if TYPE_CHECKING:
    from render.cues.cue import CueSheet, ReadOptions
    from render.project.project import Project

FOUND = 1


@click.group(epilog="\b\nExample:\n  pisada cues check reel1.txt --mapping clips.toml")
def cues() -> None:
    """Convert and check cue sheets, and find cues in a recording or a film."""


cues.add_command(from_audio)
cues.add_command(from_video)


@cues.command(cls=Examples, example="pisada cues convert session.txt cues.csv --fps 23.976 --mapping clips.toml")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@sheet_options
@SKIP
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
def convert(source: Path, out: Path, overwrite: bool, **options: Any) -> None:
    """Read IN, in any format that render reads, and write its cues to OUT: .csv, .xlsx, .otio, .rpp or .aaf."""
    from render.cues.cue import ReadOptions
    from render.cues.lint import late_start
    from render.cues.write import TIMELINES, write_cues

    sheet, project = _read(source, ReadOptions(unmatched=True, blank=True), **options)
    lost = sheet.check_all_read(project.skip_unreadable)
    check_new(out, overwrite, source)
    late = late_start(sheet.cues[0].start_samples, project.clock()) if out.suffix.lower() in TIMELINES else []
    _print_notes([*lost, *sheet.remarks, *late])
    write_cues(sheet, out, project.clock())
    click.echo(f"{out}: {len(sheet.cues)} cues from {sheet.format}")


@cues.command(cls=Examples, example="pisada cues walk reel1.csv reel1-steps.csv --project show.toml")
@click.argument("source", metavar="SHEET", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@sheet_options
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of the times and levels, as for render.")
@click.option("--take", type=click.IntRange(1, 9999), help="Take number, as for render.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
def walk(source: Path, out: Path, overwrite: bool, **options: Any) -> None:
    """Write SHEET to OUT with a row for each step in place of its walks, to be edited. Other rows are kept.

    Rows that follow the steps stay as they are: they follow the edited steps too. Give the project, or the seed and
    take, of the render: the steps follow from them.
    """
    from plugin_backend.errors import CueSheetError
    from render.cues.cue import ReadOptions
    from render.cues.walks.rows import WalkSettings
    from render.cues.write import write_cues

    settings = WalkSettings(keep_follow=True)
    sheet, project = _read(source, ReadOptions(unmatched=True, blank=True, walks=settings), **options)
    sheet.check_all_read(project.skip_unreadable)
    if not sheet.walks:
        raise CueSheetError("it has no walk: write walk in the column 'kind' of a row", file=source)
    check_new(out, overwrite, source)
    _print_notes(sheet.remarks)
    write_cues(sheet, out, project.clock())
    click.echo(f"{out}: {len(sheet.cues)} rows from {sheet.format}, walks written as steps")


@cues.command(cls=Examples, example="pisada cues check reel1.csv --fps 23.976 --start-tc 01:00:00:00 --bank my-bank")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@sheet_options
def check(source: Path, **options: Any) -> None:
    """Check IN before a render: overlaps, cues outside the reel, missing presets, a wrong rate, duplicates.

    Exit status: 0 if nothing was found, 1 if something was found, 2 if IN cannot be read.
    """
    from render.cues.cue import ReadOptions
    from render.cues.lint import LintInput, lint, refusal
    from render.plan.resolve import open_bank
    from studio.terminal.tables import print_findings

    sheet, project = _read(source, ReadOptions(blank=True, partial=True), **options)
    stems, presets = [stem.name for stem in project.stems], open_bank(project).names
    look = LintInput(sheet, project.clock(), project.length_samples(), stems, presets, project.characters)
    if refused := refusal(look):
        raise refused
    _print_notes(sheet.remarks)
    findings = lint(look)
    print_findings(findings, look)
    if findings:
        sys.exit(FOUND)


def _read(
    source: Path,
    wanted: ReadOptions,
    project_file: Path | None,
    mapping: Path | None,
    banks: tuple[Path, ...],
    **fields: Any,
) -> tuple[CueSheet, Project]:
    """Read a sheet; return it with the project, which takes its rate and start from the sheet if it has none."""
    from render.plan.resolve import read_sheet, with_sheet_rate
    from render.project.project import project_from

    paths = {"bank": named_banks(banks), "mapping": str(mapping) if mapping else None}
    project = project_from(project_file, source, **paths, **fields)
    sheet = read_sheet(source, project, wanted)
    return sheet, with_sheet_rate(project, sheet)


def _print_notes(remarks: list[str]) -> None:
    for remark in remarks:
        click.echo(f"note: {remark}", err=True)
