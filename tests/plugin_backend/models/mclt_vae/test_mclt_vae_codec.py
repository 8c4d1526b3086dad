"""The family as a codec: whole, streamed, batched, silent, and through every kind of spectrum."""

import numpy as np
import pytest
import torch

from plugin_backend.models import registry
from plugin_backend.models.mclt_vae.config import CONFIGURATIONS, sizes_of
from tests.plugin_backend.models.mclt_vae.tiny_models import KINDS, identity_model, saved, tiny_model


def codec_of(model, folder):
    return registry.load_codec(str(saved(model, folder)))


def noises(rows, samples, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, samples)).astype(np.float32) * 0.1


@pytest.mark.parametrize("kind", ["2d-mclt", "3d-mclt", "complex-mclt", "3d-stft", "complex-stft"])
def test_a_network_that_changes_nothing_returns_the_sound_in_its_place(kind, tmp_path):
    """Spectra, levels, fades and latency cancel out, over many clips with different levels."""
    codec = codec_of(identity_model(kind), tmp_path)
    t = np.arange(10 * codec.spec.hop_samples)
    sound = (np.sin(t * 0.7) * (0.02 + 0.3 * (t % 350 > 200)) + noises(1, t.size)[0] * 0.1).astype(np.float32)
    decoded = codec.decode(codec.encode(np.stack([sound, -sound])))
    whole = slice(0, t.size - codec.spec.latency_samples)
    limit = 1e-5 if kind == "complex-mclt" else 3e-3 if "mclt" in kind else 2e-2  # the STFT drops the top bin
    assert np.abs(decoded[0] - sound)[whole].max() < limit
    assert np.abs(decoded[1] + sound)[whole].max() < limit


@pytest.mark.parametrize("kind", ["magnitude-mclt", "magnitude-stft"])
def test_phases_are_found_for_true_magnitudes(kind, tmp_path):
    codec = codec_of(identity_model(kind), tmp_path)
    sound = np.sin(np.arange(20 * codec.spec.hop_samples) * 0.7).astype(np.float32)[None] * 0.3
    decoded = codec.decode(codec.encode(sound))

    def magnitudes(audio):
        windows = np.lib.stride_tricks.sliding_window_view(audio[0, 200:-200], 32)[::8] * np.hanning(32)
        return np.abs(np.fft.rfft(windows))

    error = np.linalg.norm(magnitudes(decoded) - magnitudes(sound)) / np.linalg.norm(magnitudes(sound))
    assert 20 * np.log10(error) < -8


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_batches_and_streams_return_the_same_bits(kind, tmp_path):
    codec = codec_of(tiny_model(kind), tmp_path)
    hop, sounds = codec.spec.hop_samples, noises(3, 7 * codec.spec.hop_samples)
    latents, deviations = codec.posterior(sounds)
    assert latents.shape == (3, 7, codec.spec.latent_dim) and (deviations >= 0).all()
    assert np.array_equal(codec.encode(sounds), latents)  # no noise
    seeds, sides = [5, 5, 2**63 - 1], [0.5, -0.5, 0.0]
    whole = codec.decoder(3, seeds, sides).push(latents)
    assert np.isfinite(whole).all() and np.abs(whole).max() > 1e-3
    for row in range(3):
        encoder = codec.encoder(1)
        parts = [encoder.push(sounds[row : row + 1, at * hop : (at + size) * hop])[0] for at, size in ((0, 1), (1, 6))]
        assert np.array_equal(np.concatenate(parts, 1)[0], latents[row])
        decoder = codec.decoder(1, seeds[row : row + 1], sides[row : row + 1])
        parts = [decoder.push(latents[row : row + 1, at : at + size]) for at, size in ((0, 3), (3, 1), (4, 3))]
        assert np.array_equal(np.concatenate(parts, 1)[0], whole[row])


def test_only_models_without_phases_use_the_seed(tmp_path):
    for kind in KINDS:
        codec = codec_of(tiny_model(kind), tmp_path)
        latents = codec.encode(noises(1, 4 * codec.spec.hop_samples))
        takes = [codec.decode(latents, [seed]) for seed in (1, 2)]
        assert np.array_equal(*takes) == ("magnitude" not in kind)


@pytest.mark.parametrize("kind", KINDS)
def test_silence_is_finite_and_decodes_to_silence(kind, tmp_path):
    codec = codec_of(tiny_model(kind), tmp_path)
    latents, deviations = codec.posterior(np.zeros((1, 3 * codec.spec.hop_samples), np.float32))
    assert np.isfinite(latents).all() and np.isfinite(deviations).all()
    assert np.array_equal(codec.silence(3), latents)
    assert not codec.decode(latents).any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_has_the_level_that_stands_last_in_its_latents(kind, tmp_path):
    codec = codec_of(tiny_model(kind), tmp_path)
    latents = codec.encode(noises(1, 12 * codec.spec.hop_samples))
    assert np.abs(latents[0, 1:, -1] + 1).max() < 0.3  # an RMS of 0.1, in units of 20 dB
    quiet = latents - np.float32(4) * np.eye(codec.spec.latent_dim, dtype=np.float32)[-1]
    assert np.allclose(codec.decode(quiet), codec.decode(latents) * 1e-4, rtol=1e-3, atol=1e-9)
    steady = codec.decode(latents)[0, codec.spec.hop_samples :]
    assert 0.05 < np.sqrt(np.square(steady).mean()) < 0.2  # whatever the untrained network makes of it


def test_any_latents_give_finite_sound(tmp_path):
    for kind in KINDS:
        codec = codec_of(tiny_model(kind), tmp_path)
        wild = np.random.default_rng(0).standard_normal((1, 6, codec.spec.latent_dim)).astype(np.float32) * 50
        assert np.isfinite(codec.decode(wild)).all()


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_decoder_reverses_the_encoders_sizes(name):
    config = CONFIGURATIONS[name]
    assert min(map(min, sizes_of(config))) >= 1
    small = {"layers": tuple((2, *layer[1:]) for layer in config.layers), "latent": 3, "hidden": 2}
    model = tiny_model(name, **small, bins=config.bins, frames=config.frames, fade_samples=config.fade_samples)
    with torch.inference_mode():
        assert model.decoder(model.latents_of(torch.zeros(1, model.config.network_dim))).shape[1:] == config.image


def test_the_published_sizes_are_those_of_the_paper():
    config = CONFIGURATIONS["complex-mclt-published"]
    assert (config.sample_rate, 2 * config.bins, config.bins, config.frames, config.latent) == (
        44_100,
        1024,
        512,
        64,
        250,
    )
    assert sizes_of(config)[-1] == (31, 3) and [layer[0] for layer in config.layers] == [512, 256, 128, 64, 32]
