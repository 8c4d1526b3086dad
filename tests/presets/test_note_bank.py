"""The shipped bank of notes: what it holds, and that its notes have their pitch."""

import re

import numpy as np
import pytest

from plugin_backend.dsp.pitch_detection import detect_pitch
from plugin_backend.models.registry import load_codec
from presets.bank import FACTORY_NOTES, Bank
from presets.build_note_bank import INSTRUMENTS, note_name

NOTES = {f"{name}-{note_name(pitch)}": pitch for name, (_, pitches) in INSTRUMENTS.items() for pitch in pitches}
HEARD = ("flute-g4", "oboe-g5", "trumpet-d4", "church-organ-c3", "nylon-guitar-e3", "saw-lead-c5")


def test_it_holds_64_notes_of_at_least_ten_families():
    bank = Bank(FACTORY_NOTES)
    headers = [bank[name].header for name in bank.names]
    assert sorted(bank.names) == sorted(NOTES) and len(NOTES) == 64
    assert len({header.material for header in headers}) >= 10
    assert {header.licence for header in headers} == {"MIT"} and all(header.credit for header in headers)
    assert sorted(header.program for header in headers) == list(range(64))
    assert {re.search(r"note (\S+)$", header.description)[1].lower() for header in headers} <= set(
        map(note_name, range(128))
    )


@pytest.mark.parametrize("name", HEARD)
def test_a_note_has_its_pitch(name):
    codec, preset = load_codec("timbral"), Bank(FACTORY_NOTES)[name]
    audio = codec.decode(np.asarray(preset.means[-1], np.float32)[None])[0]
    found = detect_pitch(audio, codec.spec.sample_rate)
    assert abs(found.note - NOTES[name]) < 0.1, found
