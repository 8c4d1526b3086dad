"""What the second phase hears between two sounds."""

import contextlib

import pytest
import torch

from plugin_backend.training import passes
from plugin_backend.training.discriminators import decoder_loss, judges_loss
from plugin_backend.training.passes import Drawn, midway
from plugin_backend.training.settings import REFINE_CROP_SAMPLES
from plugin_backend.waveform_vae.config import WaveformVAEConfig
from plugin_backend.waveform_vae.model import WaveformVAE

FRAMES, HOP, LEAD = 64, 512, 5
HITS = (30, 40)
"""Frames of the loudest sound of two crops, far enough in for the decoder to know all it remembers."""


@pytest.fixture
def model(monkeypatch):
    monkeypatch.setattr(passes, "mixed_precision", lambda device: contextlib.nullcontext())  # bfloat16 rounds
    torch.manual_seed(4)
    return WaveformVAE(WaveformVAEConfig())


@pytest.fixture
def crops():
    audio = 0.05 * torch.randn(2, FRAMES * HOP, generator=torch.Generator().manual_seed(5))
    for row, hit in zip(audio, HITS, strict=True):
        row[hit * HOP : (hit + 1) * HOP] *= 8
    return audio


def around_the_hit(model, crops, which):
    """One crop there and back, whole, and of it what starts ``LEAD`` frames before its hit."""
    mean, _, _ = model.encoder(crops)
    audio, _ = model.decoder(mean)
    begin = (HITS[which] - LEAD) * HOP + model.config.latency
    return audio[which, begin : begin + REFINE_CROP_SAMPLES]


@pytest.mark.parametrize("which", [0, 1])
def test_at_either_end_of_the_way_its_own_hit_is_heard(model, crops, which):
    (heard,) = midway(model, crops, torch.full((1, 1, 1), float(which)), LEAD)
    torch.testing.assert_close(heard, around_the_hit(model, crops, which), rtol=1e-4, atol=1e-6)


def test_in_the_middle_of_the_way_both_hits_are_decoded_as_one(model, crops):
    (heard,) = midway(model, crops, torch.full((1, 1, 1), 0.5), LEAD)
    mean, _, _ = model.encoder(crops)
    shift = HITS[1] - HITS[0]
    between = (mean[0, : FRAMES - shift] + mean[1, shift:]) / 2
    audio, _ = model.decoder(between[None])
    begin = (HITS[0] - LEAD) * HOP + model.config.latency
    torch.testing.assert_close(heard, audio[0, begin : begin + REFINE_CROP_SAMPLES], rtol=1e-4, atol=1e-6)


def test_only_the_decoder_learns_from_the_way(model, crops):
    midway(model, crops, torch.full((1, 1, 1), 0.5), LEAD).square().sum().backward()
    assert all(weight.grad is None for weight in model.encoder.parameters())
    assert all(weight.grad.abs().sum() > 0 for weight in model.decoder.parameters())


def test_the_decoder_remembers_as_many_frames_as_it_says(model):
    memory, now = model.config.decoder_frames_of_memory, 40
    latents = torch.randn(1, now + 1, model.config.latent_dim, requires_grad=True)
    audio, _ = model.decoder(latents)
    audio[:, now * HOP :].square().sum().backward()
    reached = latents.grad[0].abs().sum(1).nonzero()[:, 0]
    assert reached[0] == now - memory


def test_what_is_drawn_lies_within_the_crop_and_repeats():
    config = WaveformVAEConfig()
    draws = [Drawn.of(8, FRAMES * HOP, config, torch.Generator().manual_seed(seed)) for seed in range(200)]
    again = Drawn.of(8, FRAMES * HOP, config, torch.Generator().manual_seed(0))
    assert (again.start, again.lead_frames, again.shares.tolist()) == (
        draws[0].start,
        draws[0].lead_frames,
        draws[0].shares.tolist(),
    )
    assert all(0 <= drawn.start < FRAMES * HOP - config.latency - REFINE_CROP_SAMPLES for drawn in draws)
    assert {drawn.lead_frames for drawn in draws} == set(range(REFINE_CROP_SAMPLES // HOP))
    assert {drawn.shares.shape for drawn in draws} == {(4, 1, 1)}


def features(verdict):
    """One critic's features of sounds, ``[sounds, 3]`` each, and its verdicts on them."""
    sounds = len(verdict)
    return [[torch.ones(sounds, 3), torch.tensor(verdict)[:, None]]]


def test_what_lies_between_is_doubted_but_compared_with_nothing():
    real, fake = features([1.0, 1.0]), features([-1.0, -1.0, 5.0])
    doubt, match = decoder_loss(real, fake)
    assert doubt.item() == pytest.approx(-1.0)  # the mean of all three verdicts, negated
    assert match.item() == 0.0
    assert judges_loss(real, fake).item() == pytest.approx(2.0)  # only the third fools: (0 + 0 + 6) / 3
