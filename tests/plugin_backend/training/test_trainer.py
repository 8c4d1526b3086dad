"""Training: crops, losses, exact continuation after a stop, and equal results for equal seeds."""

import contextlib
import dataclasses
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from plugin_backend.corpus.sound import Sound
from plugin_backend.errors import CheckpointError, ProjectError
from plugin_backend.models.family import RandomDraws
from plugin_backend.models.registry import load_codec
from plugin_backend.models.waveform_vae.checkpoint_header import read_training
from plugin_backend.models.waveform_vae.config import WaveformVAEConfig
from plugin_backend.models.waveform_vae.latent_pca import audibility_db, fidelity_curve_db, fit_latent_pca
from plugin_backend.models.waveform_vae.model import WaveformVAE
from plugin_backend.training import steps
from plugin_backend.training.config import TrainingSettings
from plugin_backend.training.crop_sampler import CropSampler
from plugin_backend.training.losses import MEL_BANDS
from plugin_backend.training.schedule import phases
from plugin_backend.training.steps import Adversary, Learner, refine_step
from tests.plugin_backend.training_runs import CROP, RATE, SETTINGS, quiet_run, sampler

pytestmark = pytest.mark.slow


def test_a_step_of_a_seed_always_draws_the_same_crops():
    crops = sampler("published")
    first, again, later, other = (crops.batch(3, *at) for at in ((1, 7), (1, 7), (1, 8), (2, 7)))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, later)
    assert not np.array_equal(first, other)
    assert first.shape == (3, CROP)
    assert np.abs(first).max() <= 1


def test_sounds_are_drawn_by_their_probabilities():
    sounds = [Sound("a", "a", "a", 24_000.0, np.full(CROP, 0.5, np.float32)) for _ in range(2)]
    silent = dataclasses.replace(sounds[1], audio=np.zeros(CROP, np.float32))
    only_first = CropSampler([sounds[0], silent], np.array([1.0, 0.0]), CROP, RATE)
    assert np.abs(only_first.batch(16, 0, 0)).max(axis=1).min() > 0


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"steps": None}, "either minutes or steps"),
        ({"minutes": 1.0}, "either minutes or steps"),
        ({"steps": 0}, "a budget of 0 steps is not a number above 0"),
        ({"steps": None, "minutes": math.nan}, "a budget of nan minutes"),
        ({"steps": None, "minutes": math.inf}, "a budget of inf minutes"),
        ({"refine_share": 1.5}, "refine share 1.5"),
        ({"refine_share": math.nan}, "refine share nan"),
        ({"likeness": 0.0}, "likeness 0.0 is not a number above 0"),
        ({"likeness": math.nan}, "likeness nan"),
    ],
)
def test_a_wrong_budget_is_an_error(wrong, word):
    with pytest.raises(ProjectError, match=word):
        phases(dataclasses.replace(SETTINGS, **wrong))


def test_phases_share_the_budget_and_rates_rise_then_fall():
    spectral, refine = phases(TrainingSettings(minutes=10, refine_share=0.4))
    assert (spectral.name, spectral.length, refine.name, refine.length) == ("spectral", 360.0, "refine", 240.0)
    settings = TrainingSettings(steps=1000, refine_share=0.0, warm_up_steps=100)
    (only,) = phases(settings)
    rates = [only.rate(step, only.progress(step, 0.0), settings) for step in (0, 99, 500, 1000)]
    assert rates[0] == pytest.approx(settings.peak_rate / 100, rel=1e-3)
    assert rates[1] == pytest.approx(settings.peak_rate, rel=0.03)
    assert rates[2] == pytest.approx(settings.peak_rate / 2, rel=0.01)
    assert rates[3] == settings.last_rate


def test_the_latent_axes_are_orthogonal_and_the_first_is_the_most_audible():
    torch.manual_seed(3)
    model = WaveformVAE(WaveformVAEConfig.noise_first())
    audio = torch.from_numpy(sampler().batch(4, 0, 0))
    record = fit_latent_pca(model, [audio])
    torch.testing.assert_close(model.rotation @ model.rotation.T, torch.eye(32), atol=1e-5, rtol=0)
    audibility = audibility_db(model, audio)
    assert audibility == sorted(audibility, reverse=True)
    np.testing.assert_allclose(record["audibility_db"], audibility, atol=1e-3)
    assert sum(record["variance_shares"]) == pytest.approx(1, abs=2e-3)
    assert len(fidelity_curve_db(model, audio)) == 33


def test_rotated_latent_means_are_uncorrelated():
    torch.manual_seed(3)
    model = WaveformVAE(WaveformVAEConfig.noise_first())
    audio = torch.from_numpy(sampler().batch(4, 0, 0))
    fit_latent_pca(model, [audio])
    with torch.no_grad():
        mean, log_variance, _ = model.encoder(audio)
        compacted, _ = model.compact(mean, log_variance)
    covariance = torch.cov(compacted.flatten(0, 1).T)
    off_diagonal = covariance - torch.diag(covariance.diagonal())
    assert off_diagonal.abs().max() < 1e-4 * covariance.diagonal().max()


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    outs = [tmp_path / f"{name}.safetensors" for name in ("first", "again", "other")]
    for out, seed in zip(outs, (1, 1, 2), strict=True):
        quiet_run(out, dataclasses.replace(SETTINGS, seed=seed)).train()
    first, again, other = (load_file(out) for out in outs)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


class Killed(Exception):
    pass


@pytest.mark.parametrize("saved_at", [2, 5])
def test_a_run_killed_in_either_phase_continues_to_the_same_weights(tmp_path, saved_at):
    whole, halves = tmp_path / "whole.safetensors", tmp_path / "halves.safetensors"
    quiet_run(whole).train()
    run = quiet_run(halves)

    def kill(progress):
        if progress.step == saved_at:
            run.save()
        if progress.step == saved_at + 1:
            raise Killed

    with pytest.raises(Killed):
        run.train(kill)
    record = quiet_run(halves).train()
    assert record["steps"] == SETTINGS.steps
    expected, resumed = load_file(whole), load_file(halves)
    assert all(torch.equal(expected[name], resumed[name]) for name in expected)
    assert not quiet_run(tmp_path / "new.safetensors").state_path.exists()


def test_the_second_phase_does_not_change_the_encoder(tmp_path):
    run = quiet_run(tmp_path / "tiny.safetensors")
    before = {}

    def keep_weights(progress):
        if progress.phase == "refine" and not before:
            before.update({name: value.clone() for name, value in run.model.state_dict().items()})

    run.train(keep_weights)
    after = run.model.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert any(name.startswith("decoder.") for name in changed)
    assert not any(name.startswith("encoder.") for name in changed)


def test_a_budget_of_seconds_ends_in_a_usable_checkpoint(tmp_path):
    out = tmp_path / "tiny.safetensors"
    settings = dataclasses.replace(SETTINGS, steps=None, minutes=0.03)
    record = quiet_run(out, settings).train()
    codec = load_codec(str(out))
    assert record["steps"] > 0
    assert {phase for phase, *_ in record["curve"]} == {"spectral", "refine"}
    assert record == read_training(out)
    assert codec.decode(codec.encode(np.zeros((1, 4_800), np.float32))).shape == (1, 10 * 512)


def test_a_run_can_start_from_the_factory_model_and_sets_its_level(tmp_path):
    out = tmp_path / "mine.safetensors"
    settings = dataclasses.replace(SETTINGS, start="foley", steps=1, refine_share=0.0, peak_rate=0.0, last_rate=0.0)
    run = quiet_run(out, settings)
    assert not run.state.discriminators_trained, "the factory model was trained without discriminators"
    run.train()
    ours, factory = (load_codec(name).model.state_dict() for name in (str(out), "foley"))
    level = "decoder.head.out.bias"
    assert all(torch.equal(ours[n], factory[n]) for n in ours if n.startswith(("encoder.", "decoder.")) and n != level)
    head, moved = run.model.decoder.head, ours[level] - factory[level]
    for name in head.sizes:  # the coherent part is in units of the gains, and trust has no unit
        rows = head.rows(moved, name)
        nepers = read_training(out)["raised_db"] * np.log(10) / 20 if name in ("long", "short", "levels") else 0.0
        torch.testing.assert_close(rows, torch.full_like(rows, nepers), atol=1e-4, rtol=0)


def test_a_run_that_starts_from_another_keeps_its_record(tmp_path):
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    quiet_run(first, dataclasses.replace(SETTINGS, steps=1, refine_share=0.0)).train()
    settings = dataclasses.replace(SETTINGS, start=str(first), steps=2, refine_share=1.0)
    record = quiet_run(second, settings).train()
    assert [(run["steps"], run["settings"]["start"]) for run in record["history"]] == [(1, "scratch")]
    assert {phase for phase, *_ in record["curve"]} == {"refine"}


def test_a_later_run_starts_with_the_discriminators_of_the_first(tmp_path):
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    earlier = quiet_run(first)
    earlier.train()
    later = quiet_run(second, dataclasses.replace(SETTINGS, start=str(first)))
    before, after = earlier.discriminators.state_dict(), later.discriminators.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert later.state.discriminators_trained and not earlier.state.discriminators_trained
    (tmp_path / "first.critics").write_bytes(b"not critics")
    with pytest.raises(CheckpointError, match=r"first\.critics: not discriminators that this version can read"):
        quiet_run(second, dataclasses.replace(SETTINGS, start=str(first)))


def test_a_model_trained_again_without_discriminators_removes_the_old_ones(tmp_path):
    out = tmp_path / "tiny.safetensors"
    quiet_run(out).train()
    discriminators = tmp_path / "tiny.critics"
    assert discriminators.stat().st_mode == out.stat().st_mode  # the same people may use both
    quiet_run(out, dataclasses.replace(SETTINGS, steps=1, refine_share=0.0)).train()
    assert not (tmp_path / "tiny.critics").exists()


def decoder_gradient(run, reconstruction_weight, adversarial_weight):
    """Return the flat gradient of the decoder in the second phase, in float32."""
    audio = run._tensor(run._draw(0))
    seeds = torch.arange(2 * len(audio)).reshape(2, -1)
    draws = RandomDraws(None, seeds, tuple(MEL_BANDS))
    run.model.zero_grad(set_to_none=True)
    optimizer = torch.optim.SGD(run.discriminators.parameters(), lr=0.0)
    adversary = Adversary(run.discriminators, optimizer, reconstruction_weight, adversarial_weight)
    refine_step(Learner(run.family, run.model, run.score), adversary, audio, draws, 0)
    return torch.cat([p.grad.flatten() for p in run.model.decoder.parameters() if p.grad is not None])


def test_both_weights_balance_reconstruction_and_discriminators(tmp_path, monkeypatch):
    monkeypatch.setattr(steps, "mixed_precision", lambda device: contextlib.nullcontext())  # bfloat16 rounds
    run = quiet_run(tmp_path / "tiny.safetensors")
    spectra = decoder_gradient(run, 1.0, 0.0)
    both, nearly_none = (decoder_gradient(run, 1.0, weight) for weight in (1.0, 1e-6))
    assert (nearly_none - spectra).norm() < 1e-3 * (both - spectra).norm()
    assert (decoder_gradient(run, 4.0, 1.0) - (both + 3 * spectra)).norm() < 1e-3 * both.norm()


def test_a_run_uses_the_likeness_of_its_settings(tmp_path):
    weights = []
    for likeness in (10.0, 10.0, 2.0):
        run = quiet_run(tmp_path / "tiny.safetensors", dataclasses.replace(SETTINGS, likeness=likeness))
        run._step(run.phases[1], 0.0, run._tensor(run._draw(0)))
        weights.append(torch.cat([p.detach().flatten() for p in run.model.decoder.parameters()]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
