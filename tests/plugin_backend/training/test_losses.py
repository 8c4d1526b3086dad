"""The losses: scores of spectra and envelopes, the divergence, the discriminators."""

import numpy as np
import pytest
import torch

from plugin_backend.models.waveform_vae.decode_twice import kl_divergence
from plugin_backend.training.discriminators import Discriminators, decoder_loss, discriminator_loss
from plugin_backend.training.losses import SpectralScore
from tests.plugin_backend.training_runs import RATE

pytestmark = pytest.mark.slow


def score_of(first, second, truth):
    score = SpectralScore(RATE)
    return [value.item() for value in score(*(score.features(sound) for sound in (first, second, truth)))]


def test_the_score_is_zero_for_the_recording_and_rises_with_hiss_over_a_dull_recording():
    sound = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 16_384)).astype(np.float32)) * 0.1
    dull = torch.from_numpy(np.cumsum(sound.numpy(), axis=1) * 0.05)
    hiss = 0.003 * torch.randn(sound.shape, generator=torch.Generator().manual_seed(1))
    assert max(map(abs, score_of(sound, sound, sound))) < 1e-3
    assert score_of(dull + hiss, dull + hiss, dull)[0] > 0.3


def test_the_score_is_lowest_for_noise_of_the_recordings_level():
    first, second, truth = 0.1 * torch.randn(3, 1, 65_536, generator=torch.Generator().manual_seed(3))
    levels_db = np.arange(-3, 3.1, 0.25)
    scores = [sum(score_of(first * gain, second * gain, truth)) for gain in 10 ** (levels_db / 20)]
    assert abs(levels_db[np.argmin(scores)]) <= 0.25
    assert min(scores) < 0.55 * sum(score_of(first, first, truth)), "repeating one draw must be worse than fresh noise"


def test_the_divergence_of_a_unit_normal_is_zero():
    zero = torch.zeros(2, 5, 4)
    assert kl_divergence(zero, zero).item() == 0
    assert kl_divergence(zero + 1, zero).item() == pytest.approx(0.5 * 4)


def test_new_discriminators_are_undecided_and_a_perfect_copy_has_no_feature_error():
    torch.manual_seed(0)
    discriminators, sound = Discriminators(), torch.randn(1, 8_192) * 0.1
    features = discriminators(sound)
    assert decoder_loss(features, features)[1].item() == 0
    _, feature_matching = decoder_loss(features, discriminators(torch.randn(1, 8_192) * 0.1))
    assert feature_matching.item() > 0.1
    assert discriminator_loss(features, features).item() == pytest.approx(2.0, abs=0.2)
    assert [len(layers) for layers in features] == [5, 5, 5]


def test_discriminators_learn_to_separate_noise_from_clicks():
    torch.manual_seed(0)
    discriminators = Discriminators()
    optimizer = torch.optim.Adam(discriminators.parameters(), lr=1e-3)
    real, fake = torch.randn(2, 4_096) * 0.1, torch.zeros(2, 4_096)
    fake[:, ::512] = 0.5
    for _ in range(12):
        loss = discriminator_loss(discriminators(real), discriminators(fake))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 1.0


def test_the_envelope_score_rises_with_a_smeared_attack():
    click, smeared = torch.zeros(1, 9_600), torch.zeros(1, 9_600)
    click[0, 4_800] = 1.0
    smeared[0, 4_700:4_900:2] = 0.1  # the same energy over 4 ms
    assert score_of(click, click, click)[1] == pytest.approx(0, abs=1e-6)
    assert score_of(smeared, smeared, click)[1] > 1.0
