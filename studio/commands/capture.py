"""``pisada capture``: recordings become a preset."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.options import Examples
from studio.commands.preset_options import fields_of, preset_fields
from studio.workflows.overwrite_guard import check_folder, check_new


class Modes(click.ParamType):
    """``auto``, ``none`` or a number."""

    name = "auto|none|N"

    def convert(self, value, param, ctx) -> str | int:
        if value in ("auto", "none"):
            return value
        if str(value).isdigit() and 1 <= int(value) <= 512:
            return int(value)
        self.fail(f"{value!r}: give auto, none, or a number from 1 to 512")


@click.command(cls=Examples, example="pisada capture boots-01.wav boots-02.wav --name my-boots --bank my-bank")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", required=True, help="The preset's name: a-z, 0-9, '_', '-', '.'.")
@click.option("--bank", required=True, type=click.Path(path_type=Path), help="Folder to keep it in; made if need be.")
@click.option("--kind", type=click.Choice(["hit", "texture"]), default="hit", show_default=True)
@click.option("--model", default="foley", show_default=True, help="A factory model's name or a .safetensors file.")
@click.option("--variation", type=click.FloatRange(0, 4), default=1.0, show_default=True, help="How takes stray.")
@click.option(
    "--modes",
    type=Modes(),
    default="auto",
    show_default=True,
    help="Fit what rings of each take: where something does, never, or at most N modes.",
)
@click.option(
    "--split",
    type=click.Choice(["hits", "silence", "file"]),
    default="hits",
    show_default=True,
    help="Where takes begin: at every hit, at hits after a silence (what clatters stays together), once a file.",
)
@click.option("--takes", type=click.IntRange(1, 512), default=64, show_default=True, help="Keep the loudest so many.")
@click.option(
    "--sensitivity",
    type=click.FloatRange(0.1, 10),
    default=1.0,
    show_default=True,
    help="Of the hit detector, as in `pisada cues from-audio`: 2 finds rises half as steep.",
)
@click.option(
    "--min-gap-ms",
    type=click.FloatRange(20, 5000),
    default=150.0,
    show_default=True,
    help="What follows a hit sooner belongs to it.",
)
@preset_fields
@click.option("--overwrite", is_flag=True, help="Replace a preset of that name in the bank.")
def capture(
    files, name, bank, kind, model, variation, modes, split, takes, sensitivity, min_gap_ms, overwrite, **words
) -> None:
    """Encode recordings FILES as one latent preset; every hit found becomes a take."""
    from plugin_backend.audio_files import inspect_audio
    from plugin_backend.hit_detection.detect_hits import Sensitivity
    from plugin_backend.models.registry import deferred_codec
    from presets import capture as capturing
    from presets.preset import Provenance
    from presets.provenance import recordings_of
    from presets.store import path_of, save_preset

    check_new(path_of(name, bank), overwrite, other="give another --name")
    check_folder(bank)
    told = [f"{file}: {remark}" for file in files for remark in inspect_audio(file).remarks]
    own = {"modes": modes, "split": split, "sensitivity": sensitivity, "min_gap_ms": min_gap_ms}
    made = Provenance(made="capture", recordings=recordings_of(files), most_takes=takes, **own)
    captured = capturing.capture(
        deferred_codec(model),
        name,
        list(files),
        kind,
        takes,
        modes=modes,
        split=split,
        sensitivity=Sensitivity(sensitivity, min_gap_ms),
        variation=variation,
        stereo=kind == "texture",
        provenance=made,
        **fields_of(**words),
    )
    for remark in (*told, *captured.remarks):
        click.echo(f"note: {remark}", err=True)
    preset = captured.preset
    hits = f" of {captured.hits} hits" if kind == "hit" else ""
    rings = sum(map(len, preset.modes))
    saved = save_preset(preset, bank, overwrite)
    click.echo(f"{saved}: {len(preset.means)} takes{hits}" + (f", {rings} modes" if rings else ""))
