"""Loudness by EBU Tech 3341 and 3342, and that leaving silence out changes no bit."""

import math
from dataclasses import asdict

import numpy as np
import pyebur128
import pytest

from render.delivery.loudness_specs import SPEC_NAMES, SPECS, check_loudness
from render.project.channel_layout import LAYOUTS
from render.wav.r128_meter import Loudness, R128Meter

RATE = 48_000
STEREO = LAYOUTS["stereo"]


def tone(dbfs: float, seconds: float) -> np.ndarray:
    """1 kHz at a peak level in both channels, ``[n, 2]`` float32."""
    wave = 10 ** (dbfs / 20) * np.sin(2 * np.pi * 1000 * np.arange(round(seconds * RATE)) / RATE)
    return np.repeat(wave[:, None], 2, axis=1).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros((round(seconds * RATE), 2), np.float32)


def measure(*parts: np.ndarray, layout=STEREO, block: int = 8192):
    """What a meter says of the parts, one after the other, handed over in blocks."""
    meter, audio = R128Meter(layout, RATE), np.concatenate(parts)
    for start in range(0, len(audio), block):
        meter.add(audio[start : start + block])
    return meter.result()


# EBU Tech 3341 v4, table 1: level in dBFS and seconds → integrated loudness in LUFS, ±0.1
INTEGRATED = {
    1: ([(-23, 20)], -23),
    2: ([(-33, 20)], -33),
    3: ([(-36, 10), (-23, 60), (-36, 10)], -23),
    4: ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23),
    5: ([(-26, 20), (-20, 20.1), (-26, 20)], -23),
}


@pytest.mark.parametrize("case", INTEGRATED)
def test_integrated_loudness_of_tech_3341(case):
    levels, expected = INTEGRATED[case]
    assert measure(*(tone(*level) for level in levels)).integrated_lufs == pytest.approx(expected, abs=0.1)


def test_integrated_loudness_of_tech_3341_case_6_weighs_surrounds_and_leaves_lfe_out():
    left, centre, surround, lfe = (tone(level, 20)[:, :1] for level in (-28, -24, -30, -6))
    audio = np.concatenate([left, left, centre, lfe, surround, surround], axis=1)
    assert measure(audio, layout=LAYOUTS["5.1"]).integrated_lufs == pytest.approx(-23, abs=0.1)


def test_short_term_and_momentary_loudness_of_tech_3341_cases_9_and_12():
    steady = measure(*[part for _ in range(5) for part in (tone(-20, 1.34), tone(-30, 1.66))])
    assert steady.max_short_term_lufs == pytest.approx(-23, abs=0.1)
    quick = measure(*[part for _ in range(25) for part in (tone(-20, 0.18), tone(-30, 0.22))])
    assert quick.max_momentary_lufs == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize("index", range(20))
def test_maxima_of_tech_3341_cases_10_and_13_wherever_the_tone_begins(index):
    short = measure(silence(index * 0.15), tone(-23, 3), silence(1))
    assert short.max_short_term_lufs == pytest.approx(-23, abs=0.1)
    momentary = measure(silence(index * 0.02), tone(-23, 0.4), silence(1))
    assert momentary.max_momentary_lufs == pytest.approx(-23, abs=0.1)


# cases 15 to 19: frequency as a part of the rate, phase in degrees, peak → dBTP, +0.2 −0.4
TRUE_PEAKS = {
    15: (4, 0, 0.5, -6),
    16: (4, 45, 0.5, -6),
    17: (6, 60, 0.5, -6),
    18: (8, 67.5, 0.5, -6),
    19: (4, 45, 1.41, 3),
}


@pytest.mark.parametrize("case", TRUE_PEAKS)
def test_true_peaks_of_tech_3341(case):
    part, phase, peak, expected = TRUE_PEAKS[case]
    samples = np.arange(RATE // 2)
    wave = peak * np.sin(2 * np.pi * samples / part + np.radians(phase)) * np.clip(samples / 4800, 0, 1)
    found = measure(np.repeat(wave[:, None], 2, axis=1).astype(np.float32)).true_peak_dbtp
    assert expected - 0.4 <= found <= expected + 0.2


# EBU Tech 3342, table 1: levels of 20 s each → loudness range in LU, ±1
RANGES = {1: ([-20, -30], 10), 2: ([-20, -15], 5), 3: ([-40, -20], 20), 4: ([-50, -35, -20, -35, -50], 15)}


@pytest.mark.parametrize("case", RANGES)
def test_loudness_range_of_tech_3342(case):
    levels, expected = RANGES[case]
    assert measure(*(tone(level, 20) for level in levels)).range_lu == pytest.approx(expected, abs=1)


def noises(dtype) -> list[np.ndarray]:
    """Bursts of many levels with pauses of 0.1 to 13 s between, none of them a whole second."""
    rng, parts = np.random.default_rng(4), []
    for pause in (0.1, 7.77, 13.013, 9.5):
        burst = rng.standard_normal((rng.integers(5_000, 70_000), 2)) * 10 ** rng.uniform(-3, -0.7)
        parts += [burst.clip(-1, 1), np.zeros((int(pause * RATE), 2))]
    top = {np.float32: 1, np.int32: 2**31 - 1, np.int16: 2**15 - 1}[dtype]
    return [(part * top).astype(dtype) for part in parts]


def measure_all(*parts: np.ndarray) -> Loudness:
    """libebur128 itself, handed every sample and asked every 10 ms."""
    mode, (momentary, short_term) = pyebur128.MeasurementMode, (-np.inf, -np.inf)
    state = pyebur128.R128State(2, RATE, mode.MODE_I | mode.MODE_LRA | mode.MODE_TRUE_PEAK)
    audio = np.concatenate(parts)
    for step, start in enumerate(range(0, len(audio), 480), start=1):
        piece = audio[start : start + 480]
        state.add_frames(piece.reshape(-1), len(piece))
        if len(piece) == 480:
            momentary = max(momentary, pyebur128.get_loudness_momentary(state))
            if step % 10 == 0:
                short_term = max(short_term, pyebur128.get_loudness_shortterm(state))
    peak = max(pyebur128.get_true_peak(state, channel) for channel in (0, 1))
    whole = pyebur128.get_loudness_global(state), pyebur128.get_loudness_range(state)
    return Loudness(*whole, 20 * math.log10(peak), momentary, short_term)


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int16])
def test_what_is_left_out_and_gated_here_is_what_the_library_says(dtype):
    parts = noises(dtype)
    whole, cut = measure_all(*parts), measure_all(*parts[:-1])
    assert asdict(measure(*parts)) == pytest.approx(asdict(whole), abs=1e-12)
    assert measure(*parts, block=512) == measure(*parts)
    assert asdict(measure(*parts[:-1])) == pytest.approx(asdict(cut), abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_the_true_peak_is_the_same_wherever_it_hides(seed):
    """Square-like noise of swaying level: overshoots between samples, borders everywhere."""
    rng, samples = np.random.default_rng(seed), 240_000
    level = np.interp(np.arange(samples), np.arange(0, samples + 1, 1_000), rng.uniform(0, 1, 241) ** 3)
    square = np.sign(np.sin(np.cumsum(rng.uniform(0, 1.6, samples))))
    audio = np.stack([level * square, np.roll(level, 777) * square[::-1]], axis=1).astype(np.float32)
    assert measure(audio, block=1_000 + seed).true_peak_dbtp == measure_all(audio).true_peak_dbtp


def test_an_hour_of_silence_is_silent():
    meter, quiet = R128Meter(STEREO, RATE), np.zeros((8192, 2), np.int32)
    for _ in range(3600 * RATE // 8192):
        meter.add(quiet)
    assert meter.result().integrated_lufs is None


@pytest.mark.parametrize("seconds", [0, 0.001, 0.3, 10])
def test_silence_has_no_loudness(seconds):
    found = measure(silence(seconds))
    assert set(found.as_fields().values()) == {None}


def test_a_specification_judges_peaks_everywhere_and_loudness_of_the_sum_only():
    loud, right = measure(tone(-0.5, 5)), measure(tone(-23.2, 5))
    lines = {line.what: line for line in check_loudness(SPECS["r128"], loud, 3, is_sum=True)}
    assert [line.verdict for line in lines.values()] == ["warn"] * 3
    assert lines["clipped samples"].measured == 3
    assert lines["true peak dBTP"].allowed == "at most -1"
    assert {line.verdict for line in check_loudness(SPECS["r128"], right, 0, is_sum=True)} == {"pass"}
    assert [line.what for line in check_loudness(SPECS["r128"], right, 0, is_sum=False)] == [
        "clipped samples",
        "true peak dBTP",
    ]
    assert [line.verdict for line in check_loudness(SPECS["a85"], right, 0, is_sum=True)] == ["pass"] * 3
    assert len(check_loudness(SPECS["streaming-me"], right, 0, is_sum=True)) == 2
    assert [line.what for line in check_loudness(None, right, 0, is_sum=True)] == ["clipped samples"]
    assert tuple(SPECS) == SPEC_NAMES


def test_levels_are_measured_of_what_is_delivered(write_sheet, render_sheet):
    """Against libebur128 fed with the whole file at once."""
    rows = [
        {"id": "a", "start": "0.5", "stem": "A", "preset": "tone", "gain_db": 20},
        {"id": "b", "start": "6.0", "stem": "A", "preset": "burst"},
    ]
    stems, report = render_sheet(write_sheet(rows), spec="a85")
    mode = pyebur128.MeasurementMode
    state = pyebur128.R128State(2, RATE, mode.MODE_I | mode.MODE_LRA | mode.MODE_TRUE_PEAK)
    state.add_frames(stems["A"].reshape(-1), len(stems["A"]))
    found = report["stems"]["A"]
    assert found["integrated_lufs"] == round(pyebur128.get_loudness_global(state), 2)
    assert found["range_lu"] == round(pyebur128.get_loudness_range(state), 2)
    assert found["true_peak_dbtp"] == round(20 * np.log10(pyebur128.get_true_peak(state, 0)), 2)
    assert found["clipped_samples"] == np.count_nonzero(np.abs(stems["A"]) >= 1 - 2**-23) > 0
    assert found["peak_dbfs"] == round(20 * np.log10(0.25 * 10 * 0.5**0.5), 2)
    verdicts = {line["what"]: line["verdict"] for line in report["stems"]["FOLEY"]["checks"]}
    assert verdicts == {"clipped samples": "pass", "true peak dBTP": "warn", "integrated LUFS": "warn"}
    assert report["spec"]["name"] == "a85"


def test_float_above_full_scale_is_not_clipped_and_is_told(write_sheet, render_sheet):
    rows = [{"id": "a", "start": "0.5", "stem": "A", "preset": "tone", "gain_db": 20}]
    stems, report = render_sheet(write_sheet(rows), bits=32)
    outside, found = np.count_nonzero(np.abs(stems["A"]) > 1), report["stems"]["A"]
    assert outside > 0
    assert (found["clipped_samples"], report["sum_check"]["clipped_samples"]) == (0, 0)
    told = {"what": "samples above full scale", "measured": outside, "allowed": "0", "verdict": "warn"}
    assert found["checks"] == [told]
