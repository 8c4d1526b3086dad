"""``pisada timbre interpolate``: sounds on the way between two, three or four sounds."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.options import MODEL_HELP, Examples, bank_option


@click.group(epilog="\b\nExample:\n  pisada timbre interpolate flute.wav bell.wav --out between")
def timbre() -> None:
    """Find timbres between sounds."""


@timbre.command(cls=Examples, example="pisada timbre interpolate flute.wav bell.wav --match-pitch --out between")
@click.argument("sounds", nargs=-1, required=True, metavar="A B [C [D]]")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new folder; every path has its own.")
@click.option("--steps", type=click.IntRange(2, 101), default=11, show_default=True, help="Points on a side.")
@click.option(
    "--how",
    "method",
    type=click.Choice(["linear", "spherical"]),
    default="linear",
    show_default=True,
    help="Straight through the latents, or along the sphere.",
)
@click.option("--match-pitch", is_flag=True, help="Give all sounds the pitch of the first.")
@bank_option
@click.option("--model", default="timbral", show_default=True, help=MODEL_HELP)
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Sounds decoded side by side.")
def interpolate(
    sounds: tuple[str, ...],
    out: Path,
    steps: int,
    method: str,
    match_pitch: bool,
    banks: tuple[Path, ...],
    model: str,
    jobs: int,
) -> None:
    """Write the sounds between A and B (a line), with C (a triangle) and D (a square).

    Each is a sound file, or a preset of the model. OUT gets one file for each point, all.wav, the originals and
    path.json.
    """
    from plugin_backend.models.registry import load_codec
    from presets.timbre_files import PathSettings, write_path

    settings = PathSettings(steps, method, match_pitch, banks, jobs)
    files = write_path(sounds, load_codec(model), out, settings)
    count = sum(path.name.startswith("step_") for path in files)
    click.echo(f"{out}: {count} steps, all.wav, {len(sounds)} originals")
