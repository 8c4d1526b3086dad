"""A corpus in training: the probability of each sound, and the held-out sounds."""

import numpy as np
import pytest

from plugin_backend.corpus.holdout import split_sounds
from plugin_backend.corpus.sampling_weights import sampling_weights
from plugin_backend.corpus.sound import Sound
from plugin_backend.errors import AudioFileError
from tests.plugin_backend.corpus_sounds import RATE


def sound(label="a", source="s", file="f", seconds=1.0):
    return Sound(file, label, source, 24_000.0, np.zeros(round(seconds * RATE), np.float32))


def test_probabilities_follow_the_formula():
    sounds = [sound("rain", seconds=9), sound("rain", seconds=16), sound("footsteps/wood", seconds=1)]
    rain, steps = 25**0.5, 6 * 1**0.5
    expected = np.array([rain * 3 / 7, rain * 4 / 7, steps]) / (rain + steps)
    np.testing.assert_allclose(sampling_weights(sounds), expected)
    np.testing.assert_allclose(sampling_weights(sounds, {}, temperature=1), np.array([9, 16, 1]) / 26)
    np.testing.assert_allclose(sampling_weights(sounds, {}, temperature=0), [1 / 4, 1 / 4, 1 / 2])
    weights = {"footsteps": 2.0, "footsteps/wood": 0.0}
    np.testing.assert_allclose(sampling_weights(sounds, weights), [3 / 7, 4 / 7, 0])


@pytest.mark.parametrize(
    ("sounds", "options"), [([], {}), ([sound()], {"temperature": 2}), ([sound()], {"weights": {"a": 0.0}})]
)
def test_probabilities_that_are_not_defined_are_refused(sounds, options):
    with pytest.raises(ValueError, match="temperature|needs sounds|weight zero"):
        sampling_weights(sounds, **options)


def test_whole_sources_are_held_out_and_files_added_later_move_none():
    sounds = [sound(source=f"s{n % 20}", file=f"{n}") for n in range(100)]
    train, held_out = split_sounds(sounds, share=0.3)
    sources = {s.source for s in held_out}
    assert 2 <= len(sources) <= 12
    assert sources.isdisjoint({s.source for s in train})
    assert len(train) + len(held_out) == 100
    more = sounds + [sound(source=f"s{n % 20}", file=f"more{n}") for n in range(50)]
    assert {s.source for s in split_sounds(more, share=0.3)[1]} == sources
    assert {s.source for s in split_sounds(sounds, share=0.3, seed=1)[1]} != sources


def test_with_few_sources_whole_files_are_held_out():
    sounds = [sound(file=f"{n // 2}") for n in range(200)]
    train, held_out = split_sounds(sounds)
    files = {s.file for s in held_out}
    assert 3 <= len(files) <= 20
    assert files.isdisjoint({s.file for s in train})
    assert files <= {s.file for s in split_sounds(sounds + [sound(file="new")])[1]}
    assert [len(side) for side in split_sounds([sound(file="a"), sound(file="b")], share=0.01)] == [1, 1]
    assert [len(side) for side in split_sounds([sound()])] == [1, 0]


@pytest.mark.parametrize(("files", "held_out"), [(1, 0), (2, 1), (3, 1), (5, 2), (6, 3), (12, 3), (20, 3)])
def test_at_least_three_files_are_held_out_but_no_more_than_half(files, held_out):
    sounds = [sound(file=f"{n // 2}") for n in range(2 * files)]
    for seed in range(20):
        train, tested = split_sounds(sounds, share=0.01, seed=seed)
        assert len({s.file for s in tested}) == held_out
        assert len({s.file for s in train}) == files - held_out
    assert split_sounds(sounds, share=0)[1] == []


def test_sources_are_held_out_until_there_are_three_files():
    sounds = [sound(source=f"s{n}", file=f"{n}") for n in range(10)]
    assert len(split_sounds(sounds, share=0.01)[1]) == 3
    sounds += [sound(source="large", file=f"large{n}") for n in range(90)]
    for seed in range(20):
        held_out = {s.source for s in split_sounds(sounds, share=0.01, seed=seed)[1]}
        assert "large" not in held_out or held_out == {"large"}


def test_named_sources_are_held_out():
    sounds = [sound(source=name) for name in ("a", "b", "c")]
    train, held_out = split_sounds(sounds, {"b", "absent"})
    assert [s.source for s in train] == ["a", "c"]
    assert [s.source for s in held_out] == ["b"]
    with pytest.raises(AudioFileError, match="sources here: a, b, c"):
        split_sounds(sounds, {"absent"})
