"""The limiter: no true peak above the ceiling by another meter, any blocks, and nothing changed below the ceiling."""

import itertools

import numpy as np
import pyebur128
import pytest

from plugin_backend.effects.limiter import Limiter, limiter_latency
from plugin_backend.errors import ProjectError

RATE = 48_000
TIME = np.arange(RATE)
RNG = np.random.default_rng(5)


def true_peak_dbtp(sound: np.ndarray) -> float:
    """Return the true peak that libebur128 measures."""
    meter = pyebur128.R128State(len(sound), RATE, pyebur128.MeasurementMode.MODE_TRUE_PEAK)
    meter.add_frames(np.ascontiguousarray(sound.T, np.float64).ravel(), sound.shape[1])
    return 20 * np.log10(max(pyebur128.get_true_peak(meter, channel) for channel in range(len(sound))))


def tone(hz: float, phase: float = 0.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * TIME / RATE + phase)


LOUD = {
    "a full-scale square": np.sign(tone(997)),
    "the same, 40 dB more": 100 * np.sign(tone(313)),
    "peaks between samples only": 1.3 * tone(12_000, np.pi / 4),
    "a high tone": 3 * tone(19_000),
    "noise": RNG.standard_normal(RATE),
    "clicks": 5.0 * (RNG.random(RATE) < 0.001),
    "hits": 3 * RNG.standard_normal(RATE) * np.exp(-(TIME % 5_000) / 600),
    "a tone that jumps by 34 dB": tone(200) * np.where(TIME % 3_000 < 1_500, 50, 1),
}


@pytest.mark.parametrize("name", LOUD)
def test_true_peak_stays_below_the_ceiling_by_another_meter(name):
    sound = np.array(LOUD[name], np.float32)[None]
    assert true_peak_dbtp(sound) > 1
    for ceiling_dbtp in (-1.0, -12.0):
        limiter = Limiter(RATE, 1)
        limiter.set("ceiling_dbtp", ceiling_dbtp)
        peak_dbtp = true_peak_dbtp(limiter.push(sound))
        assert ceiling_dbtp - 1 < peak_dbtp <= ceiling_dbtp
        assert limiter.gain_db < -1


@pytest.mark.parametrize("sizes", [[512], [64], [1], [4_096], [333, 1, 64, 2_047]])
def test_any_blocks_give_the_same_bits(sizes):
    sound = np.array([LOUD["hits"], LOUD["clicks"]], np.float32)[:, :20_000]
    whole = Limiter(RATE, 2).push(sound)
    limiter, at, pieces = Limiter(RATE, 2), 0, []
    for size in itertools.cycle(sizes):
        pieces.append(limiter.push(sound[:, at : at + size]))
        at += size
        if at >= sound.shape[1]:
            break
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole)


def test_sound_below_the_ceiling_is_only_later():
    sound = np.array([0.8 * tone(440), 0.6 * np.sign(tone(50))], np.float32)
    limiter = Limiter(RATE, 2)
    output = limiter.push(sound)
    assert limiter.latency_samples == limiter_latency(RATE) == 64
    assert not output[:, :64].any()
    np.testing.assert_array_equal(output[:, 64:], sound[:, :-64])


def test_switched_off_every_peak_passes():
    sound = np.array(LOUD["the same, 40 dB more"], np.float32)[None]
    limiter = Limiter(RATE, 1)
    limiter.set("ceiling_on", 0)
    np.testing.assert_array_equal(limiter.push(sound)[:, 64:], sound[:, :-64])


def test_gain_falls_before_the_peak_and_returns_without_an_edge():
    sound = np.full((1, RATE), 0.1, np.float32)
    sound[0, 20_000] = 2.0
    gain = Limiter(RATE, 1).push(sound)[0, 64:] / sound[0, :-64]
    before, peak, after = gain[:19_900], gain[20_000], gain[20_000:]
    assert (before == 1).all() and peak < 0.45
    assert (np.diff(gain) > -0.02).all()
    assert (np.diff(after) >= 0).all() and (gain[20_000 + RATE // 5 :] == 1).all()


def test_channels_share_one_gain():
    sound = np.array([LOUD["hits"], 0.1 * LOUD["hits"]], np.float32)
    left, right = Limiter(RATE, 2).push(sound)
    np.testing.assert_allclose(right, 0.1 * left, atol=1e-6)


def test_a_restored_state_continues_with_the_same_samples():
    sound, limiter, other = np.array(LOUD["hits"], np.float32)[None], Limiter(RATE, 1), Limiter(RATE, 1)
    limiter.set("ceiling_dbtp", -6)
    limiter.push(sound[:, :5_020])
    other.restore(limiter.state())
    np.testing.assert_array_equal(other.push(sound[:, 5_020:]), limiter.push(sound[:, 5_020:]))
    with pytest.raises(ValueError, match="another sample rate or number of channels"):
        Limiter(44_100, 1).restore(limiter.state())


def test_what_is_no_sound_does_no_harm_and_wrong_values_are_refused():
    limiter = Limiter(RATE, 1)
    bad = np.full((1, 500), 0.1, np.float32)
    bad[0, 100:103] = np.nan, np.inf, -np.inf
    bad[0, 200] = 3e38
    assert np.isfinite(limiter.push(bad)).all() and limiter.repaired_samples == 3
    output = limiter.push(np.zeros((1, RATE), np.float32))
    assert np.isfinite(output).all() and not output[0, -1_000:].any()
    assert limiter.push(bad[:, :0]).shape == (1, 0)
    with pytest.raises(ProjectError, match="^ceiling_dbtp 3: -24 to 0 can be used$"):
        limiter.set("ceiling_dbtp", 3)
    with pytest.raises(ValueError, match="a block of 2 channels"):
        limiter.push(np.zeros((2, 4), np.float32))
