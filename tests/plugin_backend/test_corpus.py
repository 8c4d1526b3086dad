"""A corpus from a folder: what is kept, where it is cut, how high it reaches, what is dropped and why."""

import json
import os

import numpy as np
import pytest
import soundfile
import soxr

from plugin_backend.corpus.balance import chances
from plugin_backend.corpus.dataset import open_cache, prepare
from plugin_backend.corpus.scratch import Scratch
from plugin_backend.corpus.sound import Sound
from plugin_backend.corpus.split import split
from plugin_backend.errors import AudioFileError, OutputError

RATE = 48_000


def noise(seconds, rate=RATE, seed=0, level=0.1):
    return np.random.default_rng(seed).standard_normal(round(seconds * rate)) * level


def step(seed, seconds=0.3, rate=RATE):
    """A thump that all takes share, and a scuff that each has of its own."""
    time = np.arange(round(seconds * rate)) / rate
    thump = np.sin(2 * np.pi * 150 * time) * np.exp(-time / 0.05) * 0.6
    return thump + noise(seconds, rate, seed, 0.05) * np.exp(-time / 0.04)


def told(corpus):
    return {
        entry["file"]: entry.get("reason") or entry["remark"]
        for key in ("dropped", "remarks")
        for entry in corpus.report[key]
    }


def only(tmp_path, audio, rate=RATE, name="a.wav", **how):
    soundfile.write(tmp_path / name, audio, rate, **how)
    return prepare(tmp_path)


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
    corpus = prepare(bad)
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
    sounds = {sound.file: sound for sound in prepare(bad).sounds}
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
    prepare(tmp_path)
    assert prepare(tmp_path).sounds[0].file == os.fsdecode(b"caf\xe9.wav")


# Cutting


def test_every_hit_of_a_long_recording_is_in_one_piece_from_attack_to_tail(tmp_path):
    hits = np.sort(np.random.default_rng(0).choice(np.arange(1, 100), 60, replace=False)) * round(0.6 * RATE)
    audio = np.sign(noise(61)) * 1e-4
    for seed, at in enumerate(hits):
        audio[at : at + step(0).size] += step(seed)
    corpus = only(tmp_path, audio, subtype="FLOAT")
    spans = [(sound.start_samples, sound.start_samples + sound.audio.size) for sound in corpus.sounds]
    for at in hits:
        assert [start <= at and at + 9_600 <= stop for start, stop in spans].count(True) == 1
    assert all(0.02 * RATE <= stop - start <= 20 * RATE for start, stop in spans)
    assert spans[0][0] == 0
    assert spans[-1][1] == audio.size
    assert all(stop == start for (_, stop), (start, _) in zip(spans, spans[1:], strict=False))
    np.testing.assert_array_equal(np.concatenate([sound.audio for sound in corpus.sounds]), audio.astype(np.float32))


def test_clicks_of_one_sample_in_digital_silence_all_survive(tmp_path):
    audio, clicks = np.zeros(30 * RATE), np.arange(1, 30) * RATE + 7
    audio[clicks] = 0.5
    corpus = only(tmp_path, audio)
    assert len(corpus.sounds) == clicks.size
    for sound, at in zip(corpus.sounds, clicks, strict=True):
        assert np.flatnonzero(sound.audio).tolist() == [at - sound.start_samples]
        assert sound.audio.size == round(0.02 * RATE)


@pytest.mark.parametrize("seconds", [0.011, 0.05, 0.4, 0.99])
def test_a_short_file_stays_whole(tmp_path, seconds):
    audio = noise(seconds)
    audio[audio.size // 3 : audio.size // 2] = 0
    (sound,) = only(tmp_path, audio).sounds
    np.testing.assert_allclose(sound.audio, audio, atol=2**-15)


def test_only_digital_silence_is_trimmed(tmp_path):
    audio = np.concatenate([np.zeros(1_000), noise(0.5), noise(0.3, level=1e-4), np.zeros(2_000)])
    (sound,) = only(tmp_path, audio, subtype="FLOAT").sounds
    assert sound.start_samples == 1_000
    assert sound.audio.size == audio.size - 3_000


def test_a_texture_is_cut_into_even_pieces_and_loses_nothing(tmp_path):
    corpus = only(tmp_path, noise(45, 16_000), 16_000)
    assert sum(sound.audio.size for sound in corpus.sounds) == 45 * RATE
    assert [sound.audio.size / RATE for sound in corpus.sounds] == pytest.approx([15] * 3, abs=4)


def test_an_hour_is_read_in_little_memory(tmp_path):
    import subprocess
    import sys

    with soundfile.SoundFile(tmp_path / "hour.flac", "w", 4_000, 1) as file:
        for _ in range(60):
            file.write(noise(60, 4_000, level=0.05))
    code = (
        "import resource, sys; from pathlib import Path; from plugin_backend.corpus.dataset import prepare;"
        "import soxr, msgspec; before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "c = prepare(Path(sys.argv[1]), None, 8_000);"
        "print(len(c.sounds), c.report['minutes'], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    pieces, minutes, grown_kb = done.stdout.split()
    assert 180 <= int(pieces) <= 240
    assert float(minutes) == 60
    assert int(grown_kb) < 60_000  # the hour itself is 115 MB


# Band edges


def dull(seconds=1.0, floor=1e-4):
    """A carpet step: nearly all below 0.8 kHz, over a noise floor that fills the band."""
    time, hz = np.arange(round(seconds * RATE)) / RATE, np.fft.rfftfreq(round(seconds * RATE), 1 / RATE)
    soft = np.fft.irfft(np.fft.rfft(noise(seconds)) / (1 + (hz / 400) ** 4), time.size) * np.exp(-time / 0.1)
    return soft * 3 + noise(seconds, seed=1, level=floor)


def low_passed(audio, hz):
    spectrum = np.fft.rfft(audio)
    spectrum[np.fft.rfftfreq(audio.size, 1 / RATE) > hz] = 0
    return np.fft.irfft(spectrum, audio.size)


@pytest.mark.parametrize(
    ("name", "audio", "edge_hz"),
    [
        ("upsampled.wav", lambda: soxr.resample(noise(1, 22_050), 22_050, RATE, "VHQ"), 11_025),
        ("upsampled_hit.wav", lambda: soxr.resample(step(1, rate=22_050), 22_050, RATE, "VHQ"), 11_025),
        ("telephone.wav", lambda: soxr.resample(noise(1, 8_000), 8_000, RATE, "VHQ"), 4_000),
        ("lowpassed.wav", lambda: low_passed(noise(1), 16_000), 16_000),
        ("lowpassed_dull.wav", lambda: low_passed(dull(floor=0.002), 16_000), 16_000),
        ("lowpassed.ogg", lambda: low_passed(noise(1), 16_000), 16_000),
        ("lowpassed.mp3", lambda: low_passed(noise(1), 16_000), 16_000),
    ],
)
def test_a_brick_wall_is_found(tmp_path, name, audio, edge_hz):
    (sound,) = only(tmp_path, audio(), name=name).sounds
    assert sound.edge_hz == pytest.approx(edge_hz, rel=0.05)


@pytest.mark.parametrize(
    "audio",
    [dull, lambda: dull(floor=3e-5), lambda: dull(floor=0), lambda: noise(1), lambda: step(0),
     lambda: low_passed(noise(1), 9_000) + noise(1, seed=1, level=0.01)],
    ids=["dull", "duller", "without a floor", "noise", "step", "a shelf of 20 dB"],
)  # fmt: skip
def test_what_is_dull_by_nature_keeps_the_full_band(tmp_path, audio):
    (sound,) = only(tmp_path, audio()).sounds
    assert sound.edge_hz == 0.45 * RATE


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
    corpus = prepare(tmp_path)
    assert len(corpus.sounds) == 6
    assert told(corpus) == {}


def test_the_copy_that_reaches_higher_is_kept(tmp_path):
    original = step(1)
    soundfile.write(tmp_path / "a_dull.wav", soxr.resample(original, RATE, 16_000, "VHQ"), 16_000)
    soundfile.write(tmp_path / "b_full.wav", original, RATE)
    soundfile.write(tmp_path / "c_dull.wav", soxr.resample(original, RATE, 16_000, "VHQ") * 0.5, 16_000)
    corpus = prepare(tmp_path)
    assert [sound.file for sound in corpus.sounds] == ["b_full.wav"]
    assert told(corpus)["a_dull.wav"] == "the same recording as b_full.wav, which reaches 21.6 kHz instead of 7.2"
    assert told(corpus)["c_dull.wav"].endswith("as b_full.wav")


# Labels


def test_folders_are_labels_unless_a_manifest_says_otherwise(tmp_path):
    for seed, name in enumerate(("top.wav", "door/oak/slam.wav", "x/named.wav", "x/also.wav")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / name, noise(0.2, seed=seed), RATE)
    (tmp_path / "manifest.csv").write_text(
        "file,label,debian_package\nx/named.wav,footsteps/wood,pkg\ngone.wav,door,pkg\n../out.wav,door,pkg\n"
    )
    corpus = prepare(tmp_path)
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


# The cache


def test_an_unchanged_folder_is_not_read_again_and_a_changed_one_is(tmp_path):
    corpus = only(tmp_path, noise(0.5))
    audio = next(corpus.cache.glob("audio-*.npy"))
    before, lines = audio.stat().st_mtime_ns, []
    again = prepare(tmp_path, say=lines.append)
    assert lines == [f"{corpus.cache}: nothing has changed since it was prepared"]
    assert audio.stat().st_mtime_ns == before
    np.testing.assert_array_equal(again.sounds[0].audio, corpus.sounds[0].audio)
    assert again.report == corpus.report
    soundfile.write(tmp_path / "b.wav", noise(0.5, seed=1), RATE)
    assert [sound.file for sound in prepare(tmp_path).sounds] == ["a.wav", "b.wav"]
    assert sorted(path.name.split("-")[0] for path in corpus.cache.iterdir()) == ["audio", "index.json", "report.json"]
    assert prepare(tmp_path, sample_rate=24_000).sounds[0].audio.size == 12_000


def test_sounds_are_views_of_the_mapped_file(tmp_path):
    (sound,) = only(tmp_path, noise(0.5)).sounds
    base = sound.audio
    while not isinstance(base, np.memmap):
        base = base.base
    assert base.mode == "r"
    assert sound.audio.dtype == np.float32
    assert not sound.audio.flags.owndata


def test_an_interrupted_run_leaves_nothing(tmp_path):
    from plugin_backend.corpus import gather

    soundfile.write(tmp_path / "a.wav", noise(0.5), RATE)

    def stop(line):
        raise KeyboardInterrupt

    original, gather.NEWS_S = gather.NEWS_S, -1.0
    try:
        with pytest.raises(KeyboardInterrupt):
            prepare(tmp_path, say=stop)
    finally:
        gather.NEWS_S = original
    assert os.listdir(tmp_path) == ["a.wav"]


def test_a_damaged_cache_is_prepared_anew_and_says_so(tmp_path):
    cache = only(tmp_path, noise(0.5)).cache
    for harm in (
        lambda: next(cache.glob("audio-*")).write_bytes(b"\x93NUMPY"),
        lambda: (cache / "index.json").write_text("{"),
        lambda: (cache / "index.json").write_text((cache / "index.json").read_text().replace("24000", "24001")),
    ):
        harm()
        lines = []
        assert prepare(tmp_path, say=lines.append).sounds[0].audio.size == 24_000
        assert lines[0].endswith("prepared anew")
    (cache / "index.json").write_text((cache / "index.json").read_text().replace('"schema": 1', '"schema": 2'))
    with pytest.raises(AudioFileError, match="schema 2; this version reads schema 1"):
        open_cache(cache)


def test_a_folder_of_something_else_is_not_written_into(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.json").write_text('{"name": "my web page"}')
    soundfile.write(tmp_path / "a.wav", noise(0.5), RATE)
    with pytest.raises(OutputError, match="folder of its own"):
        prepare(tmp_path, tmp_path / "site")
    assert os.listdir(tmp_path / "site") == ["index.json"]
    (tmp_path / ".pisada-corpus").write_text("in the way")
    with pytest.raises(OutputError, match="name another folder .* with --out"):
        prepare(tmp_path)


def test_preparing_twice_gives_the_same_bytes(tmp_path):
    (tmp_path / "in").mkdir()
    soundfile.write(tmp_path / "in" / "a.wav", step(1, rate=44_100), 44_100)
    first, second = (prepare(tmp_path / "in", tmp_path / name) for name in ("one", "two"))
    assert next(first.cache.glob("audio-*")).read_bytes() == next(second.cache.glob("audio-*")).read_bytes()
    indices = [json.loads((corpus.cache / "index.json").read_text()) for corpus in (first, second)]
    assert indices[0] == indices[1]


def test_scratch_gives_back_what_it_was_given(tmp_path):
    with Scratch(tmp_path) as scratch:
        scratch.append(np.arange(10, dtype=np.float32))
        scratch.append(np.arange(10, 15, dtype=np.float32))
        assert scratch.read(8, 99).tolist() == [8, 9, 10, 11, 12, 13, 14]
        assert [block.size for block in scratch.blocks(1, 15, 6)] == [6, 6, 2]
        assert os.listdir(tmp_path) == []


# Balance and split


def sound(label="a", source="s", file="f", seconds=1.0):
    return Sound(file, label, source, 24_000.0, np.zeros(round(seconds * RATE), np.float32))


def test_chances_follow_the_formula():
    sounds = [sound("rain", seconds=9), sound("rain", seconds=16), sound("footsteps/wood", seconds=1)]
    rain, steps = 25**0.5, 6 * 1**0.5
    expected = np.array([rain * 3 / 7, rain * 4 / 7, steps]) / (rain + steps)
    np.testing.assert_allclose(chances(sounds), expected)
    np.testing.assert_allclose(chances(sounds, {}, temperature=1), np.array([9, 16, 1]) / 26)
    np.testing.assert_allclose(chances(sounds, {}, temperature=0), [1 / 4, 1 / 4, 1 / 2])
    weights = {"footsteps": 2.0, "footsteps/wood": 0.0}
    np.testing.assert_allclose(chances(sounds, weights), [3 / 7, 4 / 7, 0])


@pytest.mark.parametrize(
    ("sounds", "how"), [([], {}), ([sound()], {"temperature": 2}), ([sound()], {"weights": {"a": 0.0}})]
)
def test_chances_refuse_what_has_no_answer(sounds, how):
    with pytest.raises(ValueError, match="temperature|needs sounds|weight zero"):
        chances(sounds, **how)


def test_whole_sources_are_held_out_and_files_added_later_move_none():
    sounds = [sound(source=f"s{n % 20}", file=f"{n}") for n in range(100)]
    train, held_out = split(sounds, share=0.3)
    sources = {s.source for s in held_out}
    assert 2 <= len(sources) <= 12
    assert sources.isdisjoint({s.source for s in train})
    assert len(train) + len(held_out) == 100
    more = sounds + [sound(source=f"s{n % 20}", file=f"more{n}") for n in range(50)]
    assert {s.source for s in split(more, share=0.3)[1]} == sources
    assert {s.source for s in split(sounds, share=0.3, seed=1)[1]} != sources


def test_of_few_sources_files_are_held_out_with_all_their_pieces():
    sounds = [sound(file=f"{n // 2}") for n in range(200)]
    train, held_out = split(sounds)
    files = {s.file for s in held_out}
    assert 3 <= len(files) <= 20
    assert files.isdisjoint({s.file for s in train})
    assert files <= {s.file for s in split(sounds + [sound(file="new")])[1]}
    assert [len(side) for side in split([sound(file="a"), sound(file="b")], share=0.01)] == [1, 1]
    assert [len(side) for side in split([sound()])] == [1, 0]


def test_named_sources_are_held_out():
    sounds = [sound(source=name) for name in ("a", "b", "c")]
    train, held_out = split(sounds, {"b", "absent"})
    assert [s.source for s in train] == ["a", "c"]
    assert [s.source for s in held_out] == ["b"]
    with pytest.raises(AudioFileError, match="sources here: a, b, c"):
        split(sounds, {"absent"})


# The real thing


@pytest.mark.corpus
def test_debians_footsteps_keep_all_takes_but_copies(corpus, tmp_path):
    prepared = prepare(corpus / "footsteps", tmp_path / "cache")
    copies = [entry["file"].partition("__")[2].rpartition("_")[0] for entry in prepared.report["dropped"]]
    assert copies == ["sand2", "sand", *(f"fs_rock{n}" for n in range(1, 9)), "step4", "tile1"]
    assert prepared.report["files"] == 194
    upsampled = [sound.edge_hz for sound in prepared.sounds if "default_grass_footstep" in sound.file]
    assert upsampled == pytest.approx([10_900] * 3, abs=500)
    carpets = [sound.edge_hz for sound in prepared.sounds if sound.label == "carpet"]
    assert len(carpets) == 4
    assert min(carpets) > 19_000
