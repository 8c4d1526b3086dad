"""The decoder's noise: white, and dependent only on seed and position."""

import copy

import numpy as np
import pytest
import torch

from plugin_backend.codecs.base import channel_sides
from plugin_backend.models.registry import load_codec
from plugin_backend.models.waveform_vae import checkpoint
from plugin_backend.models.waveform_vae.addressed_noise import (
    MOST_SAMPLES_CACHED,
    PIECE_SAMPLES,
    cached_white_noise,
    white_noise,
)
from plugin_backend.models.waveform_vae.config import WaveformVAEConfig
from plugin_backend.models.waveform_vae.high_pass import HighPass, apply_high_pass
from plugin_backend.models.waveform_vae.model import WaveformVAE
from plugin_backend.models.waveform_vae.noise_head import Bands, Overlap
from plugin_backend.models.waveform_vae.scriptable_heads import FRAMES_APART, White

FRAMES, DIMS, HOP = 24, 6, 512


@pytest.fixture(scope="module")
def codec(tmp_path_factory):
    """A small untrained model with a noise head, whose coherent part is not silent and whose levels are held."""
    torch.manual_seed(4)
    widths = {"encoder_width": 16, "encoder_blocks": 2, "decoder_width": 16, "decoder_blocks": 2}
    model = WaveformVAE(
        WaveformVAEConfig(
            latent_dim=DIMS, head="noise", encoder_view=2048, encoder_view_bins=40, encoder_energy_samples=64,
            coherent=True, band_levels=True, **widths,
        )
    )  # fmt: skip
    with torch.no_grad():
        head = model.decoder.head
        torch.nn.init.normal_(head.out.weight, std=0.2)
        head.raise_by(26.0)
    path = tmp_path_factory.mktemp("model") / "noisy.safetensors"
    checkpoint.save(model, path, {})
    return load_codec(str(path))


@pytest.fixture(scope="module")
def latents():
    return np.random.default_rng(1).standard_normal((3, FRAMES, DIMS)).astype(np.float32)


def test_a_sample_of_noise_follows_from_seed_and_position_alone():
    seeds, starts = [5, 2**62 + 9, 5], [0, 2**32 - 100, 1_000]
    whole = white_noise(seeds, starts, 3_000)
    for cut in (1, 7, 512, 2_999):
        pieces = [white_noise(seeds, np.add(starts, at), min(cut, 3_000 - at)) for at in range(0, 3_000, cut)]
        np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole)
    np.testing.assert_array_equal(whole[2, :2_000], whole[0, 1_000:])


def test_these_are_the_samples_on_every_processor():
    expected = [-0.7374804019927979, -0.5074406266212463, 1.6170440912246704, -0.4668453633785248]
    np.testing.assert_allclose(white_noise([1], [0], 4)[0], expected, rtol=1e-6)


@pytest.mark.parametrize("rows", [1, 2, 40])
@pytest.mark.parametrize("count", [1, 1_280, MOST_SAMPLES_CACHED, MOST_SAMPLES_CACHED + 1])
def test_noise_that_is_kept_is_the_noise(rows, count):
    seeds = np.arange(rows) + 2**40
    for at in (0, PIECE_SAMPLES - count // 2, 2**32 - 500):
        starts = np.full(rows, at) + np.arange(rows) * 37
        for _ in range(2):
            np.testing.assert_array_equal(cached_white_noise(seeds, starts, count), white_noise(seeds, starts, count))


def test_the_high_pass_is_scipys_in_any_pieces():
    from scipy.signal import sosfilt

    filter_, sound = HighPass(48_000), torch.from_numpy(white_noise([1, 2], [0, 0], 2_000))
    expected = sosfilt(filter_.sections, sound.numpy().astype(np.float64), axis=1).astype(np.float32)
    past, pieces = filter_.start(2), []
    for piece in sound.split(512, 1):
        passed, past = filter_(piece, past)
        pieces.append(passed)
    np.testing.assert_array_equal(torch.cat(pieces, 1).numpy(), expected)
    assert torch.equal(sound, torch.from_numpy(white_noise([1, 2], [0, 0], 2_000)))  # what came in is as it was


def test_noise_is_white_nearly_normal_and_seeds_know_nothing_of_one_another():
    noise = white_noise(np.arange(64), np.zeros(64, int), 2**15)
    assert abs(noise.mean()) < 0.003 and noise.std() == pytest.approx(1, abs=0.003)
    assert (noise**4).mean() == pytest.approx(2.7, abs=0.03)  # a sum of four uniform values; of a normal one 3
    power = np.square(np.abs(np.fft.rfft(noise.reshape(-1, 512)))).mean(axis=0) / 512
    assert power[1:-1].min() > 0.92 and power[1:-1].max() < 1.08  # 2,048 spectra: ±2.2 % each
    apart = np.corrcoef(noise) - np.eye(64)
    assert np.abs(apart).max() < 5 / np.sqrt(2**15)
    steps = [np.mean(noise[:, lag:] * noise[:, :-lag]) for lag in (1, 2, 3, 4, 64, 256, 512, 1_024)]
    assert np.abs(steps).max() < 5 / np.sqrt(noise.size)


@pytest.mark.parametrize("frame", [0, 7, FRAMES_APART - 1, 3 * FRAMES_APART + 5])
def test_exports_draw_the_same_noise(frame):
    seeds = torch.tensor([0.0, 1.0, 2.0**24 - 1])
    numbers = (torch.full((3,), float(value)) for value in (frame % FRAMES_APART, frame // FRAMES_APART))
    got = torch.jit.script(White(256))(seeds, *numbers, 900)
    np.testing.assert_array_equal(got.numpy(), white_noise(seeds.numpy().astype(int), [frame * 256] * 3, 900))


@pytest.mark.parametrize("frames", [1, 2, 5, 24])
def test_streams_in_any_blocks_are_the_whole_to_the_bit(codec, latents, frames):
    seeds, sides = [3, 3, 2**60], [0.5, -0.5, 0.0]
    whole = codec.decoder(3, seeds, sides).push(latents)
    stream = codec.decoder(3, seeds, sides)
    pieces = [stream.push(latents[:, at : at + frames]) for at in range(0, FRAMES, frames)]
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole)
    for row in range(3):
        alone = codec.decoder(1, seeds[row : row + 1], sides[row : row + 1]).push(latents[row : row + 1])
        np.testing.assert_array_equal(alone[0], whole[row])


def test_the_seed_decides_the_noise_and_equal_rows_stay_equal(codec, latents):
    rows = np.repeat(latents[:1], 3, axis=0)
    first, again, other = codec.decode(rows, [1, 1, 2])
    np.testing.assert_array_equal(first, again)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.9
    np.testing.assert_array_equal(codec.decode(rows[:1]), codec.decode(rows[:1], [0], [0.0]))


def channels_of(codec, latents, width):
    """A stereo sound of alike latents, of noise alone: nothing coherent, no level held."""
    decoder = copy.deepcopy(codec.model.decoder)
    with torch.no_grad():
        for name, bias in (("coherent", 0.0), ("trust", -100.0)):
            decoder.head.rows(decoder.head.out.weight, name).zero_()
            decoder.head.rows(decoder.head.out.bias, name).fill_(bias)
        past = decoder.start(2, torch.tensor([9, 9]), torch.tensor(channel_sides(2, width)))
        sound, _ = decoder(torch.from_numpy(np.repeat(latents[:1], 2, axis=0)), past)
    return sound.numpy()[:, 2_000:]


@pytest.mark.parametrize("width", [0.0, 0.3, 1.0])
def test_width_sets_how_far_left_and_right_differ_and_mono_keeps_its_power(codec, latents, width):
    long = np.tile(latents, (1, 12, 1))
    left, right = channels_of(codec, long, width)
    assert np.corrcoef(left, right)[0, 1] == pytest.approx(1 - width, abs=0.06)
    mono = np.mean(np.square((left + right) / 2)) / np.mean(np.square([left, right]))
    assert -3.4 < 10 * np.log10(mono) < 0.1
    if width == 0:
        np.testing.assert_array_equal(left, right)


def test_bands_are_straight_lines_of_logarithms_between_their_centres():
    bands = Bands(20, 1024, 48_000, 30.0)
    flat = bands(torch.full((1, 20), -1.5))
    torch.testing.assert_close(flat, torch.full((1, 513), float(np.exp(-1.5))))
    slope = torch.log(bands(torch.arange(20.0)[None] / 10))[0]
    assert (slope.diff() >= 0).all() and slope[-1] == pytest.approx(1.9, abs=1e-5)


def test_noise_of_unit_gains_comes_out_as_it_went_in():
    overlap, noise = Overlap(128), torch.from_numpy(white_noise([2], [0], 4_096))
    sound, _ = overlap(overlap.spectra(noise), None)
    expected = noise[:, : sound.shape[1]] * overlap.scale * 0.75  # 1.5 of overlapping squared windows, halved
    torch.testing.assert_close(sound[:, 96:], expected[:, 96:], atol=1e-6, rtol=1e-5)


def test_training_and_inference_make_the_same_sound(codec, latents):
    fast = codec.decoder(3, [1, 2, 3]).push(latents)
    model = codec.model
    with torch.no_grad():
        start = model.decoder.start(3, torch.tensor([1, 2, 3]))
        plain, _ = model.decoder(model.expand(torch.from_numpy(latents)), start)
    plain = apply_high_pass(plain, 48_000)
    assert np.abs(fast - plain.numpy()).max() < 5e-3 * np.abs(fast).max()  # weights are rounded to half precision


def test_nothing_steady_and_little_rumble_comes_out(codec, latents):
    sound = codec.decode(np.tile(latents, (1, 30, 1)), [1, 2, 3])[:, 20_000:]
    assert 20 * np.log10(np.abs(sound.mean(axis=1)).max() / sound.std()) < -60
    tone = np.cos(2 * np.pi * np.array([[5.0], [20.0], [200.0]]) * np.arange(96_000) / 48_000).astype(np.float32)
    passed = apply_high_pass(torch.from_numpy(tone), 48_000).numpy()[:, 24_000:72_000]
    gains_db = 20 * np.log10(passed.std(axis=1) / tone.std(axis=1))
    np.testing.assert_allclose(gains_db, [-24.6, -6.0, -0.1], atol=0.1)  # two poles at 20 Hz: −3 dB each there
