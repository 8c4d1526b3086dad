"""Dense clips, hits, and which sounds of a folder are evaluated."""

import csv

import numpy as np
import pytest
import soundfile

from plugin_backend.corpus.sound import Sound
from plugin_backend.errors import AudioFileError
from plugin_backend.evaluation.data.dense_clips import CLIP_S, FADE_S, GAP_S, PEAK, class_of, dense_clips, group_of
from plugin_backend.evaluation.data.evaluation_set import HeldOut, read_evaluation_set
from plugin_backend.evaluation.metrics.onset_error import hit_errors, onsets

RATE_HZ = 48_000


def noise(seconds: float, seed: int = 0, level: float = 0.2) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, level, round(seconds * RATE_HZ)).astype(np.float32)


def step(seed: int, seconds: float = 0.3) -> np.ndarray:
    """A decaying burst of noise with silence before and after."""
    burst = noise(seconds, seed) * np.exp(-np.arange(round(seconds * RATE_HZ)) / (seconds * RATE_HZ / 5))
    return np.pad(burst, 4800).astype(np.float32)


def sound(file: str, label: str, source: str, audio: np.ndarray) -> Sound:
    return Sound(file, label, source, RATE_HZ / 2, audio)


def small_corpus() -> list[Sound]:
    steps = [sound(f"s{i}", "footsteps/wood", "a", step(i)) for i in range(3)]
    doors = [sound("d", "door", "a", step(7, 1.0)), sound("e", "door/slam", "b", step(8, 2.0))]
    water = [sound("w", "water", "a", noise(17)), sound("x", "water", "b", noise(3, 1, 0.01))]
    return [*steps, *doors, *water, sound("silent", "fire", "a", np.zeros(100, np.float32))]


def test_footsteps_are_grouped_by_material_and_the_rest_by_class():
    assert group_of("footsteps/wood/boots") == "footsteps/wood" and group_of("door/slam") == "door"
    assert class_of("footsteps/wood") == "footsteps"


def test_clips_of_a_label_take_its_sources_in_turn_up_to_the_cap():
    assert [clip.name for clip in dense_clips(small_corpus(), RATE_HZ, clips_per_label=3)] == [
        "a door 0",
        "b door 0",
        "a footsteps/wood 0",
        "a water 0",
        "b water 0",
        "a water 1",
    ]
    assert len(dense_clips(small_corpus(), RATE_HZ, clips_per_label=1)) == 3


def test_clips_do_not_depend_on_the_order_of_the_sounds():
    clips, again = dense_clips(small_corpus(), RATE_HZ), dense_clips(small_corpus()[::-1], RATE_HZ)
    assert all(np.array_equal(a.audio, b.audio) for a, b in zip(clips, again, strict=True))


def test_clips_are_five_seconds_at_one_peak():
    for clip in dense_clips(small_corpus(), RATE_HZ):
        assert clip.audio.size == CLIP_S * RATE_HZ and clip.audio.dtype == np.float32
        assert np.abs(clip.audio).max() == pytest.approx(PEAK)


def test_one_shots_follow_one_another_after_fifty_milliseconds():
    flat = np.full(round(0.2 * RATE_HZ), 0.25, np.float32)
    clip = dense_clips([sound("s", "footsteps/wood", "a", np.pad(flat, 999))], RATE_HZ)[0].audio
    begins = np.flatnonzero(np.diff((clip > 0.49).astype(int), prepend=0) > 0)
    assert np.diff(begins).tolist() == [flat.size + round(GAP_S * RATE_HZ)] * (begins.size - 1) and begins.size == 20
    gap = clip[flat.size : flat.size + round(GAP_S * RATE_HZ)]
    assert not gap.any() and clip[flat.size - round(FADE_S * RATE_HZ)] == 0.5


def test_long_sounds_are_cut_into_stretches_of_one_clip_without_repeating():
    ramp = np.linspace(0.1, 1, 12 * RATE_HZ, dtype=np.float32)
    clips = dense_clips([sound("r", "wind", "a", ramp)], RATE_HZ)
    assert [clip.name for clip in clips] == ["a wind 0", "a wind 1", "a wind 2"]
    whole = round((CLIP_S - FADE_S) * RATE_HZ)
    for number, clip in enumerate(clips[:2]):
        stretch = ramp[number * round(CLIP_S * RATE_HZ) :][: round(CLIP_S * RATE_HZ)]
        assert clip.audio[:whole] == pytest.approx(stretch[:whole] * (PEAK / stretch.max()), abs=1e-6)


BEGINS = [0, 9_000, 30_001, 60_777]


def walk() -> np.ndarray:
    audio = np.zeros(80_000, np.float32)
    for number, begin in enumerate(BEGINS):
        audio[begin : begin + 14_400] += noise(0.3, number)[:14_400] * np.exp(-np.arange(14_400) / 900)
    return audio


def test_onsets_are_where_hits_begin():
    assert onsets(walk(), RATE_HZ) == pytest.approx(BEGINS, abs=30)
    assert onsets(np.zeros(RATE_HZ, np.float32), RATE_HZ).size == 0
    steady = np.sin(np.arange(4 * RATE_HZ) / 9).astype(np.float32)
    assert onsets(np.concatenate([np.zeros(5), steady]), RATE_HZ).size == 1


@pytest.mark.parametrize("shift_samples", [-40, 0, 1, 333])
@pytest.mark.parametrize("gain_db", [-6.0, 0.0, 2.5])
def test_hit_errors_of_a_shifted_and_scaled_copy_are_shift_and_gain(shift_samples, gain_db):
    truth = np.pad(walk(), 1000)
    errors = hit_errors(10 ** (gain_db / 20) * np.roll(truth, shift_samples).astype(np.float64), truth, RATE_HZ)
    assert errors.onset_ms == pytest.approx([shift_samples / 48] * len(BEGINS))
    assert errors.peak_db == pytest.approx([gain_db] * len(BEGINS), abs=1e-6)


def test_a_decoded_hit_is_sought_ten_milliseconds_around():
    truth = np.pad(walk(), 1000)
    assert np.abs(hit_errors(np.roll(truth, 4800), truth, RATE_HZ).onset_ms).max() <= 10


@pytest.fixture
def folder(tmp_path):
    for seed, place in enumerate(("mine/steps/a.wav", "mine/doors/b.flac", "yours/steps/c.ogg", "d.wav")):
        path = tmp_path / "sounds" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, noise(0.1, seed), 44_100)
    (tmp_path / "sounds" / "not-audio.wav").write_text("hello")
    (tmp_path / "sounds" / "notes.txt").write_text("hello")
    return tmp_path / "sounds"


def test_a_plain_folder_is_labelled_by_its_folders_and_bad_files_are_reported(folder):
    material = read_evaluation_set(folder, RATE_HZ, HeldOut())
    assert {(s.file, s.label, s.source) for s in material.evaluated} == {
        ("mine/steps/a.wav", "mine/steps", "mine"),
        ("mine/doors/b.flac", "mine/doors", "mine"),
        ("yours/steps/c.ogg", "yours/steps", "yours"),
        ("d.wav", "unlabelled", "user"),
    }
    assert not material.is_held_out and material.training == []
    assert len(material.remarks) == 1 and "not-audio.wav" in material.remarks[0]
    assert all(s.audio.size == pytest.approx(0.1 * RATE_HZ * 48 / 44.1, abs=20) for s in material.evaluated)


@pytest.mark.parametrize(
    "held_out, everything, evaluated, training, is_held_out",
    [
        (HeldOut(frozenset({"yours"})), False, 1, 3, True),
        (HeldOut(files=frozenset({"d.wav"})), False, 1, 3, True),
        (HeldOut(frozenset({"yours"})), True, 4, 3, False),
        (HeldOut(frozenset({"elsewhere"})), False, 4, 0, False),
    ],
)
def test_only_held_out_sounds_are_evaluated_unless_all_are_requested(
    folder, held_out, everything, evaluated, training, is_held_out
):
    material = read_evaluation_set(folder, RATE_HZ, held_out, everything)
    assert (len(material.evaluated), len(material.training), material.is_held_out) == (evaluated, training, is_held_out)


def test_a_held_out_sound_that_is_also_a_lesson_is_left_out_and_named(tmp_path):
    for place, audio in (("a/x.wav", step(1)), ("a/y.wav", step(2)), ("b/z.wav", 0.5 * step(1))):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / place, audio, RATE_HZ)
    material = read_evaluation_set(tmp_path, RATE_HZ, HeldOut(frozenset({"a"})))
    assert [s.file for s in material.evaluated] == ["a/y.wav"]
    assert material.remarks == ["left out: a/x.wav is the same recording as b/z.wav, not held out"]
    with pytest.raises(AudioFileError, match="every held-out sound"):
        read_evaluation_set(tmp_path, RATE_HZ, HeldOut(files=frozenset({"a/x.wav"})))


def test_a_corpus_takes_labels_and_sources_from_its_manifest(folder):
    head = ["file", "label", "debian_package", "licence", "author", "seconds", "version"]
    with open(folder / "manifest.csv", "w", newline="", encoding="utf-8") as lines:
        csv.writer(lines).writerows([head, ["d.wav", "door", "some-game", "CC0", "Ann", 0.1, "1"]])
    named, *others = read_evaluation_set(folder, RATE_HZ, HeldOut()).evaluated
    assert (named.file, named.label, named.source) == ("d.wav", "door", "some-game")
    assert [sound.label for sound in others] == ["mine/doors", "mine/steps", "yours/steps"]


@pytest.mark.parametrize("content, problem", [(None, "no such folder"), ("", "no usable sound"), ("file\n", "lacks")])
def test_an_unusable_folder_is_a_one_line_error(tmp_path, content, problem):
    place = tmp_path / "f"
    if content is not None:
        place.mkdir()
    if content:
        (place / "manifest.csv").write_text(content)
    with pytest.raises(AudioFileError, match=problem) as raised:
        read_evaluation_set(place, RATE_HZ, HeldOut())
    assert str(place) in str(raised.value) and "\n" not in str(raised.value)
