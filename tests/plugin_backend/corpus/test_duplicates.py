"""A corpus from a folder: copies of one recording go, takes of one step stay."""

import numpy as np
import pytest
import soundfile
import soxr

from plugin_backend.corpus.dataset import prepare_corpus
from tests.plugin_backend.corpus_sounds import RATE, noise, only, step, told

# The same recording twice


def test_copies_at_another_level_rate_encoding_or_polarity_go(tmp_path):
    original = step(1) + 0.3 * noise(0.3, seed=9) * np.exp(-np.arange(14_400) / 3_000)
    copies = {
        "b_quieter.wav": (original * 0.13, RATE),
        "c_slower.wav": (soxr.resample(original, RATE, 22_050, "VHQ"), 22_050),
        "d_telephone.wav": (soxr.resample(original, RATE, 8_000, "VHQ"), 8_000),
        "e_ogg.ogg": (original, RATE),
        "f_mp3.mp3": (original, RATE),
        "g_inverted.wav": (-original, RATE),
        "h_padded.wav": (np.concatenate([np.zeros(777), original, np.zeros(99)]), RATE),
    }
    for name, (audio, rate) in copies.items():
        soundfile.write(tmp_path / name, audio, rate)
    corpus = only(tmp_path, original)
    assert [sound.file for sound in corpus.sounds] == ["a.wav"]
    assert [entry["file"] for entry in corpus.report["dropped"]] == list(copies)
    assert told(corpus)["h_padded.wav"] == "the same audio as a.wav"
    assert all("as a.wav" in entry["reason"] for entry in corpus.report["dropped"])


def test_takes_of_one_step_stay(tmp_path):
    for take in range(6):
        soundfile.write(tmp_path / f"take{take}.wav", step(take), RATE)
    corpus = prepare_corpus(tmp_path)
    assert len(corpus.sounds) == 6
    assert told(corpus) == {}


def test_the_copy_that_reaches_higher_is_kept(tmp_path):
    original = step(1)
    soundfile.write(tmp_path / "a_dull.wav", soxr.resample(original, RATE, 16_000, "VHQ"), 16_000)
    soundfile.write(tmp_path / "b_full.wav", original, RATE)
    soundfile.write(tmp_path / "c_dull.wav", soxr.resample(original, RATE, 16_000, "VHQ") * 0.5, 16_000)
    corpus = prepare_corpus(tmp_path)
    assert [sound.file for sound in corpus.sounds] == ["b_full.wav"]
    assert told(corpus)["a_dull.wav"] == "the same recording as b_full.wav, which reaches 21.6 kHz instead of 7.2"
    assert told(corpus)["c_dull.wav"].endswith("as b_full.wav")


# The real thing


@pytest.mark.corpus
def test_debians_footsteps_keep_all_takes_but_copies(corpus, tmp_path):
    prepared = prepare_corpus(corpus / "footsteps", tmp_path / "cache")
    copies = [entry["file"].partition("__")[2].rpartition("_")[0] for entry in prepared.report["dropped"]]
    assert copies == ["sand2", "sand", *(f"fs_rock{n}" for n in range(1, 9)), "step4", "tile1"]
    assert prepared.report["files"] == 194
    upsampled = [sound.edge_hz for sound in prepared.sounds if "default_grass_footstep" in sound.file]
    assert upsampled == pytest.approx([10_900] * 3, abs=500)
    carpets = [sound.edge_hz for sound in prepared.sounds if sound.label == "carpet"]
    assert len(carpets) == 4
    assert min(carpets) > 19_000


def test_the_report_says_of_which_kept_file_a_dropped_one_is_a_copy(tmp_path):
    """The second is dropped for the first, and the first for the third, which reaches higher."""
    original = step(1)
    dull = soxr.resample(original, RATE, 16_000, "VHQ")
    soundfile.write(tmp_path / "a.wav", dull, 16_000)
    soundfile.write(tmp_path / "b.wav", dull * 0.5, 16_000)
    soundfile.write(tmp_path / "c.wav", original, RATE)
    soundfile.write(tmp_path / "d.wav", original * 0.7, RATE)
    (tmp_path / "e.wav").write_text("no audio")
    dropped = {each["file"]: each.get("same_as") for each in prepare_corpus(tmp_path).report["dropped"]}
    assert dropped == {"a.wav": "c.wav", "b.wav": "c.wav", "d.wav": "c.wav", "e.wav": None}
