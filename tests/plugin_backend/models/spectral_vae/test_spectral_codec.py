"""The codec of spectral VAEs: pitch and level are exact, rows are independent, and TIMBRAL's faults are absent."""

import numpy as np
import pytest
import torch

from plugin_backend.dsp.pitch_detection import detect_pitch, octaves_above_middle
from plugin_backend.dsp.spectrogram import spectrum
from plugin_backend.models import registry
from plugin_backend.models.spectral_vae import comb, sounds
from plugin_backend.models.spectral_vae.comb_model import CombVAE, NoteSpectrum
from plugin_backend.models.spectral_vae.spectra import magnitudes
from plugin_backend.models.spectral_vae.synthesis import noise_spectra, sinusoid_spectra
from tests.plugin_backend.models.spectral_vae.tiny_spectral import COMB, HOP, IMAGE, RATE, tiny_codec, tone


@pytest.fixture(scope="module")
def codecs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {name: tiny_codec(folder, name)[0] for name in ("own", "published")}


def level_db(audio):
    return 20 * np.log10(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))


def test_the_numbers_name_the_latents_of_pitch_and_level(codecs, tmp_path):
    own, published = codecs["own"].spec, codecs["published"].spec
    assert (own.layout, own.latent_dim, own.pitch_dim, own.loudness_dim) == ("vector", 6, 4, 5)
    assert (own.sample_rate, own.hop_samples, own.latency_samples) == (RATE, HOP, 0)
    assert (published.layout, published.latent_dim, published.pitch_dim) == ("vector", 4, None)
    path = tiny_codec(tmp_path)[1]
    assert registry.describe_codec(str(path)) == registry.load_codec(str(path)).spec


def test_a_note_becomes_its_pitch_and_level_and_stereo_rows_stay_apart(codecs):
    codec = codecs["own"]
    audio = np.stack([tone(note)[:HOP] for note in (45, 60, 81)])
    vectors = codec.encode(audio)
    assert vectors.shape == (3, 1, 6)
    assert vectors[:, 0, 4] == pytest.approx([-1.25, 0, 1.75], abs=0.003)
    assert 20 * vectors[:, 0, 5] == pytest.approx([level_db(row) for row in audio], abs=1e-3)
    quieter = codec.encode(audio / 8)
    assert np.allclose(quieter[..., :5], vectors[..., :5], atol=1e-4)
    for row in range(3):
        assert np.array_equal(codec.encode(audio[row : row + 1])[0], vectors[row])
    _, deviations = codec.posterior(audio)
    assert (deviations[..., :4] > 0).all() and not deviations[..., 4:].any()


def test_decoding_has_the_level_of_its_latent_and_depends_on_no_other_row(codecs):
    codec = codecs["own"]
    vectors = np.random.default_rng(1).standard_normal((3, 2, 6)).astype(np.float32)
    vectors[..., 5] = np.linspace(-2, -0.5, 6).reshape(3, 2)
    decoded = codec.decode(vectors, [5, 6, 7])
    levels = [level_db(part) for row in decoded for part in np.split(row, 2)]
    assert levels == pytest.approx(20 * vectors[..., 5].ravel(), abs=1e-3)
    assert np.array_equal(codec.decode(vectors[1:2], [6])[0], decoded[1])
    stream = codec.decoder(1, [6])
    assert np.array_equal(np.concatenate([stream.push(vectors[1:2, i : i + 1])[0] for i in (0, 1)]), decoded[1])
    assert not np.array_equal(codec.decode(vectors[1:2], [8])[0], decoded[1])  # another noise
    again = codecs["published"].decode(vectors[:2, :, :4])
    assert np.array_equal(codecs["published"].decode(vectors[1:2, :, :4])[0], again[1])


@torch.no_grad()
def test_silence_is_finite_and_stays_silence(codecs):
    for name, config in (("own", COMB), ("published", IMAGE)):
        codec, silent = codecs[name], np.zeros((2, config.hop), np.float32)
        vectors, deviations = codec.posterior(silent)
        assert np.isfinite(vectors).all() and np.isfinite(deviations).all()
        assert codec.silence(3).shape == (1, 3, codec.spec.latent_dim)
    assert not codecs["own"].decode(codecs["own"].encode(np.zeros((1, HOP), np.float32))).any()
    assert not codecs["own"].decode(codecs["own"].silence(2)).any()
    model = codecs["published"].model
    darkest = model.magnitudes_of(torch.zeros(1, IMAGE.frames, IMAGE.bins))
    assert not darkest.any() and float(model.image(model.in_db(darkest)).max()) < 1e-3


def test_encoding_has_no_noise_and_leaves_the_generator_alone(codecs):
    audio = tone(60)[None, :HOP]
    before = torch.get_rng_state()
    assert np.array_equal(codecs["own"].encode(audio), codecs["own"].encode(audio))
    codecs["own"].decode(codecs["own"].encode(audio))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_no_vector_and_no_sound_makes_numbers_that_are_not_finite(codecs, value):
    for codec in codecs.values():
        vector = np.full((1, 1, codec.spec.latent_dim), value, np.float32)
        assert np.isfinite(codec.decode(vector)).all()
        audio = np.full((1, codec.spec.hop_samples), value if abs(value) < np.inf else np.nan, np.float32)
        assert np.isfinite(codec.encode(np.clip(audio, -1, 1))).all()


@torch.no_grad()
def test_harmonics_stand_at_the_exact_pitch_and_the_network_sees_their_spectra():
    model = CombVAE(COMB).eval()
    pitch = torch.tensor([octaves_above_middle(57.37)])
    levels = torch.full((1, COMB.frames, COMB.harmonics), -120.0)
    levels[..., :6] = torch.tensor([0.0, -6, -12, -9, -20, -30])
    lines = torch.full((1, COMB.frames, len(model.ratios)), -140.0)
    quiet = torch.full((1, COMB.frames, COMB.bins), -160.0)
    note = NoteSpectrum(levels, lines, quiet, torch.zeros(1))
    model.describe = lambda timbre, pitch: note
    vector = np.array([0, 0, 0, 0, pitch[0], -1], np.float32)
    audio = sounds.note_sound(model, vector, 0)
    assert detect_pitch(audio, RATE).note == pytest.approx(57.37, abs=0.005)
    seen = magnitudes(torch.from_numpy(audio)[None], COMB)[0, 8:-8]
    expected = model.power(note, pitch).sqrt()[0, 8:-8]
    expected *= (seen * expected).sum() / expected.square().sum()
    assert (seen - expected).norm() / seen.norm() < 0.02


def test_torch_and_numpy_have_the_same_spectra():
    audio = tone(50)[:HOP]
    ours = magnitudes(torch.from_numpy(audio)[None], COMB)[0].numpy()
    theirs = np.abs(spectrum(audio[None], COMB.grid)[0])
    assert np.abs(ours - theirs).max() < 1e-5
    frequencies = np.array([20.3, 77.8])
    spectra = sinusoid_spectra(np.zeros((COMB.frames, 2), np.float32), frequencies, COMB)
    shapes = comb.lobes(torch.tensor(frequencies, dtype=torch.float32)[None], COMB.bins)[0].numpy()
    assert np.abs(np.abs(spectra) - np.abs(shapes.sum(0))).max() < 1e-5


def test_noise_has_power_one_in_each_bin_and_follows_its_seed():
    power = np.square(np.abs(noise_spectra(3, COMB)))[4:-4, 4:-4].mean()
    assert power == pytest.approx(1, abs=0.05)
    assert not np.array_equal(noise_spectra(3, COMB), noise_spectra(4, COMB))


@torch.no_grad()
def test_a_lobe_is_the_spectrum_of_a_hann_window():
    time = np.arange(4096) - 2048
    window = 0.5 + 0.5 * np.cos(2 * np.pi * time / 4096)
    for distance in (0.0, 0.4, 1.0, 1.7, 3.2):
        direct = np.sum(window * np.cos(2 * np.pi * distance * time / 4096)) / window.sum()
        assert float(comb.hann_lobe(torch.tensor(distance))) == pytest.approx(direct, abs=1e-4)
