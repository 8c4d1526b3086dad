"""Training: what it draws and minimises, that a stop loses nothing, and that a seed is a promise."""

import contextlib
import dataclasses
import math

import numpy as np
import pytest
import torch
from plugin_backend.models.waveform_vae.decode_twice import kl_divergence
from plugin_backend.models.waveform_vae.latent_pca import audibility_db, fidelity_curve_db, fit_latent_pca
from safetensors.torch import load_file

from plugin_backend.corpus.sound import Sound
from plugin_backend.errors import CheckpointError, ProjectError
from plugin_backend.models.registry import load_codec
from plugin_backend.models.waveform_vae.checkpoint_header import read_training
from plugin_backend.models.waveform_vae.config import WaveformVAEConfig
from plugin_backend.models.waveform_vae.model import WaveformVAE
from plugin_backend.training import steps as passes
from plugin_backend.training.config import TrainingSettings
from plugin_backend.training.crop_sampler import CropSampler
from plugin_backend.training.discriminators import Discriminators, decoder_loss, discriminator_loss
from plugin_backend.training.losses import SpectralScore
from plugin_backend.training.schedule import phases
from plugin_backend.training.steps import Chance, refine_step
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


def test_sounds_are_drawn_as_their_chances_say():
    sounds = [Sound("a", "a", "a", 24_000.0, np.full(CROP, 0.5, np.float32)) for _ in range(2)]
    silent = dataclasses.replace(sounds[1], audio=np.zeros(CROP, np.float32))
    only_first = CropSampler([sounds[0], silent], np.array([1.0, 0.0]), CROP, RATE)
    assert np.abs(only_first.batch(16, 0, 0)).max(axis=1).min() > 0


def score_of(first, second, truth):
    score = SpectralScore(RATE)
    return [value.item() for value in score(*(score.views(sound) for sound in (first, second, truth)))]


def test_the_score_is_zero_at_the_truth_and_finds_what_a_dull_recording_lacks():
    sound = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 16_384)).astype(np.float32)) * 0.1
    dull = torch.from_numpy(np.cumsum(sound.numpy(), axis=1) * 0.05)
    hiss = 0.003 * torch.randn(sound.shape, generator=torch.Generator().manual_seed(1))
    assert max(map(abs, score_of(sound, sound, sound))) < 1e-3
    assert score_of(dull + hiss, dull + hiss, dull)[0] > 0.3


def test_the_score_is_least_for_noise_of_the_recordings_own_level():
    first, second, truth = 0.1 * torch.randn(3, 1, 65_536, generator=torch.Generator().manual_seed(3))
    levels_db = np.arange(-3, 3.1, 0.25)
    scores = [sum(score_of(first * gain, second * gain, truth)) for gain in 10 ** (levels_db / 20)]
    assert abs(levels_db[np.argmin(scores)]) <= 0.25
    assert min(scores) < 0.55 * sum(score_of(first, first, truth)), "a draw that never varies is worse than fresh noise"


def test_the_divergence_of_a_unit_normal_is_zero():
    zero = torch.zeros(2, 5, 4)
    assert kl_divergence(zero, zero).item() == 0
    assert kl_divergence(zero + 1, zero).item() == pytest.approx(0.5 * 4)


def test_critics_start_undecided_and_a_perfect_guess_has_no_feature_error():
    torch.manual_seed(0)
    judges, sound = Discriminators(), torch.randn(1, 8_192) * 0.1
    seen = judges(sound)
    assert decoder_loss(seen, seen)[1].item() == 0
    doubt, match = decoder_loss(seen, judges(torch.randn(1, 8_192) * 0.1))
    assert match.item() > 0.1
    assert discriminator_loss(seen, seen).item() == pytest.approx(2.0, abs=0.2)
    assert [len(features) for features in seen] == [5, 5, 5]


def test_critics_learn_to_tell_noise_from_clicks():
    torch.manual_seed(0)
    judges = Discriminators()
    optimiser = torch.optim.Adam(judges.parameters(), lr=1e-3)
    real, fake = torch.randn(2, 4_096) * 0.1, torch.zeros(2, 4_096)
    fake[:, ::512] = 0.5
    for _ in range(12):
        loss = discriminator_loss(judges(real), judges(fake))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 1.0


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
def test_a_wrong_budget_is_told(wrong, word):
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


def test_the_compacted_axes_are_orthogonal_and_the_first_is_the_most_audible():
    torch.manual_seed(3)
    model = WaveformVAE(WaveformVAEConfig.noise_first())
    audio = torch.from_numpy(sampler().batch(4, 0, 0))
    kept = fit_latent_pca(model, [audio])
    torch.testing.assert_close(model.rotation @ model.rotation.T, torch.eye(32), atol=1e-5, rtol=0)
    heard = audibility_db(model, audio)
    assert heard == sorted(heard, reverse=True)
    np.testing.assert_allclose(kept["audibility_db"], heard, atol=1e-3)
    assert sum(kept["variance_shares"]) == pytest.approx(1, abs=2e-3)
    assert len(fidelity_curve_db(model, audio)) == 33


def test_compacted_means_are_uncorrelated():
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
def test_a_run_killed_in_either_phase_goes_on_to_the_same_weights(tmp_path, saved_at):
    whole, halves = tmp_path / "whole.safetensors", tmp_path / "halves.safetensors"
    quiet_run(whole).train()
    run = quiet_run(halves)

    def kill(moment):
        if moment.step == saved_at:
            run.save()
        if moment.step == saved_at + 1:
            raise Killed

    with pytest.raises(Killed):
        run.train(kill)
    record = quiet_run(halves).train()
    assert record["steps"] == SETTINGS.steps
    expected, resumed = load_file(whole), load_file(halves)
    assert all(torch.equal(expected[name], resumed[name]) for name in expected)
    assert not quiet_run(tmp_path / "new.safetensors").state_path.exists()


def test_the_second_phase_leaves_the_encoder_alone(tmp_path):
    run = quiet_run(tmp_path / "tiny.safetensors")
    before = {}

    def look(moment):
        if moment.phase == "refine" and not before:
            before.update({name: value.clone() for name, value in run.model.state_dict().items()})

    run.train(look)
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
    assert not run.at["critics_know"], "the factory model learned without discriminators"
    run.train()
    ours, factory = (load_codec(name).model.state_dict() for name in (str(out), "foley"))
    level = "decoder.head.out.bias"
    assert all(torch.equal(ours[n], factory[n]) for n in ours if n.startswith(("encoder.", "decoder.")) and n != level)
    head, moved = run.model.decoder.head, ours[level] - factory[level]
    for name in head.sizes:  # what does not vary is told in units of the gains, and trust has no unit
        rows = head.rows(moved, name)
        nepers = read_training(out)["raised_db"] * np.log(10) / 20 if name in ("long", "short", "levels") else 0.0
        torch.testing.assert_close(rows, torch.full_like(rows, nepers), atol=1e-4, rtol=0)


def test_a_run_that_goes_on_from_another_keeps_its_record(tmp_path):
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    quiet_run(first, dataclasses.replace(SETTINGS, steps=1, refine_share=0.0)).train()
    settings = dataclasses.replace(SETTINGS, start=str(first), steps=2, refine_share=1.0)
    record = quiet_run(second, settings).train()
    assert [(run["steps"], run["settings"]["start"]) for run in record["history"]] == [(1, "scratch")]
    assert {phase for phase, *_ in record["curve"]} == {"refine"}


def test_a_later_run_goes_on_with_the_critics_of_the_first(tmp_path):
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    taught = quiet_run(first)
    taught.train()
    later = quiet_run(second, dataclasses.replace(SETTINGS, start=str(first)))
    before, after = taught.judges.state_dict(), later.judges.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert later.at["critics_know"] and not taught.at["critics_know"]
    (tmp_path / "first.critics").write_bytes(b"not critics")
    with pytest.raises(CheckpointError, match=r"first\.critics: not critics this edition knows"):
        quiet_run(second, dataclasses.replace(SETTINGS, start=str(first)))


def test_a_model_trained_anew_without_critics_keeps_none_of_another(tmp_path):
    out = tmp_path / "tiny.safetensors"
    quiet_run(out).train()
    critics = tmp_path / "tiny.critics"
    assert critics.stat().st_mode == out.stat().st_mode  # who may use the model may go on from it
    quiet_run(out, dataclasses.replace(SETTINGS, steps=1, refine_share=0.0)).train()
    assert not (tmp_path / "tiny.critics").exists()


def decoder_gradient(run, likeness_weight, trust):
    """Flat gradient of the decoder in the second phase, in float32."""
    audio = run._tensor(run._draw(0))
    chance = Chance(None, torch.arange(2 * len(audio)).reshape(2, -1))
    run.model.zero_grad(set_to_none=True)
    critics = run.judges, torch.optim.SGD(run.judges.parameters(), lr=0.0)
    refine_step(run.model, *critics, run.score, audio, chance, 0, likeness_weight, trust)
    return torch.cat([p.grad.flatten() for p in run.model.decoder.parameters() if p.grad is not None])


def test_likeness_and_trust_weigh_spectra_against_critics(tmp_path, monkeypatch):
    monkeypatch.setattr(passes, "mixed_precision", lambda device: contextlib.nullcontext())  # bfloat16 rounds
    run = quiet_run(tmp_path / "tiny.safetensors")
    spectra = decoder_gradient(run, 1.0, 0.0)
    both, hardly = (decoder_gradient(run, 1.0, trust) for trust in (1.0, 1e-6))
    assert (hardly - spectra).norm() < 1e-3 * (both - spectra).norm()
    assert (decoder_gradient(run, 4.0, 1.0) - (both + 3 * spectra)).norm() < 1e-3 * both.norm()


def test_a_run_refines_with_the_likeness_it_was_given(tmp_path):
    weights = []
    for likeness in (10.0, 10.0, 2.0):
        run = quiet_run(tmp_path / "tiny.safetensors", dataclasses.replace(SETTINGS, likeness=likeness))
        run._step(run.phases[1], 0.0, run._tensor(run._draw(0)))
        weights.append(torch.cat([p.detach().flatten() for p in run.model.decoder.parameters()]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_the_score_of_envelopes_finds_a_smeared_attack():
    click, smeared = torch.zeros(1, 9_600), torch.zeros(1, 9_600)
    click[0, 4_800] = 1.0
    smeared[0, 4_700:4_900:2] = 0.1  # the same energy over 4 ms
    assert score_of(click, click, click)[1] == pytest.approx(0, abs=1e-6)
    assert score_of(smeared, smeared, click)[1] > 1.0
