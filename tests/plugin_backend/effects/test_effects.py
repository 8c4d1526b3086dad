"""Equaliser, modulation, envelope, gain and pan compared with theory."""

import numpy as np
import pytest

from plugin_backend.dsp.crossfade import raised_cosine
from plugin_backend.effects.lfo import EDGE_S
from plugin_backend.effects.registry import make_stage

RATE = 48_000


def ones(count: int) -> np.ndarray:
    return np.ones((1, count), np.float32)


def level(name: str, count: int, **settings) -> np.ndarray:
    """Return the output for a constant input of 1."""
    return make_stage(name, settings, RATE, 1).push(ones(count))[0].astype(np.float64)


def gain_db(settings: dict, *hz: float) -> list[float]:
    """Return the gain of an equaliser at frequencies, from its impulse response."""
    impulse = np.zeros((1, 2**18), np.float32)
    impulse[0, 0] = 1
    output = make_stage("eq", settings, RATE, 1).push(impulse)[0].astype(np.float64)
    time = np.arange(output.size)
    return [20 * np.log10(abs(np.sum(output * np.exp(-2j * np.pi * f * time / RATE)))) for f in hz]


def test_a_peak_has_its_gain_at_its_centre_and_its_width():
    for number in (1, 2, 3):
        for hz, db, q in ((60, 12, 0.7), (1_000, -24, 4), (15_000, 6, 1)):
            settings = {f"peak{number}_hz": hz, f"peak{number}_db": db, f"peak{number}_q": q}
            assert gain_db(settings, hz, 0.001)[0] == pytest.approx(db, abs=0.01)
            assert gain_db(settings, 0.001) == pytest.approx([0], abs=0.01)
    half = 1 / (2 * 2)
    edges = [1_000 * (np.sqrt(1 + half**2) + side * half) for side in (-1, 1)]  # Q 2: half the dB here, analogue
    assert gain_db({"peak2_db": 8, "peak2_q": 2}, *edges) == pytest.approx([4, 4], abs=0.05)


def test_shelves_have_half_their_gain_at_their_corner_and_all_of_it_beyond():
    assert gain_db({"low_shelf_db": 10, "low_shelf_hz": 200}, 1, 200, 20_000) == pytest.approx([10, 5, 0], abs=0.01)
    assert gain_db({"low_shelf_db": -7}, 0.5, 120) == pytest.approx([-7, -3.5], abs=0.01)
    settings = {"high_shelf_db": -12, "high_shelf_hz": 5_000}
    assert gain_db(settings, 10, 5_000, 23_900) == pytest.approx([0, -6, -12], abs=0.01)


@pytest.mark.parametrize("order", [1, 2, 5, 8])
def test_cuts_are_butterworth_filters(order):
    """|H|² = 1 / (1 + w^2n), with w the ratio of the analogue frequencies of the bilinear transform."""
    hz, warped = np.array([50, 100, 200, 1_000, 4_000]), lambda f: np.tan(np.pi * f / RATE)
    low = gain_db({"low_cut_hz": 200, "cut_order": order}, *hz)
    np.testing.assert_allclose(low, -10 * np.log10(1 + (warped(200) / warped(hz)) ** (2 * order)), atol=0.02)
    high = gain_db({"high_cut_hz": 1_000, "cut_order": order}, *hz)
    np.testing.assert_allclose(high, -10 * np.log10(1 + (warped(hz) / warped(1_000)) ** (2 * order)), atol=0.02)


def test_bands_add_in_decibels_and_no_band_changes_nothing():
    settings = {"low_shelf_db": 3, "peak1_db": -6, "peak3_db": 9, "high_cut_hz": 12_000}
    each = [gain_db({name: value}, 300, 4_000) for name, value in settings.items()]
    assert gain_db(settings, 300, 4_000) == pytest.approx(np.sum(each, axis=0).tolist(), abs=0.01)
    noise = np.random.default_rng(0).standard_normal((2, 5_000)).astype(np.float32)
    np.testing.assert_array_equal(make_stage("eq", {}, RATE, 2).push(noise), noise)
    np.testing.assert_array_equal(make_stage("eq", {"peak1_hz": 9_999.0}, 16_000, 2).push(noise), noise)


def test_a_changed_filter_equals_a_new_one_after_its_fade():
    noise = np.random.default_rng(0).standard_normal((1, 40_000)).astype(np.float32) * 0.1
    stage, other = (make_stage("eq", {"peak1_db": db}, RATE, 1) for db in (0, 12))
    stage.push(noise[:, :1_000])
    stage.set("peak1_db", 12)
    late = stage.push(noise[:, 1_000:])[:, 20_000:]
    np.testing.assert_allclose(late, other.push(noise)[:, 21_000:], atol=1e-6)


def test_a_sine_lfo_has_its_period_depth_and_phase():
    output = level("lfo", 96_000, rate_hz=5, depth=0.6)
    np.testing.assert_allclose(output, 1 - 0.6 * (0.5 - 0.5 * np.sin(2 * np.pi * np.arange(96_000) / 9_600)), atol=1e-6)
    np.testing.assert_allclose(
        level("lfo", 9_600, rate_hz=5, depth=0.6, phase_deg=90)[:7_200], output[2_400:9_600], atol=1e-6
    )


def test_an_lfo_without_depth_keeps_its_phase():
    """Meanwhile its rate glides, its shape changes and a trigger comes. Then its phase is where it would be."""
    output = []
    for depth in (0, 1e-9):
        stage = make_stage("lfo", {"depth": depth, "rate_hz": 3, "sync": "trigger"}, RATE, 1)
        before = [stage.push(ones(5_000))]
        stage.set("rate_hz", 7)
        stage.set("shape", "square")
        before.append(stage.push(ones(5_000)))
        stage.trigger()
        before.append(stage.push(ones(100)))
        stage.set("depth", 0.8)
        np.testing.assert_array_equal(np.concatenate(before, axis=1), 1)
        output.append(stage.push(ones(20_000)))
    np.testing.assert_allclose(*output, atol=1e-6)
    assert np.ptp(output[0]) > 0.7


def test_a_square_lfo_is_off_half_the_time_and_its_edges_take_5_ms():
    output, edge = level("lfo", 48_000, shape="square", rate_hz=4), round(EDGE_S * RATE)
    for start in range(0, 48_000, 12_000):
        assert output[start] == 0
        np.testing.assert_allclose(output[start + edge : start + 6_001], 1, atol=1e-6)
        np.testing.assert_allclose(output[start + 6_000 + edge : start + 12_000], 0, atol=1e-6)
        assert output[start + edge // 2] == pytest.approx(0.5, abs=1e-6)


def test_a_random_lfo_depends_on_its_seed():
    one, again, other = (level("lfo", 96_000, shape="random", rate_hz=8, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    corners, others = one[::6_000], other[::6_000]
    assert np.abs(corners - others).min() > 1e-4
    assert 0 <= one.min() < 0.2 < 0.8 < one.max() <= 1
    for at in range(0, 90_000, 6_000):  # monotonic from corner to corner
        assert (np.diff(one[at : at + 6_001]) * np.sign(one[at + 6_000] - one[at]) > -1e-6).all()


def test_an_lfo_by_tempo_takes_its_beats():
    output = level("lfo", 96_000, sync="tempo", bpm=90, beats=0.75, rate_hz=50)
    np.testing.assert_allclose(output, level("lfo", 96_000, rate_hz=2), atol=1e-7)


def test_a_trigger_restarts_the_cycle():
    stage = make_stage("lfo", {"rate_hz": 2, "sync": "trigger", "phase_deg": 90}, RATE, 1)
    stage.trigger(10_007)
    output = stage.push(ones(40_000))[0]
    expected = 0.5 + 0.5 * np.cos(2 * np.pi * 2 * np.arange(20_000) / RATE)
    np.testing.assert_allclose(output[:10_000], expected[:10_000], atol=1e-6)
    np.testing.assert_allclose(output[10_007 + 480 : 30_007], expected[480:], atol=1e-6)
    assert np.abs(np.diff(output, 2)).max() < 1e-4


def test_pulses_are_at_the_samples_of_their_rate():
    output = level("pulses", 96_000, rate_hz=7.5, duty=0.25, attack_ms=2, decay_ms=30)
    for start in range(0, 96_000, 6_400):
        one = output[start : start + 6_400]
        np.testing.assert_allclose(one[:96], raised_cosine(np.arange(1, 97) / 96), atol=1e-6)
        np.testing.assert_allclose(one[96:1_600], 1, atol=1e-6)
        np.testing.assert_allclose(one[1_600:3_040], 1 - raised_cosine(np.arange(1, 1_441) / 1_440), atol=1e-6)
        assert not one[3_040:].any()
    assert level("pulses", 12_000, depth=0.75)[11_000] == 0.25


def test_pulses_keep_their_position_for_an_hour():
    stage = make_stage("pulses", {"rate_hz": 30, "duty": 0.5, "attack_ms": 0.5, "decay_ms": 1}, RATE, 1)
    stage.position_samples = stage.parts["cycles"]._since = 3_600 * RATE
    output = stage.push(ones(48_000))[0]
    rises = np.flatnonzero((output[1:] > 0) & (output[:-1] == 0)) + 1
    assert rises.tolist() == list(range(1_600, 48_000, 1_600))


def test_triggered_pulses_run_from_the_trigger_to_its_release():
    stage = make_stage("pulses", {"rate_hz": 10, "sync": "trigger", "decay_ms": 5}, RATE, 1)
    stage.trigger(1_001)
    stage.release(12_000)
    output = stage.push(ones(30_000))[0]
    rises = np.flatnonzero((output[1:] > 0) & (output[:-1] == 0)) + 1
    assert rises.tolist() == [1_001, 5_801, 10_601]


def test_the_next_pulse_shortens_a_long_decay_without_a_gap():
    output = level("pulses", 48_000, rate_hz=10, decay_ms=400)
    assert output[4_800:].min() > 0.5
    assert np.abs(np.diff(output)).max() < 0.03


def test_the_corners_of_an_envelope_are_at_their_samples():
    stage = make_stage("adsr", {"attack_ms": 10, "decay_ms": 20, "sustain": 0.5, "release_ms": 30}, RATE, 1)
    stage.trigger(100)
    stage.release(5_000)
    output = stage.push(ones(8_000))[0].astype(np.float64)
    assert not output[:100].any()
    np.testing.assert_allclose(output[100:580], raised_cosine(np.arange(1, 481) / 480), atol=1e-6)
    np.testing.assert_allclose(output[580:1_540], 1 - 0.5 * raised_cosine(np.arange(1, 961) / 960), atol=1e-6)
    assert output[[579, 1_539, 4_999, 6_439]].tolist() == pytest.approx([1, 0.5, 0.5, 0], abs=1e-9)
    np.testing.assert_allclose(output[5_000:6_440], 0.5 - 0.5 * raised_cosine(np.arange(1, 1_441) / 1_440), atol=1e-6)
    assert not output[6_440:].any()


def test_a_trigger_continues_from_the_level_and_a_second_release_does_nothing():
    stage = make_stage("adsr", {"attack_ms": 10, "sustain": 1, "release_ms": 100}, RATE, 1)
    stage.trigger()
    for at in (1_000, 2_000):
        stage.release(at)
    stage.trigger(3_000)
    output = stage.push(ones(4_000))[0].astype(np.float64)
    np.testing.assert_allclose(output[1_000:3_000], 1 - raised_cosine(np.arange(1, 2_001) / 4_800), atol=1e-6)
    start = output[2_999]
    np.testing.assert_allclose(
        output[3_000:3_480], start + (1 - start) * raised_cosine(np.arange(1, 481) / 480), atol=1e-6
    )


def test_a_gate_opens_and_closes_by_the_level_of_the_sound():
    """Power rises as 1 − e^(−t/5 ms), so a −30 dBFS sound exceeds −40 dBFS after 0.53 ms."""
    sound = ones(48_000) * np.float32(10 ** (-30 / 20))
    sound[:, :10_000] = sound[:, 30_000:] = 0
    settings = {"gate": "threshold", "attack_ms": 1, "sustain": 1, "release_ms": 5, "threshold_db": -40}
    stage = make_stage("adsr", settings, RATE, 1)
    stage.trigger(50)  # has no effect
    stage.push(sound)
    stage = make_stage("adsr", settings, RATE, 1)
    output = stage.push(sound)[0] / sound.max()
    opened = np.flatnonzero(output)[0] - 10_000
    assert opened == pytest.approx(-np.log(1 - 10**-1.0) * 240, abs=2)
    assert output[10_200:30_000].min() == pytest.approx(1)
    quiet = make_stage("adsr", settings, RATE, 1).push(sound * np.float32(10 ** (-10.5 / 20)))
    assert not quiet.any()


def test_a_gain_is_its_decibels_and_glides_in_fifty_milliseconds():
    stage = make_stage("gain", {"gain_db": -6}, RATE, 1)
    np.testing.assert_allclose(stage.push(ones(100)), 10**-0.3, rtol=1e-6)
    stage.set("gain_db", 0)
    output = stage.push(ones(5_000))[0]
    np.testing.assert_allclose(
        output[:2_400], 10**-0.3 + (1 - 10**-0.3) * raised_cosine(np.arange(1, 2_401) / 2_400), atol=1e-6
    )
    assert (output[2_400:] == 1).all()


def test_a_balance_lowers_one_side_and_a_pan_has_constant_power():
    stereo = np.stack([np.full(10, 0.5), np.full(10, 0.25)]).astype(np.float32)

    def panned(sound, **settings):
        return make_stage("pan", settings, RATE, 2).push(sound)[:, -1].tolist()

    assert panned(stereo) == [0.5, 0.25]
    assert panned(stereo, pan=1) == pytest.approx([0, 0.25], abs=1e-7)
    assert panned(stereo, pan=-0.5)[1] == pytest.approx(0.25 * np.sqrt(2) * np.sin(np.pi / 8))
    for pan in np.linspace(-1, 1, 9):
        left, right = panned(np.ones((2, 4), np.float32), pan=pan, law="pan")
        assert left**2 + right**2 == pytest.approx(1, abs=1e-6)
        assert np.arctan2(right, left) == pytest.approx((pan + 1) * np.pi / 4, abs=1e-6)
