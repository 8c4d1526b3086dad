"""Tables as plain text columns; they can also be pasted into a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable

import click
import msgspec

from plugin_backend.corpus.scan import escape_name
from presets.performance.aligned_takes import aligned_takes_of
from presets.preset import Preset
from render.cues.lint import Finding, LintInput
from render.delivery.incremental.diff import KEEP, UNTOUCHED, Changes
from render.delivery.report import MeasuredFile, cue_table
from render.plan.plan import Plan
from render.project.project import Project
from render.project.stem_names import SUM

GROUPS = (("label", "by_label"), ("source", "by_source"), ("band edge", "by_band_edge"))


def print_report(report: dict) -> None:
    """Print minutes, pieces and files by label, source and band edge; then one line per dropped or unusual file."""
    for title, key in GROUPS:
        rows = [(escape_name(name), f"{n['minutes']:.2f}", n["pieces"], n["files"]) for name, n in report[key].items()]
        print_table((title, "minutes", "pieces", "files"), rows)
        click.echo()
    for title, entries, field in (("dropped", report["dropped"], "reason"), ("kept", report["remarks"], "remark")):
        for entry in entries:
            click.echo(f"{title}: {escape_name(entry['file'])}: {escape_name(entry[field])}")
    click.echo(
        f"{report['minutes']:.2f} minutes in {report['pieces']} pieces of {report['files']} files; "
        f"{report['dropped_files']} dropped, {report['ignored_files']} ignored because they are not audio"
    )


LONGEST_CELL = 500


def print_table(header: tuple[str, ...], rows: list[tuple], err: bool = False) -> None:
    """Print columns that are as wide as their widest cell, with two spaces between them.

    Args:
        header: the columns' titles.
        rows: cells; ``None`` is printed as ``-``.
        err: print on standard error.
    """
    text = [header, *(tuple(_cell(cell) for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*text, strict=True)]
    for row in text:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), err=err)


def _cell(cell: object) -> str:
    text = "-" if cell is None else str(cell)
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"


def print_cue_table(plan: Plan, project: Project) -> None:
    """Print the resolved cues: position, length, and the preset or source of each."""
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
    """Print the levels of each stem and the sum on standard error, then the comparison with the specification."""
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
    if len(lines) > len(files) or any(
        line.verdict == "warn" for _, line in lines
    ):  # more than the lines about clipping
        click.echo(err=True)
        rows = [(line.verdict, name, line.what, line.measured, line.allowed) for name, line in lines]
        print_table(("", "stem", "measured", "found", "allowed"), rows, err=True)


def print_changes(changes: Changes) -> None:
    """Print on standard error how each stem and cue was rendered and why; of unchanged cues only the number."""
    stems = [(name, change.mode, change.reason) for name, change in [*changes.stems.items(), (SUM, changes.sum)]]
    print_table(("stem", "samples", "why"), sorted(stems, key=lambda stem: stem[1] == KEEP), err=True)
    click.echo(err=True)
    changed = [cue for cue in changes.cues if cue.action != UNTOUCHED]
    if changed:
        print_table(
            ("cue", "stem", "", "why"), [(cue.id, cue.stem, cue.action, cue.reason) for cue in changed], err=True
        )
    if left := len(changes.cues) - len(changed):
        click.echo(f"{left} cue{'s' * (left > 1)} untouched: as in the version before", err=True)
    click.echo(err=True)


def print_findings(findings: list[Finding], lint_input: LintInput) -> None:
    """Print the findings of a cue sheet's checks, one per line, and how many cues were checked."""
    rows = []
    for finding in findings:
        cue = finding.cue
        place: tuple[int | None, str | None, str | int | None] = (finding.row, None, None)
        if cue:
            place = cue.row, cue.id, lint_input.clock.label_at(cue.start_samples) or cue.start_samples
        rows.append((finding.check, *place, finding.message))
    if rows:
        print_table(("check", "row", "id", "start", "found"), rows)
    stems = len({cue.stem for cue in lint_input.sheet.cues})
    click.echo(
        f"{lint_input.sheet.format}: {len(lint_input.sheet.cues)} cues, {stems} stems, "
        f"{len(findings) or 'nothing'} found"
    )


def print_bank(presets: Iterable[Preset]) -> None:
    """Print presets, one per line."""
    rows = [
        (
            preset.name,
            preset.header.kind,
            len(preset.means),
            preset.header.program,
            preset.header.codec,
            preset.header.material or None,
            ", ".join(preset.header.tags) or None,
            preset.header.description,
        )
        for preset in presets
    ]
    print_table(("name", "kind", "takes", "program", "model", "material", "tags", "description"), rows)


def shoe_rows(preset: Preset) -> list[tuple[str, str]]:
    """Return a row for each group of takes that a character can wear, if there are several."""
    if preset.header.kind != "hit" or preset.statistics is None:
        return []
    groups = aligned_takes_of(preset, preset.statistics.hop_samples).shoes
    named = [(f"shoes {chr(ord('a') + number)}", group) for number, group in enumerate(groups)]
    return [(name, f"takes {', '.join(map(str, group))}") for name, group in named] if len(groups) > 1 else []


def print_preset(preset: Preset) -> None:
    """Print all fields of a preset, one per line; then its effects and recordings, one per line each."""
    fields = msgspec.to_builtins(preset.header)
    takes, chain, provenance = (fields.pop(name) for name in ("takes", "chain", "provenance"))
    rows = [(name, ", ".join(map(str, value)) if isinstance(value, list) else value) for name, value in fields.items()]
    frames, dims = sum(map(len, preset.means)), preset.means[0].shape[1]
    rows.append(("takes", f"{len(takes)}: {frames} frames of {dims} latents"))
    rows += shoe_rows(preset)
    lengths = [take["length_samples"] for take in takes]
    rows.append(("length_samples", f"{min(lengths)} to {max(lengths)}"))
    rows += [("effect", ", ".join(f"{name} {value}" for name, value in effect.items())) for effect in chain]
    if provenance is not None:
        recordings, migrated = provenance.pop("recordings"), provenance.pop("migrated")
        rows += list(provenance.items())
        rows += [("recording", f"{recording['name']} ({recording['digest']})") for recording in recordings]
        rows += [("migrated", line) for line in migrated]
    print_table(("field", "value"), [(name, None if value in ("", None) else value) for name, value in rows])
