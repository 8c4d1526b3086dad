"""Checkpoints of the family: written and read again, and refused in one line when damaged."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from plugin_backend.errors import CheckpointError
from plugin_backend.models import registry
from plugin_backend.models.mclt_vae import checkpoint
from tests.plugin_backend.models.mclt_vae.tiny_models import saved, tiny_model


def test_a_model_is_the_same_after_writing_and_reading(tmp_path):
    model = tiny_model("complex-mclt", pseudo_covariance=False)
    path = saved(model, tmp_path, {"steps": 3, "held_out_sources": ["a"]})
    again = checkpoint.load(path)
    assert again.config == model.config and not again.training
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)
    spec = registry.describe_codec(str(path))
    assert (spec.name, spec.layout, spec.hop_samples, spec.latent_dim) == ("tiny", "frames", 96, 13)
    assert (spec.latency_samples, spec.pitch_dim, spec.loudness_dim) == (32, None, None)
    assert registry.read_training(str(path))["steps"] == 3


BAD = {
    "content": ["4d", 3, None, ["2d"]],
    "spectrum": ["dct"],
    "bins": [0, 1.5, "16", True, 10**9],
    "frames": [1, -1],
    "fade_samples": [0, 64],
    "latent": [0, 512],
    "layers": [[], "x", [[4, 3, 2]], [[4, 3, 2, 0]], [[4.0, 3, 2, 1]], [[2, 2, 1, 1]] * 40],
    "padded": [1],
    "root": [0, float("nan"), "1"],
    "highest_db": [1e9],
    "iterations": [10**6],
    "more": [1],
}


def test_wrong_sizes_give_one_line(tmp_path):
    path = saved(tiny_model(), tmp_path)
    card = path.with_suffix(".json")
    good = json.loads(card.read_text())
    for field, values in BAD.items():
        for value in values:
            card.write_text(json.dumps({**good, "config": {**good["config"], field: value}}))
            with pytest.raises(CheckpointError, match=r"tiny\.json: 'config'.*") as problem:
                registry.load_codec(str(path))
            assert "\n" not in str(problem.value) and field in str(problem.value)
    misfit = {**good["config"], "padded": False, "layers": [[4, 33, 1, 1]]}
    card.write_text(json.dumps({**good, "config": misfit}))
    with pytest.raises(CheckpointError, match="'layers' do not fit"):
        registry.load_codec(str(path))
    for text in ("", "[]", "{", json.dumps({**good, "version": 2}), json.dumps({**good, "config": []}), "[" * 10**5):
        card.write_text(text)
        with pytest.raises(CheckpointError, match="tiny"):
            registry.load_codec(str(path))


def test_wrong_weights_give_one_line(tmp_path):
    path = saved(tiny_model(), tmp_path)
    tensors = load_file(path)
    first = next(iter(tensors))
    wrong = [
        {name: value for name, value in tensors.items() if name != first},
        {**tensors, first: tensors[first][..., :1]},
        {**tensors, "more": torch.zeros(1)},
        {**tensors, first: tensors[first] * float("nan")},
    ]
    for changed in wrong:
        save_file({name: value.contiguous() for name, value in changed.items()}, path)
        with pytest.raises(CheckpointError, match="weights"):
            registry.load_codec(str(path))
    path.write_bytes(b"none")
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        registry.load_codec(str(path))


def test_sizes_far_above_the_weights_are_refused_before_they_are_built(tmp_path):
    path = saved(tiny_model(), tmp_path)
    card = path.with_suffix(".json")
    record = json.loads(card.read_text())
    record["config"] |= {"bins": 4096, "frames": 1024, "layers": [[1024, 1, 1, 1]], "latent": 511}
    card.write_text(json.dumps(record))
    with pytest.raises(CheckpointError, match="do not fit"):
        registry.load_codec(str(path))
