"""Build the bank of notes from a soundfont and the factory model of notes.

python -m presets.build_note_bank FluidR3_GM.sf2 [--model timbral]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import soundfile

from plugin_backend.corpus.notes.families import PROGRAMS
from plugin_backend.corpus.notes.soundfonts import PlayedNote, play_notes
from plugin_backend.models.registry import load_codec
from presets.bank import NOTE_BANK
from presets.capture import CaptureSettings, capture
from presets.decoded_takes import with_level
from presets.store import SUFFIX, save_preset

INSTRUMENTS = {
    "piano": (0, (48, 72)), "electric-piano": (4, (48, 72)), "harpsichord": (6, (48, 72)), "clavinet": (7, (48, 72)),
    "celesta": (8, (72, 84)), "glockenspiel": (9, (84, 96)), "vibraphone": (11, (60, 72)), "marimba": (12, (60, 72)),
    "drawbar-organ": (16, (48, 72)), "church-organ": (19, (48, 72)), "reed-organ": (20, (48, 72)),
    "nylon-guitar": (24, (52, 64)), "steel-guitar": (25, (52, 64)), "muted-guitar": (28, (52, 64)),
    "upright-bass": (32, (36, 48)), "finger-bass": (33, (36, 48)), "slap-bass": (36, (36, 48)),
    "violin": (40, (67, 79)), "cello": (42, (43, 55)), "pizzicato": (45, (55, 67)), "harp": (46, (60, 72)),
    "choir": (52, (60, 72)),
    "trumpet": (56, (62, 74)), "trombone": (57, (46, 58)), "horn": (60, (53, 65)),
    "alto-sax": (65, (58, 70)), "oboe": (68, (67, 79)), "clarinet": (71, (62, 74)),
    "piccolo": (72, (84, 91)), "flute": (73, (67, 79)), "square-lead": (80, (60, 72)), "saw-lead": (81, (60, 72)),
}  # fmt: skip
"""Instrument → its General MIDI program, from 0, and the MIDI notes of its two presets."""

VELOCITIES = (70, 95, 120)
"""Of the takes of a preset."""

HOLD_S, DECAY_S = 1.4, 0.6
PEAK_DB = -12.0
NAMES = ["c", "c#", "d", "d#", "e", "f", "f#", "g", "g#", "a", "a#", "b"]
FILE_RATE_HZ = 44_100


def note_name(pitch: int) -> str:
    """Return the name of a MIDI note that is valid in file names; 60 is ``c4``.

    Examples:
        >>> note_name(60), note_name(70)
        ('c4', 'as4')
    """
    return f"{NAMES[pitch % 12].replace('#', 's')}{pitch // 12 - 1}"


def build(soundfont: Path, model: str, folder: Path, credit: str, licence: str) -> None:
    """Build every preset of the bank anew, and remove those that are no longer among them.

    Args:
        soundfont: an .sf2 or .sf3 file with the instruments of General MIDI.
        model: a model of notes.
        folder: of the bank.
        credit: who made the soundfont.
        licence: of the soundfont.

    Raises:
        PisadaError: fluidsynth is not installed, or the soundfont cannot be read.
    """
    codec, kept = load_codec(model), set()
    notes = [(name, program, pitch) for name, (program, pitches) in INSTRUMENTS.items() for pitch in pitches]
    played = [PlayedNote(program, pitch, velocity) for _, program, pitch in notes for velocity in VELOCITIES]
    sounds = play_notes(soundfont, played, FILE_RATE_HZ, HOLD_S, DECAY_S)
    settings = CaptureSettings(most_takes=len(VELOCITIES), even=True, modes="none", split="file")
    with TemporaryDirectory() as temporary:
        for number, (instrument, program, pitch) in enumerate(notes):
            name, files = f"{instrument}-{note_name(pitch)}", []
            for velocity in VELOCITIES:
                files.append(Path(temporary) / f"{name}-{velocity}.wav")
                soundfile.write(files[-1], next(sounds), FILE_RATE_HZ, subtype="FLOAT")
            fields = {
                "description": f"{instrument.replace('-', ' ').capitalize()}, the note {note_name(pitch).upper()}",
                "material": PROGRAMS[program][0],
                "tags": ("note", PROGRAMS[program][0]),
                "credit": credit,
                "licence": licence,
                "program": number,
            }
            preset = capture(codec, name, files, settings, **fields).preset
            save_preset(with_level(preset, codec, PEAK_DB), folder)
            kept.add(f"{name}{SUFFIX}")
    for path in folder.glob(f"*{SUFFIX}"):
        if path.name not in kept:
            path.unlink()


def main() -> None:
    """Build the bank."""
    parser = argparse.ArgumentParser(description="Build the bank of notes.")
    parser.add_argument("soundfont", type=Path)
    parser.add_argument("--model", default="timbral")
    parser.add_argument("--folder", type=Path, default=NOTE_BANK)
    parser.add_argument("--credit", default="Frank Wen and others (FluidR3 GM, MIT)")
    parser.add_argument("--licence", default="MIT")
    options = parser.parse_args()
    build(options.soundfont, options.model, options.folder, options.credit, options.licence)


if __name__ == "__main__":
    main()
