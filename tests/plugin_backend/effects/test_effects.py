"""What each classic stage does, against theory."""

import numpy as np
import pytest
import soundfile
from scipy.signal import fftconvolve

from plugin_backend.dsp.crossfade import raised_cosine
from plugin_backend.effects import make_stage
from plugin_backend.effects.impulse_responses import LONGEST_S, check_impulse_response, impulse_response
from plugin_backend.effects.lfo import EDGE_S
from plugin_backend.errors import AudioFileError

RATE = 48_000


def ones(count: int) -> np.ndarray:
    return np.ones((1, count), np.float32)


def level(name: str, count: int, **settings) -> np.ndarray:
    """What becomes of a constant 1."""
    return make_stage(name, settings, RATE, 1).push(ones(count))[0].astype(np.float64)


def gain_db(settings: dict, *hz: float) -> list[float]:
    """An equaliser's gain at frequencies, from its impulse response."""
    impulse = np.zeros((1, 2**18), np.float32)
    impulse[0, 0] = 1
    heard = make_stage("eq", settings, RATE, 1).push(impulse)[0].astype(np.float64)
    time = np.arange(heard.size)
    return [20 * np.log10(abs(np.sum(heard * np.exp(-2j * np.pi * f * time / RATE)))) for f in hz]


def test_a_bell_has_its_gain_in_its_middle_and_its_width():
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
def test_cuts_are_butterworths(order):
    """|H|² = 1 / (1 + w^2n), w the ratio of the bilinear transform's analogue frequencies."""
    hz, warped = np.array([50, 100, 200, 1_000, 4_000]), lambda f: np.tan(np.pi * f / RATE)
    low = gain_db({"low_cut_hz": 200, "cut_order": order}, *hz)
    np.testing.assert_allclose(low, -10 * np.log10(1 + (warped(200) / warped(hz)) ** (2 * order)), atol=0.02)
    high = gain_db({"high_cut_hz": 1_000, "cut_order": order}, *hz)
    np.testing.assert_allclose(high, -10 * np.log10(1 + (warped(hz) / warped(1_000)) ** (2 * order)), atol=0.02)


def test_all_bands_add_their_decibels_and_none_is_to_the_bit():
    settings = {"low_shelf_db": 3, "peak1_db": -6, "peak3_db": 9, "high_cut_hz": 12_000}
    each = [gain_db({name: value}, 300, 4_000) for name, value in settings.items()]
    assert gain_db(settings, 300, 4_000) == pytest.approx(np.sum(each, axis=0).tolist(), abs=0.01)
    noise = np.random.default_rng(0).standard_normal((2, 5_000)).astype(np.float32)
    np.testing.assert_array_equal(make_stage("eq", {}, RATE, 2).push(noise), noise)
    np.testing.assert_array_equal(make_stage("eq", {"peak1_hz": 9_999.0}, 16_000, 2).push(noise), noise)


def test_a_set_filter_is_what_it_would_have_been_once_it_has_faded_in():
    noise = np.random.default_rng(0).standard_normal((1, 40_000)).astype(np.float32) * 0.1
    stage, other = (make_stage("eq", {"peak1_db": db}, RATE, 1) for db in (0, 12))
    stage.push(noise[:, :1_000])
    stage.set("peak1_db", 12)
    late = stage.push(noise[:, 1_000:])[:, 20_000:]
    np.testing.assert_allclose(late, other.push(noise)[:, 21_000:], atol=1e-6)


def test_a_sine_lfo_has_its_period_depth_and_phase():
    heard = level("lfo", 96_000, rate_hz=5, depth=0.6)
    np.testing.assert_allclose(heard, 1 - 0.6 * (0.5 - 0.5 * np.sin(2 * np.pi * np.arange(96_000) / 9_600)), atol=1e-6)
    np.testing.assert_allclose(
        level("lfo", 9_600, rate_hz=5, depth=0.6, phase_deg=90)[:7_200], heard[2_400:9_600], atol=1e-6
    )


def test_an_lfo_without_depth_runs_on_unheard():
    """Its rate glides, its shape changes and a strike comes meanwhile; then it is where it would be."""
    heard = []
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
        heard.append(stage.push(ones(20_000)))
    np.testing.assert_allclose(*heard, atol=1e-6)
    assert np.ptp(heard[0]) > 0.7


def test_a_square_lfo_is_off_half_the_time_and_its_edges_are_as_long_as_said():
    heard, edge = level("lfo", 48_000, shape="square", rate_hz=4), round(EDGE_S * RATE)
    for start in range(0, 48_000, 12_000):
        assert heard[start] == 0
        np.testing.assert_allclose(heard[start + edge : start + 6_001], 1, atol=1e-6)
        np.testing.assert_allclose(heard[start + 6_000 + edge : start + 12_000], 0, atol=1e-6)
        assert heard[start + edge // 2] == pytest.approx(0.5, abs=1e-6)


def test_a_random_lfo_is_the_same_of_one_seed_and_another_of_another():
    one, again, other = (level("lfo", 96_000, shape="random", rate_hz=8, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    corners, others = one[::6_000], other[::6_000]
    assert np.abs(corners - others).min() > 1e-4
    assert 0 <= one.min() < 0.2 < 0.8 < one.max() <= 1
    for at in range(0, 90_000, 6_000):  # monotonous from corner to corner
        assert (np.diff(one[at : at + 6_001]) * np.sign(one[at + 6_000] - one[at]) > -1e-6).all()


def test_an_lfo_by_tempo_takes_its_beats():
    heard = level("lfo", 96_000, sync="tempo", bpm=90, beats=0.75, rate_hz=50)
    np.testing.assert_allclose(heard, level("lfo", 96_000, rate_hz=2), atol=1e-7)


def test_a_strike_begins_the_cycle_anew():
    stage = make_stage("lfo", {"rate_hz": 2, "sync": "trigger", "phase_deg": 90}, RATE, 1)
    stage.trigger(10_007)
    heard = stage.push(ones(40_000))[0]
    expected = 0.5 + 0.5 * np.cos(2 * np.pi * 2 * np.arange(20_000) / RATE)
    np.testing.assert_allclose(heard[:10_000], expected[:10_000], atol=1e-6)
    np.testing.assert_allclose(heard[10_007 + 480 : 30_007], expected[480:], atol=1e-6)
    assert np.abs(np.diff(heard, 2)).max() < 1e-4


def test_pulses_stand_where_their_rate_puts_them():
    heard = level("pulses", 96_000, rate_hz=7.5, duty=0.25, attack_ms=2, decay_ms=30)
    for start in range(0, 96_000, 6_400):
        one = heard[start : start + 6_400]
        np.testing.assert_allclose(one[:96], raised_cosine(np.arange(1, 97) / 96), atol=1e-6)
        np.testing.assert_allclose(one[96:1_600], 1, atol=1e-6)
        np.testing.assert_allclose(one[1_600:3_040], 1 - raised_cosine(np.arange(1, 1_441) / 1_440), atol=1e-6)
        assert not one[3_040:].any()
    assert level("pulses", 12_000, depth=0.75)[11_000] == 0.25


def test_pulses_keep_their_place_for_an_hour():
    stage = make_stage("pulses", {"rate_hz": 30, "duty": 0.5, "attack_ms": 0.5, "decay_ms": 1}, RATE, 1)
    stage.position_samples = stage.parts["cycles"]._since = 3_600 * RATE
    heard = stage.push(ones(48_000))[0]
    rises = np.flatnonzero((heard[1:] > 0) & (heard[:-1] == 0)) + 1
    assert rises.tolist() == list(range(1_600, 48_000, 1_600))


def test_struck_pulses_come_from_the_strike_to_its_release():
    stage = make_stage("pulses", {"rate_hz": 10, "sync": "trigger", "decay_ms": 5}, RATE, 1)
    stage.trigger(1_001)
    stage.release(12_000)
    heard = stage.push(ones(30_000))[0]
    rises = np.flatnonzero((heard[1:] > 0) & (heard[:-1] == 0)) + 1
    assert rises.tolist() == [1_001, 5_801, 10_601]


def test_a_long_fall_is_cut_by_the_next_pulse_without_a_gap():
    heard = level("pulses", 48_000, rate_hz=10, decay_ms=400)
    assert heard[4_800:].min() > 0.5
    assert np.abs(np.diff(heard)).max() < 0.03


def test_an_envelopes_corners_are_at_their_samples():
    stage = make_stage("adsr", {"attack_ms": 10, "decay_ms": 20, "sustain": 0.5, "release_ms": 30}, RATE, 1)
    stage.trigger(100)
    stage.release(5_000)
    heard = stage.push(ones(8_000))[0].astype(np.float64)
    assert not heard[:100].any()
    np.testing.assert_allclose(heard[100:580], raised_cosine(np.arange(1, 481) / 480), atol=1e-6)
    np.testing.assert_allclose(heard[580:1_540], 1 - 0.5 * raised_cosine(np.arange(1, 961) / 960), atol=1e-6)
    assert heard[[579, 1_539, 4_999, 6_439]].tolist() == pytest.approx([1, 0.5, 0.5, 0], abs=1e-9)
    np.testing.assert_allclose(heard[5_000:6_440], 0.5 - 0.5 * raised_cosine(np.arange(1, 1_441) / 1_440), atol=1e-6)
    assert not heard[6_440:].any()


def test_a_strike_goes_on_from_where_the_level_is_and_a_second_release_does_nothing():
    stage = make_stage("adsr", {"attack_ms": 10, "sustain": 1, "release_ms": 100}, RATE, 1)
    stage.trigger()
    for at in (1_000, 2_000):
        stage.release(at)
    stage.trigger(3_000)
    heard = stage.push(ones(4_000))[0].astype(np.float64)
    np.testing.assert_allclose(heard[1_000:3_000], 1 - raised_cosine(np.arange(1, 2_001) / 4_800), atol=1e-6)
    start = heard[2_999]
    np.testing.assert_allclose(
        heard[3_000:3_480], start + (1 - start) * raised_cosine(np.arange(1, 481) / 480), atol=1e-6
    )


def test_a_gate_opens_and_closes_by_the_sounds_own_level():
    """Power rises as 1 − e^(−t/5 ms), so it passes −40 dBFS of a −30 dBFS sound after 0.53 ms, and falls so."""
    sound = ones(48_000) * np.float32(10 ** (-30 / 20))
    sound[:, :10_000] = sound[:, 30_000:] = 0
    settings = {"gate": "threshold", "attack_ms": 1, "sustain": 1, "release_ms": 5, "threshold_db": -40}
    stage = make_stage("adsr", settings, RATE, 1)
    stage.trigger(50)  # of no concern
    stage.push(sound)
    stage = make_stage("adsr", settings, RATE, 1)
    heard = stage.push(sound)[0] / sound.max()
    opened = np.flatnonzero(heard)[0] - 10_000
    assert opened == pytest.approx(-np.log(1 - 10**-1.0) * 240, abs=2)
    assert heard[10_200:30_000].min() == pytest.approx(1)
    quiet = make_stage("adsr", settings, RATE, 1).push(sound * np.float32(10 ** (-10.5 / 20)))
    assert not quiet.any()


def test_a_gain_is_its_decibels_and_glides_in_fifty_milliseconds():
    stage = make_stage("gain", {"gain_db": -6}, RATE, 1)
    np.testing.assert_allclose(stage.push(ones(100)), 10**-0.3, rtol=1e-6)
    stage.set("gain_db", 0)
    heard = stage.push(ones(5_000))[0]
    np.testing.assert_allclose(
        heard[:2_400], 10**-0.3 + (1 - 10**-0.3) * raised_cosine(np.arange(1, 2_401) / 2_400), atol=1e-6
    )
    assert (heard[2_400:] == 1).all()


def test_a_balance_turns_one_side_down_and_a_pan_has_constant_power():
    stereo = np.stack([np.full(10, 0.5), np.full(10, 0.25)]).astype(np.float32)

    def placed(sound, **settings):
        return make_stage("pan", settings, RATE, 2).push(sound)[:, -1].tolist()

    assert placed(stereo) == [0.5, 0.25]
    assert placed(stereo, pan=1) == pytest.approx([0, 0.25], abs=1e-7)
    assert placed(stereo, pan=-0.5)[1] == pytest.approx(0.25 * np.sqrt(2) * np.sin(np.pi / 8))
    for pan in np.linspace(-1, 1, 9):
        left, right = placed(np.ones((2, 4), np.float32), pan=pan, law="pan")
        assert left**2 + right**2 == pytest.approx(1, abs=1e-6)
        assert np.arctan2(right, left) == pytest.approx((pan + 1) * np.pi / 4, abs=1e-6)


@pytest.fixture
def responses(tmp_path):
    """Files of impulse responses by length and channels."""

    def write(samples: int, channels: int, rate: int = RATE) -> tuple[str, np.ndarray]:
        rng = np.random.default_rng(samples)
        ir = (rng.standard_normal((samples, channels)) * np.exp(-np.arange(samples) / samples * 5)[:, None]) / 20
        path = tmp_path / f"{samples}_{channels}_{rate}.wav"
        soundfile.write(path, ir, rate, "DOUBLE")
        return str(path), ir.T

    return write


@pytest.mark.parametrize(("samples", "channels"), [(1, 1), (511, 2), (512, 1), (513, 1), (40_000, 2), (270_000, 1)])
@pytest.mark.parametrize("size", [137, 512, 5_000])
def test_a_convolution_is_scipys_from_the_first_sample_on(samples, channels, size, responses):
    path, ir = responses(samples, channels)
    sound = (np.random.default_rng(2).standard_normal((2, 60_000)) * 0.1).astype(np.float32)
    sound[:, 30_000:] = 0
    stage = make_stage("convolution", {"ir": path, "mix": 1}, RATE, 2)
    heard = np.concatenate([stage.push(sound[:, at : at + size]) for at in range(0, 60_000, size)], axis=1)
    expected = np.stack(
        [fftconvolve(x.astype(np.float64), ir[min(c, channels - 1)])[:60_000] for c, x in enumerate(sound)]
    )
    assert 20 * np.log10(np.abs(heard - expected).max() / max(1, np.abs(expected).max())) < -120
    assert np.abs(expected).max() > 0.005


def test_wet_and_dry_pre_delay_and_the_mean_of_two_channels(responses):
    path, ir = responses(700, 2)
    impulse = np.zeros((1, 4_000), np.float32)
    impulse[0, 0] = 1
    settings = {"ir": path, "mix": 0.25, "gain_db": -6, "pre_delay_ms": 10}
    heard = make_stage("convolution", settings, RATE, 1).push(impulse)[0]
    expected = np.zeros(4_000)
    expected[0] = 0.75
    expected[480:1_180] += 0.25 * 10**-0.3 * ir.mean(axis=0)
    np.testing.assert_allclose(heard, expected, atol=1e-7)


def test_an_impulse_response_has_the_same_gain_at_every_rate(responses):
    path, ir = responses(20_000, 1, 44_100)
    for hz in (100, 3_000):
        for rate in (16_000, 44_100, 96_000):
            own = impulse_response(path, rate)[0]
            gains = [
                abs(np.sum(x * np.exp(-2j * np.pi * hz * np.arange(x.size) / r)))
                for x, r in ((ir[0], 44_100), (own, rate))
            ]
            assert 20 * np.log10(gains[1] / gains[0]) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(("name", "seconds"), [("room", 0.45), ("hall", 2.4)])
def test_the_made_rooms_fall_as_they_say_and_keep_a_noises_level(name, seconds):
    ir = impulse_response(name, RATE)
    assert ir.shape == (2, round(seconds * RATE))
    np.testing.assert_allclose(np.square(ir).sum(axis=1), 1)
    left = np.cumsum(np.square(ir[0])[::-1])[::-1]
    half = [10 * np.log10(left[round(share * len(left))] / left[0]) for share in (0.25, 0.5)]
    assert half[1] - half[0] == pytest.approx(-15, abs=3)  # 60 dB over all of it
    assert abs(np.corrcoef(ir)[0, 1]) < 0.05


def test_an_impulse_response_that_cannot_be_used_is_told(tmp_path):
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
    for name, told in (
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
            with pytest.raises(AudioFileError, match=f"{name}.wav: {told}"):
                check(str(tmp_path / f"{name}.wav"))
