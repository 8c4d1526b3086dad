"""Tones that glide, swell and are damped are found as grains, and add up to what they were."""

import numpy as np

from plugin_backend.modes.fit_grains import fit_grains
from plugin_backend.modes.mode_table import DECAY, FREQUENCY, find_problem
from plugin_backend.modes.resonator_bank import ResonatorBank

RATE, WINDOW = 48_000, 2_048


def creak(seconds=0.6):
    """A tone that glides from 3400 to 3700 Hz and swells, with its octave."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    glide = 2 * np.pi * np.cumsum(3_400 + 300 * time_s / seconds) / RATE
    swell = np.sin(np.pi * time_s / seconds)
    noise = 1e-3 * np.random.default_rng(0).standard_normal(time_s.size)
    return (swell * (0.2 * np.cos(glide) + 0.05 * np.cos(2 * glide)) + noise).astype(np.float32)


def test_a_gliding_tone_is_kept_as_grains():
    sound = creak()
    grains, rest = fit_grains(sound, RATE, WINDOW)
    assert find_problem(grains) is None
    assert not grains[:, DECAY].any()
    middle = slice(6_000, 24_000)
    assert np.square(rest[middle]).sum() < 0.02 * np.square(sound[middle]).sum()
    np.testing.assert_allclose(sound - rest, ResonatorBank(grains, RATE).samples(0, sound.size), atol=1e-4)
    assert 3_380 < grains[:, FREQUENCY].min() < 3_450
    assert 3_650 < grains[grains[:, FREQUENCY] < 5_000, FREQUENCY].max() < 3_720


def test_noise_has_no_tones():
    noise = np.random.default_rng(1).standard_normal(RATE).astype(np.float32)
    grains, rest = fit_grains(noise, RATE, WINDOW)
    assert len(grains) == 0
    np.testing.assert_array_equal(rest, noise)


def test_nothing_is_looked_for_before_the_attack():
    sound = np.concatenate([np.zeros(5_000, np.float32), creak()])
    grains, _ = fit_grains(sound, RATE, WINDOW, 5_000)
    assert grains[:, 0].min() >= 5_000


def test_grains_in_blocks_are_the_same_bits_and_a_grain_is_a_windowed_cosine():
    row = np.array([[130, 1_000, 0, 0.5, 0.3, WINDOW]])
    at = np.arange(6_000) - 130
    window = np.where((at >= 0) & (at < WINDOW), np.sin(np.pi * (at + 0.5) / WINDOW) ** 2, 0)
    np.testing.assert_allclose(
        ResonatorBank(row, RATE).samples(0, 6_000), 0.5 * window * np.cos(2 * np.pi * at / 48 + 0.3), atol=1e-12
    )
    grains, _ = fit_grains(creak(), RATE, WINDOW)
    grains[:, 0] -= 77  # no multiple of anything
    whole, bank = ResonatorBank(grains, RATE).samples(0, 28_000), ResonatorBank(grains, RATE)
    pieces = [bank.samples(at, 700) for at in range(0, 28_000, 700)]
    assert np.concatenate(pieces).tobytes() == whole.tobytes()
