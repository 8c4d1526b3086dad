"""The model card of a vector model: measured on notes in NSynth's layout."""

import json

import numpy as np
import pytest

from plugin_backend.corpus.notes.layout import read_notes
from plugin_backend.dsp.spectrogram import Grid
from plugin_backend.errors import CheckpointError
from plugin_backend.evaluation.metrics.note_scores import (
    NO_PITCH_CENTS,
    convergence_db,
    pairs_of,
    path_scores,
    phase_ceiling_db,
    pitch_error_cents,
    played,
)
from plugin_backend.evaluation.report import note_card
from plugin_backend.evaluation.report.report import as_json
from tests.plugin_backend.models.spectral_vae.tiny_spectral import RATE, tiny_codec, tone
from tests.plugin_backend.training.note_folder import write_notes

GRID = Grid(1024, 256)


class Loudness:
    """An embedding of 100 ms: level and its square."""

    name, rate_hz, window_samples = "loudness", RATE, RATE // 10

    def embed(self, windows):
        level = np.log10(np.sqrt(np.square(windows).mean(1)) + 1e-6)
        return np.stack([level, level**2], 1)


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notes")
    write_notes(folder, "test", {"flute_a": "flute", "organ_b": "organ"})
    return folder


def test_the_card_has_the_numbers_of_all_models(notes, tmp_path):
    own, published = (str(tiny_codec(tmp_path, name)[1]) for name in ("own", "published"))
    scores = {
        name: note_card.measure(path, notes, Loudness(), 4, 2) for name, path in (("own", own), ("old", published))
    }
    assert scores["own"]["notes"] == 4 and scores["own"]["tonal_notes"] == 4
    assert scores["own"]["pitch_error_cents"] >= 0 and scores["own"]["ceiling_db"] < -15
    paths = scores["own"]["paths"]
    assert (paths["paths"], paths["paths_with_monotone_level"], len(paths["frechet_by_step"])) == (2, 2, 11)
    assert "paths" not in scores["old"]
    text = note_card.card("own", scores)
    assert scores["own"]["fingerprint"] in text and "| own | old |" in text and "2 pairs of notes" in text
    assert json.loads(as_json(scores))["own"]["frechet"] == scores["own"]["frechet"]
    with pytest.raises(CheckpointError, match="frames"):
        note_card.measure("foley", notes, Loudness(), 4, 2)


def test_scores_are_those_of_known_changes(notes, tmp_path):
    codec = tiny_codec(tmp_path)[0]
    one = played(read_notes(notes, ("test",)), codec, 4)[0]
    assert convergence_db(one.audio, one.audio, GRID) < -150
    assert convergence_db(np.float32(0.9) * one.audio, one.audio, GRID) == pytest.approx(-20, abs=0.1)
    sharp = tone(one.note.pitch + 0.2)[: one.audio.size]
    assert pitch_error_cents(sharp, one, RATE) == pytest.approx(20, abs=1)
    assert pitch_error_cents(np.zeros_like(sharp), one, RATE) == NO_PITCH_CENTS
    assert phase_ceiling_db([one], GRID) < -15


def test_a_path_that_jumps_is_not_monotone(notes, tmp_path):
    codec = tiny_codec(tmp_path)[0]
    all_notes = played(read_notes(notes, ("test",)), codec, 4)
    pairs = pairs_of(all_notes, 1)
    steady, jumping = (np.stack([tone(50 + step)[: codec.spec.hop_samples] for step in order]) for order in (
        range(11), [0, 1, 2, 3, 9, 5, 6, 7, 8, 4, 10]
    ))  # fmt: skip
    for sounds, monotone in ((steady, 1), (jumping, 0)):
        codec.decode = lambda vectors, sounds=sounds: sounds
        assert path_scores(codec, pairs, all_notes, Loudness())["paths_with_monotone_pitch"] == monotone
