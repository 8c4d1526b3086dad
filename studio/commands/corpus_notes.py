"""``pisada corpus-notes``: make single notes for training, from soundfonts, voices and the user's own sounds."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.options import Examples

SOUNDFONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"


@click.command("corpus-notes", cls=Examples, example=f"pisada corpus-notes notes --soundfont {SOUNDFONT}")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--soundfont",
    "soundfonts",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A soundfont to train with. Repeat.",
)
@click.option(
    "--hold-out", "held_out", type=click.Path(path_type=Path), help="A soundfont for tests only: nsynth-test."
)
@click.option("--voices", is_flag=True, help="Add vowels and words by espeak-ng, as the class vocal.")
@click.option("--folder", type=click.Path(path_type=Path), help="Add your own sounds, as the class own.")
@click.option("--lowest", type=click.IntRange(0, 127), default=36, show_default=True, help="The lowest MIDI note.")
@click.option("--highest", type=click.IntRange(0, 127), default=96, show_default=True, help="The highest MIDI note.")
@click.option(
    "--every", type=click.IntRange(1, 127), default=6, show_default=True, help="Semitones from one note to the next."
)
@click.option(
    "--velocity",
    "velocities",
    multiple=True,
    type=click.IntRange(1, 127),
    default=(50, 100),
    show_default=True,
    help="A MIDI velocity. Repeat.",
)
@click.option(
    "--program",
    "programs",
    multiple=True,
    type=click.IntRange(0, 127),
    help="A General MIDI program, from 0. Repeat.  [default: all that are notes]",
)
@click.option("--rate", type=click.IntRange(8_000, 192_000), default=44_100, show_default=True, help="Rate in Hz.")
@click.option("--hold", "hold_s", type=float, default=3.0, show_default=True, help="Seconds that a key is held.")
@click.option("--decay", "decay_s", type=float, default=1.0, show_default=True, help="Seconds after that.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def corpus_notes(
    out: Path,
    soundfonts: tuple[Path, ...],
    held_out: Path | None,
    voices: bool,
    folder: Path | None,
    lowest: int,
    highest: int,
    every: int,
    velocities: tuple[int, ...],
    programs: tuple[int, ...],
    rate: int,
    hold_s: float,
    decay_s: float,
    as_json: bool,
) -> None:
    """Make a set of notes in the new folder OUT, in the layout of NSynth. Keys that do not sound are dropped."""
    import json

    import msgspec

    from plugin_backend.corpus.notes.build import NoteSetOptions, build_note_set

    pitches = range(lowest, highest + 1, every)
    options = NoteSetOptions(
        soundfonts=soundfonts,
        held_out=held_out,
        pitches=pitches,
        velocities=sorted(set(velocities)),
        programs=sorted(set(programs)),
        rate_hz=rate,
        hold_s=hold_s,
        decay_s=decay_s,
        voices=voices,
        folder=folder,
    )
    report = build_note_set(out, options, say=lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(report), indent=1))
        return
    splits = ", ".join(f"{count} {split}" for split, count in report.splits.items()) or "no notes"
    click.echo(f"{out}: {splits}; {len(report.families)} families; {report.silent} silent keys dropped")
