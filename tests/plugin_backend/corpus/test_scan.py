"""A corpus from a folder: which files are kept, what is wrong with the others, and what they are labelled."""

import os

import numpy as np
import pytest
import soundfile

from plugin_backend.corpus.dataset import prepare_corpus
from plugin_backend.errors import AudioFileError
from tests.plugin_backend.corpus_sounds import RATE, noise, only, told
from tests.plugin_backend.lying_files import mp3, without_length

# What is wrong with files


@pytest.fixture
def bad(tmp_path):
    good = noise(0.5)
    save = {
        "good.wav": (good, RATE),
        "silent.wav": (good * 0, RATE),
        "offset.wav": (good * 0 + 0.25, 44_100),
        "clipped.wav": (np.clip(noise(0.5, seed=1, level=2), -1, 1), RATE),
        "telephone.wav": (noise(0.5, 8_000, seed=2), 8_000),
        "bat.wav": (noise(0.5, 192_000, seed=3), 192_000),
        "surround.wav": (np.stack([noise(0.5, seed=10 + n) for n in range(8)], axis=1), RATE),
        "one.wav": (good[:1], RATE),
        "none.wav": (good[:0], RATE),
        ".hidden.wav": (good, RATE),
        "né\u202e [odd].wav": (noise(0.5, seed=4), RATE),
        "shifted.wav": (noise(0.5, seed=5) - noise(0.5, seed=5).mean() + 0.2, RATE),
        "opposed.wav": (np.stack([noise(0.5, seed=6), -0.9 * noise(0.5, seed=6)], axis=1), RATE),
        "cut.wav": (noise(2, seed=7), RATE),
        "cut.flac": (noise(2, seed=8), RATE),
        "cut.ogg": (noise(2, seed=9), RATE),
    }
    for name, (audio, rate) in save.items():
        soundfile.write(tmp_path / name, audio, rate)
    for name in ("cut.wav", "cut.flac", "cut.ogg"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    poisoned = good.copy()
    poisoned[100] = np.nan
    soundfile.write(tmp_path / "nan.wav", poisoned, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "loud.wav", noise(0.5, seed=20) * 32_768, RATE, subtype="FLOAT")
    (tmp_path / "text.wav").write_text("not audio at all")
    (tmp_path / "zero.wav").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("ignored")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self.wav").symlink_to(tmp_path / "self.wav")
    (tmp_path / "out.wav").symlink_to("/etc/passwd")
    (tmp_path / "again.wav").symlink_to(tmp_path / "good.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    return tmp_path


def test_every_bad_file_has_its_one_line(bad):
    corpus = prepare_corpus(bad)
    reasons = {entry["file"]: entry["reason"] for entry in corpus.report["dropped"]}
    assert reasons == {
        "silent.wav": "silent",
        "offset.wav": "silent but for a constant of 0.250",
        "one.wav": "too short: 1 sample; at least 10 ms are needed",
        "none.wav": "holds no samples",
        ".hidden.wav": "a hidden file",
        "nan.wav": "holds NaN or infinite samples",
        "text.wav": "not a readable audio file (Format not recognised)",
        "zero.wav": "an empty file of zero bytes",
        "loop/": "a link to a folder; not followed",
        "self.wav": "a broken link",
        "out.wav": "a link that leads out of the folder",
        "pipe.wav": "not a regular file",
        "good.wav": "the same audio as again.wav",
    }
    remarks = {entry["file"]: entry["remark"] for entry in corpus.report["remarks"]}
    assert remarks.pop("clipped.wav") == "clipped: 61.7 % of its samples"
    assert remarks.pop("shifted.wav") == "DC offset of +0.200 removed"
    assert remarks.pop("opposed.wav") == "its channels cancel; channel 1 of 2 is taken"
    assert remarks.pop("loud.wav").startswith("clipped: ")
    assert {name: remark.split(";")[0] for name, remark in remarks.items()} == dict.fromkeys(
        ("cut.wav", "cut.flac", "cut.ogg"), "truncated"
    )
    assert corpus.report["ignored_files"] == 1
    assert len(corpus.report["dropped"]) == corpus.report["dropped_files"] == 13


def test_what_is_kept_of_odd_files_is_right(bad):
    sounds = {sound.file: sound for sound in prepare_corpus(bad).sounds}
    assert set(sounds) == {
        "again.wav", "clipped.wav", "telephone.wav", "bat.wav", "surround.wav", "né\u202e [odd].wav", "shifted.wav",
        "opposed.wav", "cut.wav", "cut.flac", "cut.ogg", "loud.wav",
    }  # fmt: skip
    for name in ("again.wav", "telephone.wav", "bat.wav", "surround.wav"):
        assert sounds[name].audio.size == pytest.approx(24_000, abs=2)
    mean = np.mean([noise(0.5, seed=10 + n) for n in range(8)], axis=0)
    np.testing.assert_allclose(sounds["surround.wav"].audio, mean, atol=2**-15)
    np.testing.assert_allclose(sounds["opposed.wav"].audio, noise(0.5, seed=6), atol=2**-15)
    assert abs(sounds["shifted.wav"].audio.mean()) < 1e-3
    assert np.abs(sounds["loud.wav"].audio).max() == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(sounds["cut.wav"].audio, noise(2, seed=7)[: sounds["cut.wav"].audio.size], atol=2**-15)
    np.testing.assert_allclose(sounds["cut.flac"].audio, noise(2, seed=8)[: sounds["cut.flac"].audio.size], atol=2**-15)
    assert all(0.7 * RATE < sounds[name].audio.size < 1.1 * RATE for name in ("cut.wav", "cut.flac"))
    assert sounds["telephone.wav"].edge_hz == 0.45 * 8_000
    assert sounds["bat.wav"].edge_hz == 24_000


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_one_line(tmp_path):
    soundfile.write(tmp_path / "locked.wav", noise(0.5), RATE)
    (tmp_path / "locked.wav").chmod(0)
    corpus = only(tmp_path, noise(0.5, seed=1))
    assert told(corpus) == {"locked.wav": "cannot be opened (Permission denied)"}


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_a_name_that_is_no_unicode_is_kept_through_the_cache(tmp_path):
    soundfile.write(os.fsencode(tmp_path) + b"/caf\xe9.wav", noise(0.5), RATE)
    prepare_corpus(tmp_path)
    assert prepare_corpus(tmp_path).sounds[0].file == os.fsdecode(b"caf\xe9.wav")


# What is audio


def test_audio_is_known_by_its_content_whatever_its_name(tmp_path):
    forms = {"caf": "CAF", "w64": "W64", "au": "AU", "rf64": "RF64", "bwf": "WAV", "aifc": "AIFF", "wave": "WAV"}
    forms |= {"snd": "AU", "MP3": "MP3", "bin": "WAV", "": "FLAC", "dat": "OGG", "txt": "AIFF", "sound": "MP3"}
    for seed, (suffix, form) in enumerate(forms.items()):
        soundfile.write(tmp_path / f"{seed}.{suffix}".rstrip("."), noise(0.4, seed=seed), RATE, format=form)
    (tmp_path / "streamed.dat").write_bytes(without_length(mp3(2))[0])
    soundfile.write(tmp_path / "x.wav", noise(0.4, seed=90), RATE)
    (tmp_path / "x.wav").replace(tmp_path / "x.bw64")
    (tmp_path / "x.bw64").write_bytes(b"BW64" + (tmp_path / "x.bw64").read_bytes()[4:])
    others = {"a.m4a": b"\0\0\0\x20ftypM4A ", "b.wma": b"\x30\x26\xb2\x75", "c.aac": b"\xff\xf1" + bytes(50)}
    nothing = {"d.txt": b"words", "e.png": b"\x89PNG\r\n", "f.bin": bytes(5_000), "g.avi": b"RIFF\0\0\0\0AVI "}
    for name, content in (others | nothing).items():
        (tmp_path / name).write_bytes(content)
    corpus = prepare_corpus(tmp_path)
    kept = {sound.file.split(".")[0] for sound in corpus.sounds}
    assert kept == {*map(str, range(len(forms))), "streamed", "x"}
    said = told(corpus)
    assert set(said) == set(others)
    assert all(line.startswith("not a readable audio file") for line in said.values())
    assert corpus.report["ignored_files"] == len(nothing)


def test_a_manifest_may_name_any_file(tmp_path):
    (tmp_path / "notes.txt").write_text("words")
    (tmp_path / "manifest.csv").write_text("file,label\nnotes.txt,door\n")
    assert told(only(tmp_path, noise(0.3))) == {"notes.txt": "not a readable audio file (Format not recognised)"}


# Labels


def test_folders_are_labels_unless_a_manifest_says_otherwise(tmp_path):
    for seed, name in enumerate(("top.wav", "door/oak/slam.wav", "x/named.wav", "x/also.wav")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / name, noise(0.2, seed=seed), RATE)
    (tmp_path / "manifest.csv").write_text(
        "file,label,debian_package\nx/named.wav,footsteps/wood,pkg\ngone.wav,door,pkg\n../out.wav,door,pkg\n"
    )
    corpus = prepare_corpus(tmp_path)
    assert {(sound.file, sound.label, sound.source) for sound in corpus.sounds} == {
        ("top.wav", "unlabelled", "user"),
        ("door/oak/slam.wav", "door/oak", "door"),
        ("x/named.wav", "footsteps/wood", "pkg"),
        ("x/also.wav", "x", "x"),
    }
    assert told(corpus) == dict.fromkeys(("gone.wav", "../out.wav"), "named in manifest.csv but not there")
    assert corpus.report["ignored_files"] == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("file,kind\na.wav,door\n", "lacks the column label"),
        ("file,label\na.wav,\n", "row 2, column 'label': empty"),
        ("file,label\na.wav,x\na.wav,y\n", "row 3, column 'file': a.wav came before"),
        ("file,label\n\xff,x\n", "cannot be read"),
    ],
)
def test_a_wrong_manifest_is_one_line(tmp_path, text, told):
    (tmp_path / "manifest.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(AudioFileError, match=told):
        only(tmp_path, noise(0.2))
