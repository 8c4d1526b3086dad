"""Voices and the user's own sounds as notes, with detected pitches."""

import shutil

import numpy as np
import pytest
import soundfile

from plugin_backend.corpus.notes import voices
from plugin_backend.corpus.notes.build import NoteSetOptions, build_note_set
from plugin_backend.corpus.notes.layout import read_notes
from plugin_backend.errors import PisadaError

RATE = 16_000


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="needs espeak-ng (Debian)")
def test_vowels_and_words_become_the_class_vocal_and_no_speaker_is_in_two_splits(tmp_path, monkeypatch):
    monkeypatch.setattr(voices, "PITCHES", (15, 85))
    report = build_note_set(tmp_path / "set", NoteSetOptions(voices=True, rate_hz=RATE), say=lambda _: None)
    notes = read_notes(tmp_path / "set")
    assert set(report.families) == {"vocal"} and set(report.splits) == {"train", "valid", "test"}
    assert report.splits["train"] > 4 * report.splits["test"] > 0
    speakers = {split: {note.row.instrument // 10 for note in notes if note.split == split} for split in report.splits}
    assert speakers == {"train": set(range(6)), "valid": {6}, "test": {7}}
    assert sum(note.pitch is not None for note in notes) > 0.4 * len(notes)
    spans = []  # higher where a higher voice was asked for
    for instrument in {note.row.instrument for note in notes}:
        found = [note.pitch for note in notes if note.row.instrument == instrument and note.pitch is not None]
        spans += [max(found) - min(found)] if len(found) == 2 else []
    assert len(spans) > 10 and np.median(spans) > 2
    assert {note.row.qualities_str[0] for note in notes} >= {"a:", "hello"}
    assert min(note.read(RATE).size for note in notes) > RATE // 10


def test_without_espeak_the_line_that_installs_it_is_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(voices.shutil, "which", lambda _: None)
    with pytest.raises(PisadaError, match="apt-get install espeak-ng"):
        build_note_set(tmp_path / "set", NoteSetOptions(voices=True), say=lambda _: None)
    assert not list(tmp_path.iterdir())


def test_own_sounds_become_a_class_with_detected_or_unknown_pitch(tmp_path):
    folder, said = tmp_path / "mine", []
    seconds = np.arange(RATE) / RATE
    sounds = {
        "tone": 0.5 * np.sin(2 * np.pi * 446.3 * seconds),
        "noise": 0.3 * np.random.default_rng(0).standard_normal(RATE),
        "silence": np.zeros(RATE),
    }
    for name, audio in sounds.items():
        (folder / name).mkdir(parents=True)
        soundfile.write(folder / name / "a.wav", np.clip(audio, -1, 1), RATE)
    (folder / "broken.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    options = NoteSetOptions(folder=folder, rate_hz=RATE, hold_s=0.4, decay_s=0.1)
    report = build_note_set(tmp_path / "set", options, said.append)
    notes = {note.row.qualities_str[0]: note for note in read_notes(tmp_path / "set")}
    assert report.families == {"own": 2} and set(notes) == {"tone", "noise"}
    assert notes["noise"].pitch is None and "-unknown-" in notes["noise"].row.note_str
    assert notes["tone"].row.pitch == 69
    assert notes["tone"].pitch == pytest.approx(69 + 12 * np.log2(446.3 / 440), abs=0.02)
    assert notes["tone"].read(RATE).size == RATE // 2
    assert [line.startswith("left out: ") for line in said] == [False, True, True]
