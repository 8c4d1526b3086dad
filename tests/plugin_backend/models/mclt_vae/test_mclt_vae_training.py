"""Training of the family by the trainer that vector models share."""

import numpy as np
import pytest
import torch

from plugin_backend.corpus.sound import Sound
from plugin_backend.models import registry
from plugin_backend.models.family import ClipBatch
from plugin_backend.models.mclt_vae import config as configurations
from plugin_backend.training.clip_sampler import GapSampler
from plugin_backend.training.run_options import RunOptions
from plugin_backend.training.vector_trainer import VectorTrainer, VectorTrainingSettings
from tests.plugin_backend.models.mclt_vae.tiny_models import KINDS, tiny_config, tiny_model

FAMILY = registry.vector_family("mclt-vae")


@pytest.fixture(autouse=True)
def tiny_configurations(monkeypatch):
    for name in KINDS:
        monkeypatch.setitem(configurations.CONFIGURATIONS, name, tiny_config(name))


def sampler(seed):
    rng = np.random.default_rng(seed)
    tones = [np.sin(np.arange(4000) * w) * np.exp(-np.arange(4000) / 1000) for w in rng.uniform(0.1, 1, 3)]
    sounds = [Sound(f"{n}.wav", "knock", "a", 24_000.0, tone.astype(np.float32)) for n, tone in enumerate(tones)]
    return GapSampler(sounds, FAMILY.clip_format("complex-mclt")[1], 48_000, None)


def run(out, kind, **settings):
    settings = {"steps": 4, "batch": 2, "warm_up_steps": 2, "validate_every_steps": 2, "peak_rate": 3e-3} | settings
    options = RunOptions({"sounds": 3}, device="cpu", report=lambda line: None)
    return VectorTrainer(FAMILY, VectorTrainingSettings(kind, **settings), sampler(1), sampler(2), out, options)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_lowers_its_loss_and_its_model_loads(kind, tmp_path):
    record = run(tmp_path / "a.safetensors", kind, steps=30, batch=8, validate_every_steps=10).train()
    losses = [values["loss"] for _, _, values in record["curve"]]
    assert losses[-1] < losses[0]
    codec = registry.load_codec(str(tmp_path / "a.safetensors"))
    assert codec.model.config == tiny_config(kind)
    assert registry.read_training(str(tmp_path / "a.safetensors"))["settings"]["configuration"] == kind


def test_a_stopped_run_of_complex_numbers_goes_on_to_the_same_weights(tmp_path):
    whole, stopped = tmp_path / "whole.safetensors", tmp_path / "stopped.safetensors"
    run(whole, "complex-mclt").train()
    first = run(stopped, "complex-mclt")

    def stop(progress):
        if progress.step == 3:
            first.stop_request.request()

    with pytest.raises(KeyboardInterrupt):
        first.train(stop)
    first.save()
    run(stopped, "complex-mclt").train()
    assert stopped.read_bytes() == whole.read_bytes()
    run(tmp_path / "other.safetensors", "complex-mclt", seed=2).train()
    assert (tmp_path / "other.safetensors").read_bytes() != whole.read_bytes()


def test_validation_draws_no_noise_and_training_draws_from_its_generator_only():
    model, batch = tiny_model(), ClipBatch(torch.randn(3, tiny_config().clip_samples), torch.full((3,), torch.nan))

    def loss(generator):
        torch.manual_seed(int(torch.randint(1000, ())))
        return FAMILY.loss_terms(model, batch, generator, 1.0)["loss"].item()

    assert loss(None) == loss(None)
    seeded = [loss(torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert seeded[0] == seeded[1] != seeded[2]
    terms = [FAMILY.loss_terms(model, batch, None, progress) for progress in (0.0, 1.0)]
    assert terms[0]["loss"] == terms[0]["error"] < terms[1]["loss"]


def test_delta_is_trained_only_where_it_is_on():
    batch = ClipBatch(torch.from_numpy(sampler(3).batch(8, 1, 0)[0]), torch.full((8,), torch.nan))
    for elliptical in (True, False):
        model = tiny_model(pseudo_covariance=elliptical)
        FAMILY.loss_terms(model, batch, torch.Generator().manual_seed(0), 1.0)["loss"].backward()
        ellipse = model.encoder.head.weight.grad[2 * model.config.latent :]
        assert bool(ellipse.abs().max() > 0) == elliptical
        delta = model.posterior(model.image_of(model.spectra_of_clips(batch.audio)[0])).delta
        assert bool(delta.abs().max() > 0) == elliptical
