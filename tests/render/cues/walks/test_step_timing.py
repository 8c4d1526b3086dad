"""When steps land and how hard: statistics of long walks, and the same numbers on every machine."""

import dataclasses
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from plugin_backend.errors import CueSheetError
from render.cues.walks.exact_noise import ONE, log_normal_factors, long_range_noise, white_noise
from render.cues.walks.gaits import GAITS
from render.cues.walks.step_timing import Pace, burst_places, step_levels, step_parts, step_positions

RATE = 48_000
WALK = Pace(GAITS["walk"], Fraction(110), b"test", "R", 0, 0, 0, 0)


def positions_of(pace: Pace, seconds: float) -> np.ndarray:
    return step_positions(pace, round(seconds * RATE), RATE, 100_000)


def dfa_exponent(series: np.ndarray) -> float:
    """The slope of log F(n) over log n: F is the RMS around straight lines in windows of n of the summed series."""
    walk = np.cumsum(series - series.mean())
    sizes = np.unique(np.geomspace(10, len(series) // 10, 16).astype(int))
    fluctuations = []
    for size in sizes:
        windows = walk[: len(walk) // size * size].reshape(-1, size)
        fits = np.polyfit(np.arange(size), windows.T, 1)
        lines = np.outer(fits[0], np.arange(size)) + fits[1][:, None]
        fluctuations.append(np.sqrt(np.mean((windows - lines) ** 2)))
    return np.polyfit(np.log(sizes), np.log(fluctuations), 1)[0]


@pytest.mark.parametrize("key", [b"a", b"b", b"c"])
def test_a_walk_of_ten_thousand_steps_varies_like_an_adults(key):
    pace = dataclasses.replace(WALK, key=key)
    times = positions_of(pace, 10_000 * 60 / 110 * 1.02)[:10_000] / RATE
    assert len(times) == 10_000
    steps, strides = np.diff(times), times[2::2] - times[:-2:2]
    assert steps.mean() == pytest.approx(60 / 110, rel=0.01)
    assert 0.015 < strides.std() / strides.mean() < 0.03
    assert 0.75 < dfa_exponent(strides) < 1.0
    assert 0.4 < np.corrcoef(strides[:-1], strides[1:])[0, 1] < 0.8
    shuffled = np.random.default_rng(1).permutation(strides)
    assert dfa_exponent(shuffled) < 0.6  # the order of the intervals makes it, not their values


def test_noise_has_the_stated_mean_deviation_and_exponent():
    noise = white_noise(b"n", 20_000) / ONE
    assert abs(noise.mean()) < 0.03 and noise.std() == pytest.approx(1, abs=0.02)
    assert dfa_exponent(noise) == pytest.approx(0.5, abs=0.05)
    for exponent in (600, 750, 900):
        assert dfa_exponent(long_range_noise(b"n", 20_000, exponent)) == pytest.approx(exponent / 1000, abs=0.06)
    factors = log_normal_factors(white_noise(b"n", 20_000), 350) / ONE
    assert factors.mean() == pytest.approx(1, abs=0.01) and factors.std() == pytest.approx(0.35, abs=0.02)
    exact = np.exp(0.3397 * noise - 0.3397**2 / 2)  # ln(1 + 0.35^2) = 0.3397^2
    assert np.abs(factors / exact - 1).max() < 0.002


def test_the_numbers_are_these_on_every_machine():
    assert long_range_noise(b"pinned", 4, 900).tolist() == PINNED_NOISE
    assert positions_of(dataclasses.replace(WALK, key=b"pinned"), 4).tolist() == PINNED_POSITIONS


PINNED_NOISE = [-24351, -56171, -41122, -13844]
PINNED_POSITIONS = [0, 27450, 55368, 83430, 110516, 137487, 164423, 191301]


def test_a_longer_walk_begins_with_the_same_steps():
    pace = dataclasses.replace(WALK, start_steps=2, stop_steps=2)
    short, long = positions_of(pace, 30), positions_of(pace, 3000)
    assert short[:-2].tolist() == long[: len(short) - 2].tolist()
    assert short[-1] < 30 * RATE


def test_the_first_and_last_steps_are_shorter_and_softer():
    plain, shaped = WALK, dataclasses.replace(WALK, start_steps=2, stop_steps=2)
    before, after = np.diff(positions_of(plain, 20)), np.diff(positions_of(shaped, 20))
    count = len(after)
    ratio = after / before[:count]
    assert ratio[:3] == pytest.approx([0.85, 0.925, 1], abs=0.001)
    assert ratio[-3:] == pytest.approx([1, 0.925, 0.85], abs=0.001)
    soft = step_levels(shaped, count)[0] / step_levels(plain, count)[0]
    assert soft[:3] == pytest.approx([0.8, 0.9, 1], abs=0.003)
    assert soft[-3:] == pytest.approx([1, 0.9, 0.8], abs=0.003)


@pytest.mark.parametrize("first_foot", ["L", "R"])
def test_asymmetry_makes_the_left_foot_later_and_softer(first_foot):
    limp = dataclasses.replace(WALK, first_foot=first_foot, asymmetry=100)
    even = dataclasses.replace(limp, asymmetry=0)
    ratio = np.diff(positions_of(limp, 60))[:80] / np.diff(positions_of(even, 60))[:80]
    lands_left = limp.is_left(81)[1:] == 1
    assert ratio[lands_left] == pytest.approx(1.1, abs=0.001) and ratio[~lands_left] == pytest.approx(0.9, abs=0.001)
    levels = step_levels(limp, 80)[0] / step_levels(even, 80)[0]
    left = limp.is_left(80) == 1
    assert levels[left] == pytest.approx(0.9, abs=0.003) and levels[~left] == pytest.approx(1.1, abs=0.003)


def shares(pace: Pace) -> dict[str, float]:
    return {part: count / 10_000 for part, count in Counter(step_parts(pace, 10_000)).items()}


def test_uphill_scuffs_and_downhill_lands_on_the_heel():
    up, down = (dataclasses.replace(WALK, slope=slope) for slope in (1000, -1000))
    assert shares(WALK) == pytest.approx({"whole": 0.96, "scuff": 0.04}, abs=0.01)
    assert shares(up) == pytest.approx({"whole": 0.48, "scuff": 0.37, "toe": 0.15}, abs=0.02)
    assert shares(down) == pytest.approx({"whole": 0.48, "scuff": 0.02, "heel": 0.5}, abs=0.02)
    level, uphill, downhill = (np.mean(step_levels(pace, 2000), axis=1) for pace in (WALK, up, down))
    assert uphill / level == pytest.approx([0.9, 1.25], abs=0.01)
    assert downhill / level == pytest.approx([1.2, 1.1], abs=0.01)


def test_bursts_of_hands_have_accents_and_pauses():
    fingers = Pace(GAITS["fingers"], Fraction(750), b"hand", "R", 0, 0, 0, 0)
    gaps = np.diff(positions_of(fingers, 30)) / RATE
    pauses = gaps[3::4]
    assert pauses.min() > 0.15 > np.delete(gaps, np.s_[3::4]).max()
    assert pauses.mean() == pytest.approx(0.25 + 0.08, rel=0.1)
    assert step_parts(fingers, 3) == [None] * 3
    levels = step_levels(fingers, 4000)[0].reshape(-1, 4).mean(axis=0)
    assert levels / levels[3] == pytest.approx([0.7, 0.8, 0.9, 1], abs=0.02)
    typing = GAITS["typing"].bursts
    places = burst_places(typing, b"k", 5000)
    lengths = Counter((places[np.flatnonzero(np.diff(places) < 0)] + 1).tolist())
    assert sorted(lengths) == list(range(typing.shortest, typing.longest + 1))


@pytest.mark.parametrize("name", GAITS)
def test_every_gait_steps_at_rising_whole_samples(name):
    gait = GAITS[name]
    pace = Pace(gait, Fraction(gait.cadence_spm), b"x", "R", gait.asymmetry, gait.start_steps, gait.stop_steps, 0)
    positions = positions_of(pace, 120)
    assert positions.dtype == np.int64 and positions[0] == 0 and (np.diff(positions) > 0).all()
    assert sum(gait.parts.values()) in (0, 1000)
    if gait.bursts is None:
        assert np.diff(positions).mean() == pytest.approx(60 * RATE / gait.cadence_spm, rel=0.05)


def test_short_walks_and_too_many_steps():
    assert step_positions(WALK, 1, RATE, 10).tolist() == [0]
    shaped = dataclasses.replace(WALK, start_steps=50, stop_steps=50)
    assert len(step_positions(shaped, 60_000, RATE, 10)) == 3
    assert len(step_positions(WALK, 10 * RATE, RATE, 19)) == 19
    with pytest.raises(CueSheetError, match="more than 18 steps, and a sheet has at most 100000 cues"):
        step_positions(WALK, 10 * RATE, RATE, 18)
