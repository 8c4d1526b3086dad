"""``pisada capture``: make a preset from recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from studio.commands.options import MODEL_HELP, Examples
from studio.commands.preset_options import fields_of, preset_fields
from studio.workflows.overwrite_guard import check_folder, check_new


class Modes(click.ParamType):
    """``auto``, ``none`` or a number."""

    name = "auto|none|N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | int:
        """Return the value of the option."""
        if value in ("auto", "none"):
            return value
        if str(value).isdigit() and 1 <= int(value) <= 512:
            return int(value)
        self.fail(f"{value!r}: give auto, none, or a number from 1 to 512")


@click.command(cls=Examples, example="pisada capture boots-01.wav boots-02.wav --name my-boots --bank my-bank")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", required=True, help="The preset's name: a-z, 0-9, '_', '-', '.'.")
@click.option(
    "--bank",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder to save the preset in; it is made if it is absent.",
)
@click.option(
    "--kind",
    type=click.Choice(["hit", "texture"]),
    default="hit",
    show_default=True,
    help="A hit ends by itself; a texture goes on as long as it is held.",
)
@click.option("--model", default="foley", show_default=True, help=MODEL_HELP)
@click.option(
    "--variation",
    type=click.FloatRange(0, 4),
    default=1.0,
    show_default=True,
    help="How far performances differ from the mean of the takes: 0 not at all, 1 as the takes differ, 2 twice as far.",
)
@click.option(
    "--velocity-curve",
    type=click.FloatRange(0, 4),
    default=1.0,
    show_default=True,
    help="How strongly velocity changes the timbre of a hit; 0: not at all.",
)
@click.option(
    "--modes",
    type=Modes(),
    default="auto",
    show_default=True,
    help="Fit resonant modes to each take: auto where something rings, none, or at most N modes.",
)
@click.option(
    "--split",
    type=click.Choice(["hits", "silence", "file"]),
    default="hits",
    show_default=True,
    help="Where takes begin: hits, at every hit; silence, at hits after a silence (a clatter stays one take); "
    "file, one take per file.",
)
@click.option(
    "--takes",
    type=click.IntRange(1, 512),
    default=64,
    show_default=True,
    help="Keep this many takes, the loudest ones.",
)
@click.option(
    "--sensitivity",
    type=click.FloatRange(0.1, 10),
    default=1.0,
    show_default=True,
    help="Sensitivity of the hit detector, as in `pisada cues from-audio`: 2 finds rises half as steep.",
)
@click.option(
    "--min-gap-ms",
    type=click.FloatRange(20, 5000),
    default=150.0,
    show_default=True,
    help="Shortest time between two hits; an onset that comes sooner belongs to the hit before it.",
)
@preset_fields
@click.option("--overwrite", is_flag=True, help="Replace a preset of that name in the bank.")
def capture(
    files: tuple[Path, ...],
    name: str,
    bank: Path,
    kind: str,
    model: str,
    variation: float,
    velocity_curve: float,
    modes: str | int,
    split: str,
    takes: int,
    sensitivity: float,
    min_gap_ms: float,
    overwrite: bool,
    **fields: Any,
) -> None:
    """Encode recordings FILES as one latent preset. Every detected hit becomes a take."""
    from plugin_backend.audio_files import inspect_audio
    from plugin_backend.hit_detection.detect_hits import Sensitivity
    from plugin_backend.models.registry import deferred_codec
    from presets import capture as capturing
    from presets.preset import Provenance
    from presets.provenance import recordings_of
    from presets.store import path_of, save_preset

    check_new(path_of(name, bank), overwrite, other="give another --name")
    check_folder(bank)
    remarks = [f"{file}: {remark}" for file in files for remark in inspect_audio(file).remarks]
    provenance = Provenance(
        made="capture",
        recordings=recordings_of(files),
        most_takes=takes,
        modes=modes,
        split=split,
        sensitivity=sensitivity,
        min_gap_ms=min_gap_ms,
    )
    captured = capturing.capture(
        deferred_codec(model),
        name,
        list(files),
        capturing.CaptureSettings(
            kind, takes, modes=modes, split=split, sensitivity=Sensitivity(sensitivity, min_gap_ms)
        ),
        variation=variation,
        velocity_curve=velocity_curve,
        stereo=kind == "texture",
        provenance=provenance,
        **fields_of(**fields),
    )
    for remark in (*remarks, *captured.remarks):
        click.echo(f"note: {remark}", err=True)
    preset = captured.preset
    hits = f" of {captured.hits} hits" if kind == "hit" else ""
    mode_count = sum(map(len, preset.modes))
    path = save_preset(preset, bank, overwrite)
    click.echo(f"{path}: {len(preset.means)} takes{hits}" + (f", {mode_count} modes" if mode_count else ""))
