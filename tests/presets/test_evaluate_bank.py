"""Compare the factory bank with its recordings, and models in one table."""

import numpy as np
import pytest

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.errors import AudioFileError, PresetError
from plugin_backend.models.registry import load_codec
from presets import compare_models
from presets import evaluate_bank as bank_evaluation
from presets.build_factory_bank import recipe
from presets.capture import encode_pieces
from presets.evaluate_bank import audible_take, bank_of, evaluate_bank, evaluated_presets, joined_takes

RATE_HZ = 48_000


def few(names: tuple[str, ...]):
    return lambda: [entry for entry in recipe() if entry["name"] in names]


@pytest.mark.corpus
@pytest.mark.slow
def test_presets_of_the_identity_codec_are_their_recordings(corpus, monkeypatch):
    monkeypatch.setattr(bank_evaluation, "recipe", few(("step-snow", "bell", "amb-fire")))
    presets = list(evaluated_presets(corpus, PcmCodec()))
    assert [(one.name, one.kind, len(one.pairs)) for one in presets] == [
        ("step-snow", "hit", 8),
        ("bell", "hit", 1),
        ("amb-fire", "texture", 1),
    ]
    message = []
    scores = evaluate_bank(presets, PcmCodec(), [], lambda *step: message.append(step))
    assert message == [("bank", done, 3) for done in range(4)]
    assert scores["ringing"]["partials"] == 8 and scores["ringing"]["found"] == 1
    assert scores["ringing"]["prominence_db"] > 40 and scores["ringing"]["cents_error"] == pytest.approx(0, abs=0.1)
    snow, fire = scores["presets"]["step-snow"], scores["presets"]["amb-fire"]
    assert snow["hits"]["rise_ratio"] == pytest.approx(1, abs=0.05) == snow["hits"]["fall_ratio"]
    assert snow["hits"]["original_rise_ms"] > 20 and snow["hits"]["level_db"] == pytest.approx(0, abs=0.1)
    assert fire["textures"]["ratio"] < 0.1 and fire["metrics"]["comb_db"]["mean"] == pytest.approx(0, abs=0.1)
    assert scores["two_sample"]["spectra"]["codec"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.corpus
@pytest.mark.slow
def test_the_shipped_wind_is_what_foley_makes_of_its_recording(corpus, monkeypatch):
    monkeypatch.setattr(bank_evaluation, "recipe", few(("amb-wind",)))
    (shipped,) = bank_of("foley", corpus)
    (anew,) = evaluated_presets(corpus, load_codec("foley"))
    assert np.array_equal(shipped.pairs[0].truth, anew.pairs[0].truth)
    assert shipped.pairs[0].guess == pytest.approx(anew.pairs[0].guess, abs=0.02)


def test_audible_take_is_a_cue_without_the_presets_gain():
    audio = np.full((1, 5_000), 0.5, np.float32)
    preset = encode_pieces(PcmCodec(), "flat", [audio[0]], "hit", gain_db=-20.0)
    output = audible_take(preset, 0, PcmCodec())
    assert output.size == 5_000 and output[100:4_500] == pytest.approx(0.5)
    assert 0 < output[0] < 0.01 > output[-1] > 0 and output[-240] == pytest.approx(0.25, abs=0.01)


def test_takes_strung_together_are_aligned():
    pair = bank_evaluation.Pair("a", "a", "here", np.ones(10, np.float32), np.full(10, 2, np.float32))
    both = joined_takes(bank_evaluation.EvaluatedPreset("a", "hit", "here", [pair, pair]), RATE_HZ)
    assert both.truth.size == 2 * (10 + 2400) and np.array_equal(both.guess, 2 * both.truth)


def test_a_folder_that_is_not_the_corpus_gives_a_one_line_error(tmp_path):
    with pytest.raises(AudioFileError, match="not the Foley corpus, it has no manifest.csv") as raised:
        next(evaluated_presets(tmp_path, PcmCodec()))
    assert "\n" not in str(raised.value) and "corpus-fetch" in str(raised.value)


@pytest.mark.corpus
def test_a_bank_of_another_model_or_of_other_recordings_is_refused(corpus, monkeypatch):
    monkeypatch.setattr(bank_evaluation, "recipe", few(("prop-glass",)))
    flat = encode_pieces(PcmCodec(), "prop-glass", [np.ones(9_000, np.float32)], "hit")
    with pytest.raises(PresetError, match="has 1 takes, and its recordings give 2: rebuild the bank"):
        next(evaluated_presets(corpus, PcmCodec(), {"prop-glass": flat}))
    with pytest.raises(PresetError, match="'prop-glass' was made with model 'pcm' .*, not with 'foley'"):
        next(evaluated_presets(corpus, load_codec("foley"), {"prop-glass": flat}))


def test_what_cannot_be_compared_gives_a_one_line_error(tmp_path, capsys):
    assert compare_models.main([str(tmp_path), "nothing"]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("no model 'nothing'") and printed.count("\n") == 1
    assert compare_models.main([str(tmp_path), "foley", "pcm"]) == 2
    assert "pcm: held out other sounds" in capsys.readouterr().err
