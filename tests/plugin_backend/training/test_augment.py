"""Augmentation: drawn apart from applied, within its ranges, and each effect does what its name says."""

import numpy as np
import pytest

from plugin_backend.training.augment import BANDS, CHANCE, RANGES, Effect, apply_chain, draw_chain, draw_effect

RATE = 48_000
NOISE = np.random.default_rng(0).standard_normal(RATE).astype(np.float32) * 0.1
CLICK = np.zeros(RATE, np.float32)
CLICK[100] = 0.5


def tone(hz, level=0.25):
    return (level * np.sin(2 * np.pi * hz * np.arange(RATE) / RATE)).astype(np.float32)


def level_db(audio, hz):
    """Level of one frequency, 0 dB for a full-scale sine."""
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(audio.size))) * 4 / audio.size
    return 20 * np.log10(spectrum[round(hz * audio.size / RATE)] + 1e-12)


def test_both_range_sets_hold_the_same_effects_and_each_has_a_chance():
    assert RANGES["published"].keys() == RANGES["musical"].keys() == CHANCE.keys()


@pytest.mark.parametrize("range_set", RANGES)
@pytest.mark.parametrize("kind", CHANCE)
def test_drawn_values_stay_in_range_and_the_sound_stays_finite(range_set, kind):
    rng = np.random.default_rng(5)
    for _ in range(40):
        effect = draw_effect(rng, range_set, kind)
        for name, span in RANGES[range_set][kind].items():
            values = np.atleast_1d(effect.values[name])
            assert values.size == (BANDS if kind == "eq" else 1)
            assert (values >= span.low - 1e-9).all() and (values <= span.high + 1e-9).all()
        sound = apply_chain((effect,), NOISE, RATE)
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() < 20


@pytest.mark.parametrize("range_set", RANGES)
def test_the_same_seed_draws_the_same_chain_and_a_chain_always_sounds_the_same(range_set):
    first, again = (draw_chain(np.random.default_rng(3), range_set) for _ in range(2))
    assert first == again
    np.testing.assert_array_equal(apply_chain(first, NOISE, RATE), apply_chain(again, NOISE, RATE))


def test_an_empty_chain_leaves_every_sample():
    np.testing.assert_array_equal(apply_chain((), NOISE, RATE), NOISE)


def test_pitch_moves_a_tone_the_length():
    up = Effect("pitch", {"semitones": 4.0})
    sound, speed = apply_chain((up,), tone(1_000), RATE), 2 ** (4 / 12)
    assert sound.size == pytest.approx(RATE / speed, abs=2)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.size)))
    assert spectrum.argmax() * RATE / sound.size == pytest.approx(1_000 * speed, abs=2)


def test_an_eq_band_raises_its_own_frequency_by_its_gain():
    values = {"centre_hz": [1_000.0, 50.0, 50.0, 50.0], "gain_db": [9.0, 0.0, 0.0, 0.0], "q": [2.0] * 4}
    raised = apply_chain((Effect("eq", values),), tone(1_000, 0.05), RATE)[RATE // 2 :]
    flat = tone(1_000, 0.05)[RATE // 2 :]
    assert level_db(raised, 1_000) - level_db(flat, 1_000) == pytest.approx(9, abs=0.1)


def test_the_published_eq_has_unity_at_half():
    values = {"centre_hz": [1_000.0] * 4, "gain": [0.5] * 4, "bandwidth_octaves": [1.0] * 4}
    np.testing.assert_allclose(apply_chain((Effect("eq", values),), NOISE, RATE), NOISE, atol=1e-5)


def test_distortion_keeps_the_loudness_and_adds_odd_harmonics_only():
    driven = apply_chain((Effect("distortion", {"gain_db": 20.0, "hardness": 4.0}),), tone(1_000), RATE)
    assert np.sqrt(np.mean(driven**2)) == pytest.approx(0.25 / np.sqrt(2), rel=1e-3)
    assert level_db(driven, 3_000) > -40
    assert level_db(driven, 2_000) < -100


def test_reverb_leaves_the_direct_sound_and_adds_a_tail():
    values = {"wet": 0.3, "room": 0.8, "damping": 0.3, "low_pass_hz": 8_000.0, "high_pass_hz": 50.0}
    sound = apply_chain((Effect("reverb", values),), CLICK, RATE)
    assert sound[100] == pytest.approx(0.5, abs=0.02)
    assert np.abs(sound[RATE // 4 :]).max() > 1e-4


def test_a_chorus_without_voices_leaves_the_sound_and_voices_come_later():
    none, two = ({"length_ms": 20.0, "voices": n, "rate_hz": 1.0, "wet_db": 0.0} for n in (0.0, 2.0))
    np.testing.assert_array_equal(apply_chain((Effect("chorus", none),), CLICK, RATE), CLICK)
    assert np.abs(apply_chain((Effect("chorus", two),), CLICK, RATE)[150:]).max() > 0.05


def test_a_flanger_with_feedback_above_0_db_is_held_stable():
    values = {"length_ms": 5.0, "feedback_db": 6.0, "rate_hz": 0.1}
    sound = apply_chain((Effect("flanger", values),), np.tile(CLICK, 4), RATE)
    assert np.abs(sound).max() <= 1.0
