"""Training: what it draws, what it minimises, and that a budget ends in a usable checkpoint."""

import json

import numpy as np
import pytest
import soundfile
import torch

from plugin_backend.codecs import load_codec
from plugin_backend.corpus.sound import Sound
from plugin_backend.training.losses import SpectralLoss, divergence
from plugin_backend.training.sampler import CropSampler, read_sounds
from plugin_backend.training.train import train

RATE = 48_000


@pytest.fixture
def corpus(tmp_path):
    rng = np.random.default_rng(0)
    rows = ["file,label,sample_rate,debian_package"]
    for index, (label, package, rate) in enumerate(
        [
            ("footsteps/wood", "a", 44_100),
            ("water", "a", 22_050),
            ("door", "b", 48_000),
            ("footsteps/stone", "minetest-data", 48_000),
        ]
    ):
        decay = np.exp(-np.arange(rate // 2) / (rate / 20))
        soundfile.write(tmp_path / f"{index}.wav", rng.standard_normal(rate // 2) * decay * 0.2, rate)
        rows.append(f"{index}.wav,{label},{rate},{package}")
    (tmp_path / "manifest.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_whole_packages_are_held_out_and_band_edges_follow_the_files(corpus):
    learned, held_out = read_sounds(corpus, RATE, held_out=False), read_sounds(corpus, RATE, held_out=True)
    assert [sound.label for sound in learned] == ["footsteps/wood", "water", "door"]
    assert [sound.source for sound in held_out] == ["minetest-data"]
    assert [sound.edge_hz for sound in learned] == [0.45 * 44_100, 0.45 * 22_050, 24_000]
    assert [sound.audio.size for sound in learned] == [24_000] * 3


def test_the_same_seed_draws_the_same_crops(corpus):
    sounds = read_sounds(corpus, RATE, held_out=False)
    first, again, other = (CropSampler(sounds, 8_192, seed).batch(4) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])
    assert first[0].shape == (4, 8_192)
    assert np.abs(first[0]).max() <= 1


def test_footsteps_are_drawn_more_often():
    sounds = [Sound(label, label, "p", 24_000, np.ones(48_000, np.float32)) for label in ("water", "footsteps/wood")]
    np.testing.assert_allclose(CropSampler(sounds, 8_192, 0).chances, [1 / 7, 6 / 7])


def test_the_spectral_loss_is_zero_at_the_truth_and_blind_above_the_edge():
    loss, full = SpectralLoss(RATE), torch.full((1,), 24_000.0)
    sound = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 16_384)).astype(np.float32)) * 0.1
    time = torch.arange(16_384) / RATE
    treble = sound + 0.1 * torch.sin(2 * torch.pi * 18_000 * time)
    assert loss(sound, sound, full).item() == 0
    seen, unseen = loss(treble, sound, full).item(), loss(treble, sound, torch.tensor([9_000.0])).item()
    assert unseen < 0.05 * seen


def test_the_divergence_of_a_unit_normal_is_zero():
    zero = torch.zeros(2, 5, 4)
    assert divergence(zero, zero).item() == 0
    assert divergence(zero + 1, zero).item() == pytest.approx(0.5 * 4)


def test_a_budget_of_seconds_ends_in_a_usable_checkpoint(corpus, tmp_path):
    out = tmp_path / "tiny.safetensors"
    train(corpus, out, minutes=0.02, say=lambda *_, **__: None)
    codec = load_codec(str(out))
    record = json.loads(out.with_suffix(".json").read_text())["training"]
    assert record["steps"] > 0
    assert "minetest-data" in record["held_out_packages"]
    rotation = codec.model.rotation
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(16), atol=1e-4, rtol=0)
    assert codec.decode(codec.encode(np.zeros((1, 4_800), np.float32))).shape == (1, 10 * 512)
