"""The pitch of notes, to a few cents; none for noise and silence."""

import numpy as np
import pytest

from plugin_backend.dsp.pitch_detection import detect_pitch, frequency_hz_of, note_of
from tests.plugin_backend.models.spectral_vae.tiny_spectral import tone

RATE = 16_000


@pytest.mark.parametrize("note", [36, 57, 74.5, 96])
@pytest.mark.parametrize("brightness", [0.3, 0.9])
def test_a_note_is_found_to_a_few_cents(note, brightness):
    found = detect_pitch(tone(note, brightness=brightness), RATE)
    assert found.note == pytest.approx(note, abs=0.05) and found.clarity > 0.9


def test_a_known_note_is_searched_only_near_it():
    assert detect_pitch(tone(60.3), RATE, 60).note == pytest.approx(60.3, abs=0.03)
    assert detect_pitch(tone(60), RATE, 66) is None


def test_noise_silence_and_nothing_have_no_pitch():
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert all(detect_pitch(audio, RATE) is None for audio in (noise, np.zeros(RATE), np.zeros(0), np.ones(10)))


def test_a_short_note_is_found_and_notes_and_frequencies_agree():
    assert detect_pitch(tone(69, 0.09), RATE).note == pytest.approx(69, abs=0.1)
    assert note_of(440) == 69 and frequency_hz_of(57) == pytest.approx(220)
