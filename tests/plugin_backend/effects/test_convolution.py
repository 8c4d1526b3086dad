"""Convolution and impulse responses compared with SciPy."""

import numpy as np
import pytest
import soundfile
from scipy.signal import fftconvolve

from plugin_backend.effects.impulse_responses import LONGEST_S, check_impulse_response, impulse_response
from plugin_backend.effects.registry import make_stage
from plugin_backend.errors import AudioFileError

RATE = 48_000


@pytest.fixture
def responses(tmp_path):
    """Return a function that writes an impulse response of a length and a number of channels."""

    def write(samples: int, channels: int, rate: int = RATE) -> tuple[str, np.ndarray]:
        rng = np.random.default_rng(samples)
        ir = (rng.standard_normal((samples, channels)) * np.exp(-np.arange(samples) / samples * 5)[:, None]) / 20
        path = tmp_path / f"{samples}_{channels}_{rate}.wav"
        soundfile.write(path, ir, rate, "DOUBLE")
        return str(path), ir.T

    return write


@pytest.mark.parametrize(("samples", "channels"), [(1, 1), (511, 2), (512, 1), (513, 1), (40_000, 2), (270_000, 1)])
@pytest.mark.parametrize("size", [137, 512, 5_000])
def test_a_convolution_equals_scipys_from_the_first_sample_on(samples, channels, size, responses):
    path, ir = responses(samples, channels)
    sound = (np.random.default_rng(2).standard_normal((2, 60_000)) * 0.1).astype(np.float32)
    sound[:, 30_000:] = 0
    stage = make_stage("convolution", {"ir": path, "mix": 1}, RATE, 2)
    output = np.concatenate([stage.push(sound[:, at : at + size]) for at in range(0, 60_000, size)], axis=1)
    expected = np.stack(
        [fftconvolve(x.astype(np.float64), ir[min(c, channels - 1)])[:60_000] for c, x in enumerate(sound)]
    )
    assert 20 * np.log10(np.abs(output - expected).max() / max(1, np.abs(expected).max())) < -120
    assert np.abs(expected).max() > 0.005


def test_mix_pre_delay_and_the_mean_of_two_channels(responses):
    path, ir = responses(700, 2)
    impulse = np.zeros((1, 4_000), np.float32)
    impulse[0, 0] = 1
    settings = {"ir": path, "mix": 0.25, "gain_db": -6, "pre_delay_ms": 10}
    output = make_stage("convolution", settings, RATE, 1).push(impulse)[0]
    expected = np.zeros(4_000)
    expected[0] = 0.75
    expected[480:1_180] += 0.25 * 10**-0.3 * ir.mean(axis=0)
    np.testing.assert_allclose(output, expected, atol=1e-7)


def test_an_impulse_response_has_the_same_gain_at_every_rate(responses):
    path, ir = responses(20_000, 1, 44_100)
    for hz in (100, 3_000):
        for rate in (16_000, 44_100, 96_000):
            resampled = impulse_response(path, rate)[0]
            gains = [
                abs(np.sum(x * np.exp(-2j * np.pi * hz * np.arange(x.size) / r)))
                for x, r in ((ir[0], 44_100), (resampled, rate))
            ]
            assert 20 * np.log10(gains[1] / gains[0]) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(("name", "seconds"), [("room", 0.45), ("hall", 2.4)])
def test_the_synthetic_rooms_have_their_decay_and_keep_the_level_of_noise(name, seconds):
    ir = impulse_response(name, RATE)
    assert ir.shape == (2, round(seconds * RATE))
    np.testing.assert_allclose(np.square(ir).sum(axis=1), 1)
    left = np.cumsum(np.square(ir[0])[::-1])[::-1]
    half = [10 * np.log10(left[round(share * len(left))] / left[0]) for share in (0.25, 0.5)]
    assert half[1] - half[0] == pytest.approx(-15, abs=3)  # 60 dB over all of it
    assert abs(np.corrcoef(ir)[0, 1]) < 0.05


def test_an_impulse_response_that_cannot_be_used_is_refused(tmp_path):
    for name, samples, rate in (
        ("long", np.zeros(8_000 * LONGEST_S + 1), 8_000),
        ("nan", np.array([1, np.nan]), 8_000),
        ("loud", np.array([0, -2e3]), 8_000),
        ("wide", np.zeros((5, 8)), 8_000),
        ("slow", np.ones(19), 1),
        ("fast", np.ones(19), 400_000),
        ("none", np.zeros(0), 8_000),
    ):
        soundfile.write(tmp_path / f"{name}.wav", samples, rate, "FLOAT")
    (tmp_path / "text.wav").write_text("a room")
    (tmp_path / "folder.wav").mkdir()
    for name, message in (
        ("long", "20.0 s; an impulse response has at most 20 s"),
        ("nan", "the file holds NaN or infinite samples"),
        ("loud", r"samples of up to 2e\+03 times full scale; 1000 at most"),
        ("wide", "8 channels; give a mono or stereo file"),
        ("slow", "a rate of 1 Hz; 8000 to 192000 Hz can be used"),
        ("fast", "a rate of 400000 Hz; 8000 to 192000 Hz can be used"),
        ("none", "the file holds no samples"),
        ("text", "not a readable audio file"),
        ("folder", "no such audio file"),
    ):
        for check in (check_impulse_response, lambda ir: make_stage("convolution", {"ir": ir}, RATE, 1)):
            with pytest.raises(AudioFileError, match=f"{name}.wav: {message}"):
                check(str(tmp_path / f"{name}.wav"))
