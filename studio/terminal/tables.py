"""Tables a person reads: plain text columns that also paste into a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable

import click
import msgspec

from plugin_backend.corpus.scan import escape_name
from presets.preset import Preset
from render.cues.lint import Finding, LintInput
from render.delivery.incremental.diff import KEEP, UNTOUCHED, Changes
from render.delivery.report import MeasuredFile, cue_table
from render.plan.plan import Plan
from render.project.project import SUM, Project

GROUPS = (("label", "by_label"), ("source", "by_source"), ("band edge", "by_band_edge"))


def print_report(report: dict) -> None:
    """Minutes, pieces and files by label, source and band edge; one line per dropped or odd file."""
    for title, key in GROUPS:
        rows = [(escape_name(name), f"{n['minutes']:.2f}", n["pieces"], n["files"]) for name, n in report[key].items()]
        print_table((title, "minutes", "pieces", "files"), rows)
        click.echo()
    for title, entries, told in (("dropped", report["dropped"], "reason"), ("kept", report["remarks"], "remark")):
        for entry in entries:
            click.echo(f"{title}: {escape_name(entry['file'])}: {escape_name(entry[told])}")
    click.echo(
        f"{report['minutes']:.2f} minutes in {report['pieces']} pieces of {report['files']} files; "
        f"{report['dropped_files']} dropped, {report['ignored_files']} that are no audio ignored"
    )


LONGEST_CELL = 500


def print_table(header: tuple[str, ...], rows: list[tuple], err: bool = False) -> None:
    """Columns separated by two spaces, as wide as their widest cell; on standard error with ``err``."""
    text = [header, *(tuple(_cell(cell) for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*text, strict=True)]
    for row in text:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), err=err)


def _cell(cell: object) -> str:
    text = "-" if cell is None else str(cell)
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"


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


def print_levels(files: dict[str, MeasuredFile]) -> None:
    """What was measured of each stem and the sum, on standard error, then what the specification makes of it."""
    print_table(
        ("stem", "LUFS", "LRA", "dBTP", "peak dBFS", "clipped"),
        [
            (
                name,
                *(level[key] for key in ("integrated_lufs", "range_lu", "true_peak_dbtp")),
                file.peak_dbfs,
                file.clipped_samples,
            )
            for name, file in files.items()
            for level in [file.loudness.as_fields()]
        ],
        err=True,
    )
    lines = [(name, line) for name, file in files.items() for line in file.lines]
    if len(lines) > len(files) or any(line.verdict == "warn" for _, line in lines):  # more than clipping
        click.echo(err=True)
        rows = [(line.verdict, name, line.what, line.measured, line.allowed) for name, line in lines]
        print_table(("", "stem", "measured", "found", "allowed"), rows, err=True)


def print_changes(changes: Changes) -> None:
    """What became of each stem and cue, and why, on standard error: what changed, then how much did not."""
    stems = [(name, change.mode, change.why) for name, change in [*changes.stems.items(), (SUM, changes.sum)]]
    print_table(("stem", "samples", "why"), sorted(stems, key=lambda stem: stem[1] == KEEP), err=True)
    click.echo(err=True)
    changed = [cue for cue in changes.cues if cue.action != UNTOUCHED]
    if changed:
        print_table(("cue", "stem", "", "why"), [(c.id, c.stem, c.action, c.why) for c in changed], err=True)
    if left := len(changes.cues) - len(changed):
        click.echo(f"{left} cue{'s' * (left > 1)} untouched: as in the version before", err=True)
    click.echo(err=True)


def print_findings(findings: list[Finding], look: LintInput) -> None:
    """What the checks of a cue sheet found, one a line, and how much was looked at."""
    rows = []
    for finding in findings:
        cue = finding.cue
        place = (finding.row, None, None)
        if cue:
            place = cue.row, cue.id, look.clock.label_at(cue.start_samples) or cue.start_samples
        rows.append((finding.check, *place, finding.told))
    if rows:
        print_table(("check", "row", "id", "start", "found"), rows)
    stems = len({cue.stem for cue in look.sheet.cues})
    click.echo(f"{look.sheet.format}: {len(look.sheet.cues)} cues, {stems} stems, {len(findings) or 'nothing'} found")


def print_bank(presets: Iterable[Preset]) -> None:
    """Presets, one a line."""
    rows = [
        (own.name, its.kind, len(own.means), its.program, its.codec, its.material or None, ", ".join(its.tags) or None,
         its.description)
        for own in presets
        for its in (own.header,)
    ]  # fmt: skip
    print_table(("name", "kind", "takes", "program", "model", "material", "tags", "description"), rows)


def print_preset(preset: Preset) -> None:
    """All fields of a preset, one a line; what it was captured from and its effects, one a line each."""
    fields = msgspec.to_builtins(preset.header)
    takes, chain, provenance = (fields.pop(name) for name in ("takes", "chain", "provenance"))
    rows = [(name, ", ".join(map(str, value)) if isinstance(value, list) else value) for name, value in fields.items()]
    frames, dims = sum(map(len, preset.means)), preset.means[0].shape[1]
    rows.append(("takes", f"{len(takes)}: {frames} frames of {dims} latents"))
    lengths = [take["length_samples"] for take in takes]
    rows.append(("length_samples", f"{min(lengths)} to {max(lengths)}"))
    rows += [("effect", ", ".join(f"{name} {value}" for name, value in effect.items())) for effect in chain]
    if provenance is not None:
        recordings, migrated = provenance.pop("recordings"), provenance.pop("migrated")
        rows += list(provenance.items())
        rows += [("recording", f"{each['name']} ({each['digest']})") for each in recordings]
        rows += [("migrated", line) for line in migrated]
    print_table(("field", "value"), [(name, None if value in ("", None) else value) for name, value in rows])
