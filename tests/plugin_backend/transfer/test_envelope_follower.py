"""The level of the transfer node: a DC offset has no effect, and no peak is above the input's."""

import numpy as np
import pytest
import soxr

from plugin_backend.codecs.dc_offset import DcFilter
from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.transfer.envelope_follower import PeakLimiter
from plugin_backend.transfer.target import make_target
from plugin_backend.transfer.transfer_node import TransferNode

RATE, HOP = 48_000, 512
OFFSET = 0.005


def true_peak_db(audio: np.ndarray) -> float:
    """Return the true peak at eight times the rate, dBTP. The node measures at four times, with other filters."""
    return 20 * np.log10(np.abs(soxr.resample(audio.T, RATE, 8 * RATE, "VHQ")).max())


def rms_db(audio: np.ndarray) -> float:
    return 10 * np.log10(np.square(audio, dtype=np.float64).mean() + 1e-30)


def moved(foley, target, audio: np.ndarray, **controls) -> np.ndarray:
    """Process ``audio`` ``[channels, n]`` by a node with default settings except ``controls``. Return it aligned."""
    node = TransferNode(foley, len(audio))
    node.select(target)
    for name, value in controls.items():
        node.set(name, value)
    fed = np.pad(audio, ((0, 0), (0, node.latency_samples)), mode="edge").astype(np.float32)
    return node.push(fed)[:, node.latency_samples :]


@pytest.fixture(scope="module")
def wood(foley):
    """Return a low and noisy target, of which a follower could make an offset."""
    from presets.bank import FACTORY_BANK, Bank

    return make_target(Bank(FACTORY_BANK)["step-wood"].means, foley)


def test_an_offset_of_near_silence_does_not_become_hiss(foley, wood):
    quiet = np.random.default_rng(0).standard_normal((1, RATE)) * 10 ** (-120 / 20)
    plain, offset = moved(foley, wood, quiet), moved(foley, wood, quiet + OFFSET)
    assert -140 < rms_db(plain) < -116  # as quiet as the input: `foley` of 383 minutes gives −130.1
    assert rms_db(offset) == pytest.approx(rms_db(plain), abs=1)  # it was -46


def test_an_offset_does_not_change_the_output(foley, wood):
    sound = np.random.default_rng(1).standard_normal((1, RATE)) * 0.02
    plain, offset = moved(foley, wood, sound), moved(foley, wood, sound + OFFSET)
    assert rms_db(offset - plain) < rms_db(plain) - 20


def test_the_wet_sound_has_no_offset_and_the_dry_sound_keeps_its_own(foley, wood):
    sound = np.random.default_rng(2).standard_normal((1, 4 * RATE)) * 0.1
    assert abs(moved(foley, wood, sound).mean()) < 0.001  # it was 0.0078
    dry = moved(foley, wood, sound + OFFSET, mix=0.0)
    np.testing.assert_array_equal(dry, (sound + OFFSET).astype(np.float32))


def walk() -> np.ndarray:
    rng, audio = np.random.default_rng(3), np.zeros((1, 2 * RATE))
    for at, level in ((3_000, 0.9), (25_000, 0.4), (49_000, 0.95), (70_500, 0.6)):
        audio[0, at : at + 9_000] += level * rng.uniform(-1, 1, 9_000) * np.exp(-np.arange(9_000) / 900)
    return audio


def voice() -> np.ndarray:
    time = np.arange(2 * RATE) / RATE
    return (0.5 * np.sin(2 * np.pi * 180 * time + 3 * np.sin(6 * np.pi * time)) * np.sin(4 * np.pi * time) ** 2)[None]


def tone() -> np.ndarray:
    return 0.8 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)[None]


@pytest.mark.parametrize("preset", ["step-gravel", "glass-break", "cloth-leather"])
@pytest.mark.parametrize("sound", [walk, voice, tone])
def test_no_true_peak_is_a_decibel_above_the_inputs(foley, sound, preset):
    from presets.bank import FACTORY_BANK, Bank

    sound = sound()
    output = moved(foley, make_target(Bank(FACTORY_BANK)[preset].means, foley), sound)
    assert true_peak_db(output) < true_peak_db(sound) + 1  # a voice through gravel was 7 above, a tone 13
    assert np.abs(output).max() <= np.abs(sound).max() * (
        1 + 1e-6
    )  # so a sound that did not clip before does not clip after


def test_without_following_nothing_is_limited():
    rng = np.random.default_rng(4)
    dry, wet = rng.uniform(-0.1, 0.1, (2, HOP)), rng.uniform(-0.5, 0.5, (2, HOP))
    np.testing.assert_array_equal(PeakLimiter(2, HOP, RATE).limit_peaks(dry, wet, 0.0), wet)
    half = PeakLimiter(2, HOP, RATE).limit_peaks(dry, wet, 0.5)
    assert 0.1 < np.abs(half).max() < np.abs(wet).max()


def test_a_lowered_gain_returns_slowly_and_without_a_step():
    tone = 0.5 * np.sin(2 * np.pi * 200 * np.arange(40 * HOP) / RATE)
    wet = tone.copy()
    wet[10 * HOP + 300 : 10 * HOP + 400] *= 2
    ceiling = PeakLimiter(1, HOP, RATE)
    hops = [(tone[None, at : at + HOP], wet[None, at : at + HOP]) for at in range(0, tone.size, HOP)]
    limited = np.concatenate([ceiling.limit_peaks(*hop, 1.0)[0] for hop in hops])
    np.testing.assert_array_equal(limited[: 10 * HOP], tone[: 10 * HOP])
    sounding = np.abs(tone) > 0.1
    gain = np.where(sounding, limited / np.where(sounding, wet, 1), 1)
    lowest = int(gain.argmin())
    assert 10 * HOP + 200 < lowest < 10 * HOP + 400
    assert gain[lowest] == pytest.approx(0.5, abs=0.05)
    after = lowest + round(0.05 * RATE)
    assert gain[after : after + 50].min() == pytest.approx(1 - 0.5 * np.exp(-1), abs=0.06)
    np.testing.assert_allclose(limited[30 * HOP :], tone[30 * HOP :], atol=0.01)


def test_a_peak_between_samples_is_found():
    """A tone of a quarter of the rate whose samples all lie 3 dB below its peaks."""
    high = np.sin(2 * np.pi * np.arange(HOP) / 4 + np.pi / 4)[None]
    low = 0.8 * np.sin(2 * np.pi * 200 * np.arange(2 * HOP) / RATE)[None]
    ceiling = PeakLimiter(1, HOP, RATE)
    limited = [ceiling.limit_peaks(low[:, at : at + HOP], high, 1.0) for at in (0, HOP)][1]
    assert np.abs(high).max() == pytest.approx(np.sqrt(0.5))
    assert np.abs(limited[0, 200:300]).max() == pytest.approx(0.8 * np.sqrt(0.5), rel=0.02)


@pytest.mark.parametrize("first", [0, 1, HOP])
def test_block_boundaries_of_a_filtered_sound_change_no_bit(first):
    sound = np.random.default_rng(5).standard_normal((2, 5_000)) + 0.3
    whole, parts = DcFilter(2, RATE, first), DcFilter(2, RATE, first)
    cut = np.concatenate([parts.push(sound[:, a:b]) for a, b in ((0, 600), (600, 601), (601, 5_000))], axis=1)
    np.testing.assert_array_equal(whole.push(sound), cut)
    np.testing.assert_array_equal(whole.state()["memory"], parts.state()["memory"])


def test_a_filter_memory_is_never_denormal():
    one = DcFilter(1, RATE)
    one.push(np.ones((1, 10)))
    for _ in range(100):
        one.push(np.zeros((1, RATE)))
    assert one.state()["memory"] == 0


def test_the_identity_codec_carries_an_offset():
    sound = np.full((1, 4 * HOP), 0.25, np.float32)
    np.testing.assert_array_equal(TransferNode(PcmCodec(), 1, HOP).push(sound), sound)
