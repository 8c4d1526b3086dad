"""Modes: known sums of decaying sinusoids are found in noise, played to the bit, and matched by frequency."""

import numpy as np
import pytest

from plugin_backend.modes.fit_modes import fit_modes
from plugin_backend.modes.match_modes import interpolate_modes
from plugin_backend.modes.mode_table import COLUMNS, DECAY, FREQUENCY, LEVEL, ONSET, apply_controls, find_problem
from plugin_backend.modes.parameters import CONTROLS
from plugin_backend.modes.resonator_bank import PAGE_SAMPLES, ResonatorBank

RATE = 48_000
DEFAULTS = {name: row.default for name, row in CONTROLS.items()} | {"strike": 0.0}
BELL = [(523.25, 1.5, 0.3), (1207.7, 1.1, 0.2), (1209.9, 1.3, 0.15), (2211.0, 0.6, 0.1), (4033.3, 0.3, 0.1)]
"""Frequency, decay, level; two of them beat."""


def table(*rows, onset=0):
    return np.array([(onset, f, d, a, p, 0) for f, d, a, p in rows], np.float32)


def struck(partials, seconds, seed=0, noise=0.001, burst=0.0):
    rng, time_s = np.random.default_rng(seed), np.arange(round(seconds * RATE)) / RATE
    audio = noise * rng.standard_normal(time_s.size)
    audio += burst * rng.standard_normal(time_s.size) * np.exp(-time_s / 0.05)
    for frequency_hz, decay_s, level in partials:
        phase = rng.uniform(-3, 3)
        audio += level * 10 ** (-3 * time_s / decay_s) * np.cos(2 * np.pi * frequency_hz * time_s + phase)
    return audio.astype(np.float32)


def cents(one, other):
    return 1200 * np.log2(one / other)


def test_a_bank_plays_decaying_cosines_from_their_onsets_on():
    rng = np.random.default_rng(1)
    rows = np.zeros((7, 6))
    rows[:, ONSET], rows[:, FREQUENCY] = rng.integers(-50, 6000, 7), rng.uniform(100, 15_000, 7)
    rows[:, DECAY], rows[:, LEVEL], rows[:, 4] = rng.uniform(0.1, 3, 7), 0.1, rng.uniform(-3, 3, 7)
    count, wanted = 3 * PAGE_SAMPLES + 77, 0
    for onset, frequency, decay, level, phase, _ in rows:
        at = np.arange(count) - onset
        rise = 0.5 - 0.5 * np.cos(np.pi * np.clip((at + 1) / 49, 0, 1))
        tone = level * 10 ** (-3 * np.maximum(at, 0) / RATE / decay) * np.cos(2 * np.pi * frequency / RATE * at + phase)
        wanted = wanted + rise * tone
    np.testing.assert_allclose(ResonatorBank(rows, RATE).samples(0, count), wanted, atol=1e-10)


def test_blocks_of_any_length_are_the_same_bits():
    rng = np.random.default_rng(2)
    rows = table(*[(rng.uniform(100, 9000), 0.8, 0.1, 0.0) for _ in range(20)])
    rows[::3, ONSET], rows[1::4, 5] = 3_000, 2_000
    whole, at, pieces = ResonatorBank(rows, RATE).samples(-100, 60_000), -100, []
    bank = ResonatorBank(rows, RATE)
    while at < 59_900:
        count = min(int(rng.integers(1, 3_000)), 59_900 - at)
        pieces.append(bank.samples(at, count))
        at += count
    assert np.concatenate(pieces).tobytes() == whole.tobytes()
    assert not whole[:100].any()


def test_what_is_silent_costs_nothing_and_what_no_rate_holds_is_left_out():
    bank = ResonatorBank(table((440, 0.5, 1.0, 0), (30_000, 9, 1.0, 0)), RATE)
    assert bank.end_samples == pytest.approx(RATE, abs=2)  # 120 dB at 60 dB in half a second
    assert np.abs(bank.samples(bank.end_samples, 10_000)).max() < 1e-6
    assert not bank.samples(bank.end_samples + PAGE_SAMPLES, 10_000).any()


@pytest.mark.parametrize(("noise", "burst"), [(0.0002, 0.0), (0.003, 0.1)])
def test_known_modes_are_found_in_noise(noise, burst):
    rows, rest = fit_modes(struck(BELL, 2.0, noise=noise, burst=burst), RATE, [0])
    strong = rows[rows[:, LEVEL] > 0.05]
    assert len(strong) == len(BELL)
    for (frequency_hz, decay_s, level), row in zip(BELL, sorted(strong.tolist(), key=lambda row: row[1]), strict=True):
        assert abs(cents(row[FREQUENCY], frequency_hz)) < 1
        assert row[DECAY] == pytest.approx(decay_s, rel=0.05)
        assert row[LEVEL] == pytest.approx(level, rel=0.1)
    late = slice(RATE // 10, None)
    clean = struck([], 2.0, noise=noise, burst=burst)
    assert np.square(rest[late]).sum() < 2 * np.square(clean[late]).sum()


def test_two_strikes_ring_each_from_its_own_onset():
    audio = struck(BELL[:1], 1.0)
    second = np.roll(struck([(700.0, 0.9, 0.2)], 1.0, seed=3), 24_000)
    second[:24_000] = 0
    rows, _ = fit_modes(audio + second, RATE, [0, 24_000])
    found = {(int(row[ONSET]), round(float(row[FREQUENCY]))) for row in rows if row[LEVEL] > 0.05}
    assert found == {(0, 523), (24_000, 700)}


def test_dull_hits_have_no_modes():
    rng, time_s = np.random.default_rng(0), np.arange(RATE // 2) / RATE
    thud = rng.standard_normal(time_s.size) * np.exp(-time_s / 0.03)
    dark = np.convolve(rng.standard_normal(time_s.size), np.ones(60) / 60, "same") * np.exp(-time_s / 0.06)
    for sound in (thud, dark, np.zeros(RATE // 2), np.ones(100)):
        rows, rest = fit_modes(sound.astype(np.float32), RATE, [0])
        assert not len(rows)
        np.testing.assert_array_equal(rest, sound.astype(np.float32))


def test_the_strongest_are_kept_when_fewer_are_asked_for():
    rows, rest = fit_modes(struck(BELL, 2.0), RATE, [0], most=1)
    assert [round(float(row[FREQUENCY])) for row in rows] == [523]
    assert abs(np.fft.rfft(rest)[round(2 * 1208)]) > abs(np.fft.rfft(rest)[round(2 * 523.25)])


def test_controls_move_pitch_size_and_damping():
    rows = table((400, 1.0, 0.5, 0), (1000, 0.5, 0.25, 0))
    octave = apply_controls(rows, DEFAULTS | {"pitch_semitones": 12}, 0)
    np.testing.assert_allclose(octave[:, [FREQUENCY, DECAY]], [[800, 1.0], [2000, 0.5]])
    large = apply_controls(rows, DEFAULTS | {"size": 2.0}, 0)
    np.testing.assert_allclose(large[:, [FREQUENCY, DECAY]], [[200, 2.0], [500, 1.0]])
    held = apply_controls(rows, DEFAULTS | {"damping": 4.0, "gain_db": -20.0}, 0)
    np.testing.assert_allclose(held[:, [DECAY, LEVEL]], [[0.25, 0.05], [0.125, 0.025]], rtol=1e-6)


def test_strikes_vary_by_seed_and_not_without_it():
    rows = table(*[(100.0 * k, 1.0, 0.1, 0) for k in range(1, 400)])
    one, again, other = (apply_controls(rows, DEFAULTS | {"strike": 0.5}, seed)[:, LEVEL] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other)
    assert np.std(20 * np.log10(one / 0.1)) == pytest.approx(6, rel=0.15)
    np.testing.assert_allclose(apply_controls(rows, DEFAULTS, 1)[:, LEVEL], 0.1)


def test_between_two_sounds_matched_modes_glide_and_the_others_fade():
    a, b = table((400, 1.0, 0.4, 0), (3000, 1.0, 0.1, 0)), table((420, 0.25, 0.1, 0), (900, 1.0, 0.2, 0))
    half = sorted(interpolate_modes(a, b, 0.5).tolist(), key=lambda row: row[FREQUENCY])
    assert half[0][FREQUENCY] == pytest.approx(np.sqrt(400 * 420))
    assert half[0][DECAY] == pytest.approx(0.5)
    assert half[0][LEVEL] == pytest.approx(0.2)
    assert [(round(row[FREQUENCY]), pytest.approx(row[LEVEL])) for row in half[1:]] == [(900, 0.1), (3000, 0.05)]
    np.testing.assert_array_equal(interpolate_modes(a, b, 0.0), a)
    np.testing.assert_array_equal(interpolate_modes(a, b, 1.0), b)
    assert len(interpolate_modes(a[:0], b, 0.5)) == 2


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        (FREQUENCY, 5.0, "frequency_hz is 5; 20 to 24000 can be used"),
        (DECAY, 0.0, "decay_s is 0"),
        (LEVEL, np.nan, "level is nan"),
        (LEVEL, np.inf, "level is inf"),
        (ONSET, -1.0, "onset_samples is -1"),
    ],
)
def test_tables_out_of_range_are_told(column, value, told):
    rows = table((400, 1.0, 0.4, 0))
    assert find_problem(rows) is None
    rows[0, column] = value
    assert told in find_problem(rows)


def test_tables_of_another_shape_or_size_are_told():
    assert "modes of shape (3, 2)" in find_problem(np.zeros((3, 2), np.float32))
    assert "5000 modes; at most" in find_problem(np.repeat(table((400, 1.0, 0.4, 0)), 5000, axis=0))
    assert len(COLUMNS) == 6
