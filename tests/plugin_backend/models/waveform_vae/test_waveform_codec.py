"""The waveform VAE fulfils the codec contract, with a small untrained model and with the shipped one."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from plugin_backend.errors import CheckpointError
from plugin_backend.models.registry import FACTORY, describe_codec, load_codec
from plugin_backend.models.waveform_vae import checkpoint
from plugin_backend.models.waveform_vae.config import WaveformVAEConfig
from plugin_backend.models.waveform_vae.latent_pca import fit_latent_pca
from plugin_backend.models.waveform_vae.model import WaveformVAE

SMALL = WaveformVAEConfig(encoder_width=16, encoder_blocks=2, decoder_width=16, decoder_blocks=2, latent_dim=4)


@pytest.fixture
def small(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "small.safetensors"
    checkpoint.save(WaveformVAE(SMALL), path, {})
    return path


@pytest.fixture
def sound():
    return (np.random.default_rng(1).standard_normal((2, 40_000)) * 0.1).astype(np.float32)


@pytest.mark.parametrize("pieces", [1, 2, 3, 7, 79])
def test_streaming_equals_offline(small, sound, pieces):
    codec = load_codec(str(small))
    hop = codec.spec.hop_samples
    means, deviations = codec.posterior(sound)
    padded = np.pad(sound, ((0, 0), (0, -sound.shape[1] % hop)))
    encoder, decoder = codec.encoder(2), codec.decoder(2)
    parts = [encoder.push(padded[:, i : i + pieces * hop]) for i in range(0, padded.shape[1], pieces * hop)]
    np.testing.assert_allclose(np.concatenate([m for m, _ in parts], 1), means, atol=2e-6)
    np.testing.assert_allclose(np.concatenate([d for _, d in parts], 1), deviations, atol=2e-6)
    tail = np.repeat(codec.silence(codec.spec.latency_frames), 2, axis=0)
    fed = np.concatenate([means, tail], 1)
    out = np.concatenate([decoder.push(fed[:, i : i + pieces]) for i in range(0, fed.shape[1], pieces)], 1)
    whole = codec.decode(means)
    output = out[:, codec.spec.latency_samples :][:, : whole.shape[1]]
    error_db = 20 * np.log10(np.abs(output - whole).max() / np.abs(whole).max() + 1e-12)
    assert error_db < -120


def test_a_sound_of_no_samples_is_no_frames(small):
    codec = load_codec(str(small))
    means, deviations = codec.posterior(np.zeros((2, 0), np.float32))
    assert means.shape == deviations.shape == (2, 0, 4)
    assert codec.decode(codec.encode(np.zeros((2, 0), np.float32))).shape == (2, 0)


def test_no_sample_depends_on_the_future(small, sound):
    codec = load_codec(str(small))
    changed = sound.copy()
    changed[:, 20_480:] = 0
    before, after = codec.encode(sound), codec.encode(changed)
    np.testing.assert_array_equal(before[:, :40], after[:, :40])
    assert np.abs(before[:, 40] - after[:, 40]).max() > 1e-4


def test_compaction_is_exactly_undone(small, sound):
    model = checkpoint.load(small)
    audio = torch.from_numpy(sound)[:, : 78 * 512]
    fit_latent_pca(model, [audio])
    with torch.no_grad():
        raw, log_variance, _ = model.encoder(audio)
        compacted, _ = model.compact(raw, log_variance)
    torch.testing.assert_close(model.expand(compacted), raw, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(compacted.mean((0, 1)), torch.zeros(4), atol=1e-5, rtol=0)


@pytest.mark.parametrize("stream", [False, True])
def test_stereo_is_a_batch_of_two_that_never_touch(small, sound, stream):
    """Equal channels stay equal to float rounding, and neither depends on the other."""
    codec = load_codec(str(small))
    left, right = sound[:1, : 40 * 512], sound[1:, : 40 * 512]

    def through(channels):
        if not stream:
            return codec.decode(codec.encode(channels))
        encoder, decoder = codec.encoder(len(channels)), codec.decoder(len(channels))
        return np.concatenate(
            [decoder.push(encoder.push(channels[:, i : i + 512])[0]) for i in range(0, channels.shape[1], 512)], 1
        )

    alike = through(np.concatenate([left, left]))
    np.testing.assert_allclose(alike[0], alike[1], atol=1e-6)
    both, silent_right = through(np.concatenate([left, right])), through(np.concatenate([left, 0 * right]))
    np.testing.assert_allclose(both[0], silent_right[0], atol=1e-6)
    assert np.abs(both[1] - both[0]).max() > 0.01


def test_loading_again_encodes_to_the_same_latents(small, sound):
    first, again = (load_codec(str(small)).encode(sound) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_save_and_load_keep_every_weight(small, tmp_path):
    model = checkpoint.load(small)
    checkpoint.save(model, tmp_path / "again.safetensors", {"minutes": 1})
    first, again = load_file(small), load_file(tmp_path / "again.safetensors")
    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert describe_codec(str(small)).fingerprint == describe_codec(str(tmp_path / "again.safetensors")).fingerprint


def test_fingerprint_follows_the_weights(small):
    before = describe_codec(str(small)).fingerprint
    model = checkpoint.load(small)
    with torch.no_grad():
        model.decoder.embed.bias[0] += 1
    checkpoint.save(model, small, {})
    assert describe_codec(str(small)).fingerprint != before


def resized(path, **sizes):
    card = path.with_suffix(".json")
    record = json.loads(card.read_text())
    card.write_text(json.dumps(record | {"config": record["config"] | sizes}))


@pytest.mark.parametrize(
    ("damage", "result"),
    [
        (lambda path: path.with_suffix(".json").unlink(), "not a readable checkpoint"),
        (lambda path: path.with_suffix(".json").write_text("{"), "not a readable checkpoint"),
        (lambda path: path.with_suffix(".json").write_text('{"family": "other"}'), "not a 'waveform-vae' checkpoint"),
        (lambda path: path.write_bytes(path.read_bytes()[:1000]), "not a readable checkpoint"),
        (lambda path: path.write_bytes(b""), "not a readable checkpoint"),
        (
            lambda path: path.with_suffix(".json").write_text(
                json.dumps({"family": "waveform-vae", "version": 1, "config": {"latent_dim": 5}})
            ),
            "do not fit",
        ),
        (lambda path: path.with_suffix(".json").write_text("[" * 200_000), "not a readable checkpoint"),
        *(
            (partial(resized, **sizes), result)
            for sizes, result in (
                ({"encoder_width": 1_000_000}, "'encoder_width' must be a whole number from 1 to 32768"),
                ({"encoder_width": "x"}, "'encoder_width' must be a whole number"),
                ({"encoder_width": True}, "'encoder_width' must be a whole number"),
                ({"decoder_blocks": 1_000_000}, "'decoder_blocks' must be a whole number from 1 to 256"),
                ({"sample_rate": "48000"}, "'sample_rate' must be a whole number"),
                ({"decoder_hop": 0}, "'decoder_hop' must be a whole number"),
                ({"decoder_hop": 200}, "'hop' must be a multiple of 'decoder_hop'"),
                ({"head": "mouth"}, "'head' must be one of spectra, noise"),
                ({"coherent": 1}, "'coherent' must be true or false"),
                ({"encoder_width": 30_000, "encoder_blocks": 256, "expansion": 64}, "the weights do not fit"),
                ({"kernel": 1024, "decoder_width": 32_000}, "the weights do not fit"),
                ({"unheard_of": 1}, "unknown entries"),
            )
        ),
    ],
)
def test_damaged_checkpoints_are_refused_in_one_line(small, damage, result):
    damage(small)
    with pytest.raises(CheckpointError, match=result) as caught:
        load_codec(str(small))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nope", "", "../foley", "model.pt", "/no/such.safetensors"])
def test_unknown_models_name_what_there_is(name):
    with pytest.raises(CheckpointError, match="give one of foley, timbral, pcm"):
        load_codec(name)


def test_the_factory_model_is_small_and_has_a_description():
    spec = describe_codec("foley")
    assert (spec.sample_rate, spec.hop_samples, spec.latent_dim, spec.latency_samples) == (48_000, 512, 32, 896)
    assert (FACTORY / "foley.safetensors").stat().st_size < 20e6


def test_the_factory_model_keeps_attacks_in_place():
    """Noise bursts through encode and decode come out within 2 ms of where they went in."""
    rng = np.random.default_rng(3)
    sound = np.zeros((1, 96_000), np.float32)
    starts = [10_000, 33_333, 60_001]
    for start in starts:
        sound[0, start : start + 4_800] = rng.standard_normal(4_800) * 0.2 * np.exp(-np.arange(4_800) / 1_000)
    codec = load_codec("foley")
    decoded = codec.decode(codec.encode(sound))[0]
    for start in starts:
        window = np.abs(decoded[start - 2_400 : start + 2_400])
        onset = np.argmax(window > 0.25 * window.max()) - 2_400
        assert abs(onset) < 96, onset


@pytest.mark.parametrize("name", ["small", "foley"])
def test_whatever_latents_are_held_the_sound_has_no_offset(name, request):
    """A speaker is not to be pushed out and held there; held latents sound the same every hop."""
    codec = load_codec(str(request.getfixturevalue("small")) if name == "small" else name)
    hop, settled = codec.spec.hop_samples, 30
    if codec.model.config.head == "noise":
        latents = np.random.default_rng(3).standard_normal((8, 1, codec.spec.latent_dim)).astype(np.float32)
        held = codec.decoder(8).push(np.repeat(latents, settled + 200, axis=1)).astype(np.float64)[:, settled * hop :]
        window = np.hanning(held.shape[1]) / np.hanning(held.shape[1]).sum()
        assert (np.abs(held @ window) < 1e-3 * held.std(axis=1)).all()
        return
    latents = np.random.default_rng(3).standard_normal((8, 1, codec.spec.latent_dim)).astype(np.float32) * 3
    audio = codec.decoder(8).push(np.repeat(latents, settled + 10, axis=1)).astype(np.float64)
    held = audio[:, settled * hop :].reshape(8, 10, hop)
    loudest = np.abs(held).max(axis=(1, 2))
    np.testing.assert_allclose(held, held[:, :1].repeat(10, axis=1), atol=1e-5 * loudest.max())
    assert (np.abs(held.mean(axis=(1, 2))) < 1e-5 * loudest).all()
