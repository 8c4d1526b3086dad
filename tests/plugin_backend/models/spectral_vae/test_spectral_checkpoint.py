"""Checkpoints of spectral VAEs: written and read again, and refused in one line when they are damaged or hostile."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from plugin_backend.errors import CheckpointError, ProjectError
from plugin_backend.models import registry
from plugin_backend.models.spectral_vae import checkpoint
from plugin_backend.models.spectral_vae.config import CONFIGURATIONS, SpectralVAEConfig
from tests.plugin_backend.models.spectral_vae.tiny_spectral import tiny_codec


@pytest.mark.parametrize("configuration", ["own", "published"])
def test_a_model_keeps_its_range_exactly_and_its_weights_in_half_precision(tmp_path, configuration):
    codec, path = tiny_codec(tmp_path, configuration)
    codec.model.range_db.copy_(torch.tensor([-93.123456, 6.876544]))
    checkpoint.save(codec.model, path, {"steps": 7, "held_out_sources": ["a"]})
    again = checkpoint.load(path)
    assert torch.equal(again.range_db, codec.model.range_db) and not again.training
    for (name, value), (_, kept) in zip(codec.model.named_parameters(), again.named_parameters(), strict=True):
        assert torch.equal(value.half().float(), kept), name
    assert registry.read_training(str(path)) == {"steps": 7, "held_out_sources": ["a"]}


BAD = {
    "decoder": ["rnn", None],
    "sample_rate": [0, 44_100.0, "44100", True, 10**9],
    "hop": [0, 16_385, 2**40],
    "window": [100, 2**20],
    "window_hop": [0, 300, 1024],
    "bins": [512, 514, -1],
    "timbre_dim": [0, 10**6],
    "width": [0, float("nan"), 10**9],
    "bands": [1],
    "harmonics": [0, 10**6],
    "phase": ["zero", 1],
    "phase_iterations": [-1, 10**9],
    "more": [1],
}


def test_wrong_sizes_give_one_line_before_anything_is_built(tmp_path):
    path = tiny_codec(tmp_path)[1]
    card = path.with_suffix(".json")
    good = json.loads(card.read_text())
    for field, values in BAD.items():
        for value in values:
            card.write_text(json.dumps({**good, "config": {**good["config"], field: value}}))
            with pytest.raises(CheckpointError, match=r"own\.json: 'config'") as problem:
                registry.load_codec(str(path))
            assert "\n" not in str(problem.value) and field in str(problem.value)
    for changes in ({"width": 16}, {"timbre_dim": 5}, {"decoder": "image", "bins": 512, "phase": "gradient"}):
        card.write_text(json.dumps({**good, "config": {**good["config"], **changes}}))
        with pytest.raises(CheckpointError, match="the weights do not fit"):
            registry.load_codec(str(path))
    for text in ("", "[]", "{", json.dumps({**good, "version": 2}), json.dumps({**good, "config": []}), "[" * 10**5):
        card.write_text(text)
        with pytest.raises(CheckpointError, match="own"):
            registry.load_codec(str(path))


def test_damaged_weights_give_one_line(tmp_path):
    path = tiny_codec(tmp_path)[1]
    tensors = load_file(path)
    save_file(tensors | {"range_db": torch.tensor([float("nan"), 1.0])}, path)
    with pytest.raises(CheckpointError, match="not finite"):
        registry.load_codec(str(path))
    save_file({name: value for name, value in tensors.items() if "decoder.0" not in name}, path)
    with pytest.raises(CheckpointError, match="do not fit"):
        registry.load_codec(str(path))
    path.write_bytes(b"pickle")
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        registry.load_codec(str(path))


def test_the_published_sizes_are_those_of_timbral_and_ours_are_allowed():
    published = SpectralVAEConfig.named("published")
    assert (published.sample_rate, published.window, published.window_hop) == (22_050, 512, 256)
    assert (published.bins, published.frames, published.latent_dim) == (256, 64, 128)
    own = SpectralVAEConfig.named("own")
    assert (own.window // own.window_hop, own.timbre_dim, own.latent_dim) == (4, 64, 66)
    assert registry.vector_family("spectral-vae").configurations == CONFIGURATIONS
    with pytest.raises(ProjectError, match="--family rave: no such family of vector models; there are .*spectral-vae"):
        registry.vector_family("rave")
