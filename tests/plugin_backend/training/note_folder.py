"""A small folder of notes in NSynth's layout."""

import soundfile

from plugin_backend.corpus.notes.layout import FAMILIES, NoteRow, write_list
from tests.plugin_backend.models.spectral_vae.tiny_spectral import RATE, tone


def write_notes(folder, split, instruments, pitches=(48, 60)):
    """Write notes of a second for each instrument; ``instruments`` are families by name."""
    root = folder / f"nsynth-{split}"
    (root / "audio").mkdir(parents=True)
    rows = []
    for number, (instrument, family) in enumerate(instruments.items()):
        for pitch in pitches:
            name = f"{instrument}-{pitch:03d}-100"
            soundfile.write(root / "audio" / f"{name}.wav", tone(pitch, brightness=0.3 + number / 10), RATE)
            kind = {"instrument": number, "instrument_str": instrument, "instrument_family_str": family}
            numbers = {"note": len(rows), "pitch": pitch, "velocity": 100, "sample_rate": RATE}
            source = {"instrument_family": FAMILIES.index(family), "instrument_source": 0}
            texts = {"instrument_source_str": "acoustic", "qualities": [], "qualities_str": []}
            rows.append(NoteRow(note_str=name, **kind, **numbers, **source, **texts))
    write_list(root, rows)
