"""An evaluation uses the same files of a folder as a corpus, whole and unchanged."""

import os

import numpy as np
import pytest
import soundfile

from plugin_backend.audio_files import read_mono
from plugin_backend.corpus.dataset import prepare_corpus
from plugin_backend.corpus.holdout import split_sounds
from plugin_backend.corpus.report import find_copies
from plugin_backend.errors import AudioFileError
from plugin_backend.evaluation.data.evaluation_set import HeldOut, read_evaluation_set
from plugin_backend.evaluation.data.read_folder import read_folder
from tests.plugin_backend.corpus_sounds import RATE, noise, step

FORMATS = ("WAV", "FLAC", "OGG", "oga", "opus", "aif", "AIFF", "mp3")
CONTAINERS = {"oga": {"format": "OGG"}, "opus": {"format": "OGG", "subtype": "OPUS"}, "aif": {"format": "AIFF"}}


def saved(folder, names):
    """Half a second of noise under each name; never the same."""
    for seed, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(os.fsencode(folder / name), noise(0.5, seed=seed), RATE)


def result(sounds):
    return [(sound.file, sound.label, sound.source) for sound in sounds]


def test_all_files_that_a_corpus_holds_out_are_evaluated(tmp_path):
    for seed, suffix in enumerate(FORMATS):
        soundfile.write(tmp_path / f"a.{suffix}", noise(0.5, seed=seed), RATE, **CONTAINERS.get(suffix, {}))
    channels = np.stack([noise(0.5, seed=20 + channel) for channel in range(8)], axis=1)
    soundfile.write(tmp_path / "surround.wav", channels, RATE)
    files = {sound.file for sound in prepare_corpus(tmp_path).sounds}
    assert len(files) == len(FORMATS) + 1
    material = read_evaluation_set(tmp_path, RATE, HeldOut(files=frozenset(files)))
    assert {sound.file for sound in material.evaluated} == files and material.is_held_out and material.remarks == []
    surround = next(sound for sound in material.evaluated if sound.file == "surround.wav")
    np.testing.assert_allclose(surround.audio, channels.mean(axis=1), atol=2**-15)


def test_a_manifest_is_read_as_a_corpus_reads_it_and_keeps_its_order(tmp_path):
    saved(tmp_path, ("b.wav", "a.wav", "door/c.wav", "d.wav"))
    (tmp_path / "manifest.csv").write_text("file,label,source\nd.wav,bell,mine\ngone.wav,bell,mine\nb.wav,rain,yours\n")
    material = read_evaluation_set(tmp_path, RATE, HeldOut())
    assert result(material.evaluated) == [
        ("d.wav", "bell", "mine"),
        ("b.wav", "rain", "yours"),
        ("a.wav", "unlabelled", "user"),
        ("door/c.wav", "door", "door"),
    ]
    assert sorted(result(material.evaluated)) == sorted(result(prepare_corpus(tmp_path).sounds))
    assert material.remarks == ["left out: gone.wav: named in manifest.csv but not there"]


def test_a_short_row_of_a_manifest_is_one_line_with_file_and_row(tmp_path):
    saved(tmp_path, ("1.wav",))
    (tmp_path / "manifest.csv").write_text("file,label,debian_package\n1.wav\n")
    with pytest.raises(AudioFileError) as raised:
        read_folder(tmp_path, RATE)
    assert str(raised.value).startswith(f"{tmp_path / 'manifest.csv'}, row 2, column 'label': empty")


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
def test_a_sound_of_ten_milliseconds_is_evaluated_and_a_shorter_one_left_out(tmp_path, rate):
    shortest = rate // 100
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(shortest) / rate)
    soundfile.write(tmp_path / "enough.wav", tone, rate)
    soundfile.write(tmp_path / "short.wav", tone[:-1], rate)
    material = read_evaluation_set(tmp_path, RATE, HeldOut())
    assert [sound.audio.size for sound in material.evaluated] == [480]
    assert material.remarks == [f"left out: short.wav: too short: {shortest - 1} samples; at least 10 ms are needed"]


def test_sounds_are_whole_and_as_they_are_but_for_insane_peaks(tmp_path):
    padded = np.pad(noise(0.3), (RATE, RATE))
    save = {"padded": padded, "shifted": noise(0.3, seed=1) + 0.25, "loud": noise(0.3, seed=2) * 32_768}
    for name, audio in save.items():
        soundfile.write(tmp_path / f"{name}.wav", audio, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "slow.wav", noise(0.3, 44_100, seed=3), 44_100)
    material = read_evaluation_set(tmp_path, RATE, HeldOut())
    sounds = {sound.file: sound.audio for sound in material.evaluated}
    for name in ("padded.wav", "shifted.wav", "slow.wav"):
        assert np.array_equal(sounds[name], read_mono(tmp_path / name, RATE)), name
    assert np.abs(sounds["loud.wav"]).max() == 1
    loud, shifted = material.remarks
    assert loud.startswith("kept: loud.wav: clipped: ") and loud.endswith("full scale; brought down to it")
    assert shifted.startswith("kept: shifted.wav: evaluated with its DC offset of +0.2")


def test_if_channels_cancel_completely_one_channel_is_evaluated(tmp_path):
    for name, share in (("faint.wav", -0.9), ("nothing.wav", -1.0)):
        soundfile.write(tmp_path / name, np.stack([noise(0.3), share * noise(0.3)], axis=1), RATE, subtype="FLOAT")
    material = read_evaluation_set(tmp_path, RATE, HeldOut())
    faint, nothing = (sound.audio for sound in material.evaluated)
    np.testing.assert_allclose(faint, 0.05 * noise(0.3), atol=1e-6)
    np.testing.assert_allclose(nothing, noise(0.3), atol=1e-6)
    assert material.remarks == ["kept: nothing.wav: its channels cancel; channel 1 of 2 is taken"]


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_a_name_that_is_no_unicode_is_held_out_by_its_bytes_and_shown_escaped(tmp_path):
    names = [os.fsdecode(b"\xff\xfe.wav"), os.fsdecode(b"caf\xe9/x.wav"), "plain/y.wav"]
    saved(tmp_path, names)
    (tmp_path / "\x1b[2Jnone.wav").write_text("not audio")
    held_out = HeldOut(frozenset({os.fsdecode(b"caf\xe9")}), frozenset({names[0]}))
    material = read_evaluation_set(tmp_path, RATE, held_out)
    assert result(material.evaluated) == [
        (r"caf\udce9/x.wav", r"caf\udce9", r"caf\udce9"),
        (r"\udcff\udcfe.wav", "unlabelled", "user"),
    ]
    assert [sound.file for sound in material.training] == ["plain/y.wav"]
    (line,) = material.remarks
    assert line.startswith(r"left out: \x1b[2Jnone.wav: not a readable audio file")


def test_a_folder_with_every_file_twice_is_evaluated_correctly_after_training(tmp_path):
    for number in range(8):
        soundfile.write(tmp_path / f"a{number}.wav", step(number), RATE)
        soundfile.write(tmp_path / f"copy of a{number}.flac", 0.5 * step(number), RATE)
    corpus = prepare_corpus(tmp_path)
    trained_on, held_out = split_sounds(corpus.sounds, seed=1)
    files = {sound.file for sound in held_out}
    copies = find_copies(files, corpus.report)
    assert len(files) == len(copies) == 3
    material = read_evaluation_set(tmp_path, RATE, HeldOut(files=frozenset(files), copies=frozenset(copies)))
    assert {sound.file for sound in material.evaluated} == files
    assert material.is_held_out
    assert len(material.training) == 10
    assert material.remarks == [f"left out: {file} is the same recording as one held out" for file in copies]
    (tmp_path / "later.wav").write_bytes((tmp_path / min(files)).read_bytes())
    again = read_evaluation_set(tmp_path, RATE, HeldOut(files=frozenset(files), copies=frozenset(copies)))
    assert {sound.file for sound in again.evaluated} == files - {min(files)}
    with pytest.raises(
        AudioFileError, match="train again on the folder as it is now, or evaluate all of it with --all"
    ):
        read_evaluation_set(tmp_path, RATE, HeldOut(files=frozenset({min(files)})))
