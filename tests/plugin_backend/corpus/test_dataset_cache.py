"""The cache of a corpus: when it is used, when it is rebuilt, and what is never left behind or overwritten."""

import errno
import json
import os

import numpy as np
import pytest
import soundfile

from plugin_backend.corpus.dataset import open_corpus, prepare_corpus
from plugin_backend.corpus.temp_audio import TempAudio
from plugin_backend.errors import AudioFileError, OutputError
from tests.plugin_backend.corpus_sounds import RATE, noise, only, step


def test_an_unchanged_folder_is_not_read_again_and_a_changed_one_is(tmp_path):
    corpus = only(tmp_path, noise(0.5))
    audio = next(corpus.cache.glob("audio-*.npy"))
    before, lines = audio.stat().st_mtime_ns, []
    again = prepare_corpus(tmp_path, say=lines.append)
    assert lines == [f"{corpus.cache}: nothing has changed since it was prepared"]
    assert audio.stat().st_mtime_ns == before
    np.testing.assert_array_equal(again.sounds[0].audio, corpus.sounds[0].audio)
    assert again.report == corpus.report
    soundfile.write(tmp_path / "b.wav", noise(0.5, seed=1), RATE)
    assert [sound.file for sound in prepare_corpus(tmp_path).sounds] == ["a.wav", "b.wav"]
    assert sorted(path.name.split("-")[0] for path in corpus.cache.iterdir()) == ["audio", "index.json", "report.json"]
    assert prepare_corpus(tmp_path, sample_rate=24_000).sounds[0].audio.size == 12_000


def test_sounds_are_views_of_the_mapped_file(tmp_path):
    (sound,) = only(tmp_path, noise(0.5)).sounds
    base = sound.audio
    while not isinstance(base, np.memmap):
        base = base.base
    assert base.mode == "r"
    assert sound.audio.dtype == np.float32
    assert not sound.audio.flags.owndata


def test_an_interrupted_run_leaves_nothing(tmp_path):
    from plugin_backend.corpus import ingest as gather

    soundfile.write(tmp_path / "a.wav", noise(0.5), RATE)

    def stop(line):
        raise KeyboardInterrupt

    original, gather.NEWS_S = gather.NEWS_S, -1.0
    try:
        with pytest.raises(KeyboardInterrupt):
            prepare_corpus(tmp_path, say=stop)
    finally:
        gather.NEWS_S = original
    assert os.listdir(tmp_path) == ["a.wav"]


def test_a_damaged_cache_is_rebuilt_with_a_message(tmp_path):
    cache = only(tmp_path, noise(0.5)).cache
    for harm in (
        lambda: next(cache.glob("audio-*")).write_bytes(b"\x93NUMPY"),
        lambda: next(cache.glob("audio-*")).write_bytes(b"\x93NUMPY\x01\x00\x20\x00" + b"{'descr': ('<f4', ".ljust(32)),
        lambda: (cache / "index.json").write_text("{"),
        lambda: (cache / "index.json").write_text("[" * 30_000),
        lambda: (cache / "index.json").write_text((cache / "index.json").read_text().replace("24000", "24001")),
    ):
        harm()
        lines = []
        assert prepare_corpus(tmp_path, say=lines.append).sounds[0].audio.size == 24_000
        assert lines[0].endswith("prepared again")
    (cache / "index.json").write_text((cache / "index.json").read_text().replace('"schema": 1', '"schema": 2'))
    with pytest.raises(AudioFileError, match="schema 2; this version reads schema 1"):
        open_corpus(cache)


def test_a_folder_that_holds_something_else_is_not_written(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.json").write_text('{"name": "my web page"}')
    soundfile.write(tmp_path / "a.wav", noise(0.5), RATE)
    with pytest.raises(OutputError, match="folder of its own"):
        prepare_corpus(tmp_path, tmp_path / "site")
    assert os.listdir(tmp_path / "site") == ["index.json"]
    (tmp_path / ".pisada-corpus").write_text("in the way")
    with pytest.raises(OutputError, match="name another folder .* with --out"):
        prepare_corpus(tmp_path)


def test_preparing_twice_gives_the_same_bytes(tmp_path):
    (tmp_path / "in").mkdir()
    soundfile.write(tmp_path / "in" / "a.wav", step(1, rate=44_100), 44_100)
    first, second = (prepare_corpus(tmp_path / "in", tmp_path / name) for name in ("one", "two"))
    assert next(first.cache.glob("audio-*")).read_bytes() == next(second.cache.glob("audio-*")).read_bytes()
    indices = [json.loads((corpus.cache / "index.json").read_text()) for corpus in (first, second)]
    assert indices[0] == indices[1]


def test_a_full_disk_is_not_reported_as_a_bad_recording(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", noise(0.5), RATE)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    for call in ("append", "clear"):
        with monkeypatch.context() as patch:
            patch.setattr(TempAudio, call, full)
            with pytest.raises(OutputError, match=r"cannot write here \(No space left on device\)"):
                prepare_corpus(tmp_path)
        assert os.listdir(tmp_path) == ["a.wav"]
    assert [sound.file for sound in prepare_corpus(tmp_path).sounds] == ["a.wav"]


def test_an_empty_manifest_is_reported_in_one_line(tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(0.5), RATE)
    (tmp_path / "manifest.csv").touch()
    with pytest.raises(AudioFileError, match="manifest.csv: lacks the column file and label"):
        prepare_corpus(tmp_path)


def test_a_recording_that_cannot_be_read_is_dropped(tmp_path, monkeypatch):
    from plugin_backend import audio_files

    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, noise(0.5, seed=ord(name[0])), RATE)
    real = audio_files.inspect_content

    def damaged(file):
        if str(file.name).endswith("a.wav"):
            raise OSError(errno.EIO, "Input/output error")
        return real(file)

    monkeypatch.setattr(audio_files, "inspect_content", damaged)
    assert prepare_corpus(tmp_path).report["dropped"] == [
        {"file": "a.wav", "reason": "cannot be read (Input/output error)"}
    ]


def test_temporary_audio_returns_the_samples_written(tmp_path):
    with TempAudio(tmp_path) as scratch:
        scratch.append(np.arange(10, dtype=np.float32))
        scratch.append(np.arange(10, 15, dtype=np.float32))
        assert scratch.read(8, 99).tolist() == [8, 9, 10, 11, 12, 13, 14]
        assert [block.size for block in scratch.blocks(1, 15, 6)] == [6, 6, 2]
        assert os.listdir(tmp_path) == []
