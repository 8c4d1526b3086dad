"""A second model family works through the registry: training, loading, evaluation."""

import dataclasses

import numpy as np
import pytest

from plugin_backend.errors import CheckpointError
from plugin_backend.evaluation.data.evaluation_set import held_out_of
from plugin_backend.evaluation.metrics.score_clips import reconstruct, score_pair
from plugin_backend.models import registry
from plugin_backend.training import starting_model
from tests.plugin_backend.training_runs import SETTINGS, noise_bursts, quiet_run


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(registry.FAMILIES, "toy", "tests.plugin_backend.models.toy_family")
    monkeypatch.setattr(starting_model, "NEW_MODELS", "toy")


def test_another_family_trains_loads_and_scores(toy, tmp_path):
    out = tmp_path / "tiny.safetensors"
    record = quiet_run(out, dataclasses.replace(SETTINGS, steps=2, refine_share=0.5)).train()
    assert (record["steps"], record["measured"]) == (2, 24)
    spec = registry.describe_codec(str(out))
    assert (spec.layout, spec.latent_dim, registry.read_training(str(out))) == ("vector", 4, record)
    codec, sound = registry.load_codec(str(out)), noise_bursts(1)[0].audio
    assert codec.spec == spec and codec.encode(sound[None]).shape == (1, 1, 4)
    decoded = reconstruct(codec)(sound, 48_000)
    scores = score_pair(decoded, sound, 48_000, spec.hop_samples, with_visqol=False)
    assert np.isfinite(scores["log_mel_error_db"])
    assert held_out_of(str(out)).sources == frozenset()


def test_a_run_starts_from_a_model_of_another_family(toy, tmp_path):
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    quick = dataclasses.replace(SETTINGS, steps=1, refine_share=0.0)
    quiet_run(first, quick).train()
    record = quiet_run(second, dataclasses.replace(quick, start=str(first))).train()
    assert [run["steps"] for run in record["history"]] == [1]


def test_a_family_without_training_cannot_be_trained():
    with pytest.raises(CheckpointError, match="models of the family 'rave' cannot be trained"):
        registry.trainable_family("rave")


def test_every_family_in_the_table_exists():
    for name in registry.FAMILIES:
        assert callable(registry.family(name).load_codec)
