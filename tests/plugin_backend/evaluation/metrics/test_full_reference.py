"""Metrics, anchors and retrieval on small made-up sounds."""

import numpy as np
import pytest

from plugin_backend.dsp.mel import mel_filters
from plugin_backend.evaluation.metrics.anchors import ANCHORS, NOISE_ANCHORS
from plugin_backend.evaluation.metrics.full_reference import (
    centroid_error,
    envelope_correlation,
    log_mel_error_db,
    mel_mse,
    mrstft,
    noisiness_error,
    phase_coherence,
    visqol,
)
from plugin_backend.evaluation.metrics.onset_error import hit_errors
from plugin_backend.evaluation.metrics.retrieval import nearest_originals

RATE_HZ = 48_000


def noise(seconds: float, seed: int = 0, level: float = 0.2) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, level, round(seconds * RATE_HZ)).astype(np.float32)


def step(seed: int, seconds: float = 0.3) -> np.ndarray:
    """A decaying burst of noise with silence before and after."""
    burst = noise(seconds, seed) * np.exp(-np.arange(round(seconds * RATE_HZ)) / (seconds * RATE_HZ / 5))
    return np.pad(burst, 4800).astype(np.float32)


def walk(seconds: float) -> np.ndarray:
    return np.concatenate([step(seed) for seed in range(round(seconds * 2))])


def decibels(power: float) -> float:
    return 10 * np.log10(power)


def test_identical_sounds_have_no_error():
    sound = walk(2)
    for error in (log_mel_error_db, mel_mse, mrstft, centroid_error, noisiness_error):
        assert error(sound, sound, RATE_HZ) == 0
    assert envelope_correlation(sound, sound, RATE_HZ) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("gain_db", [-6.02, 1.0, 6.02])
def test_log_mel_error_of_a_gain_is_the_gain(gain_db):
    sound = noise(1)
    louder = sound.astype(np.float64) * 10 ** (gain_db / 20)
    assert log_mel_error_db(louder, sound, RATE_HZ) == pytest.approx(abs(gain_db), abs=1e-6)
    assert mel_mse(louder, sound, RATE_HZ) == pytest.approx(gain_db**2, abs=1e-5)


def test_log_mel_error_of_silence_is_finite_and_bounded_by_the_floor():
    sound, silence = noise(0.5), np.zeros(RATE_HZ // 2, np.float32)
    assert 40 < log_mel_error_db(silence, sound, RATE_HZ) <= 60
    assert log_mel_error_db(silence, silence, RATE_HZ) == 0


@pytest.mark.parametrize("rate_hz", [22_050, 44_100, 48_000])
def test_no_mel_band_is_empty(rate_hz):
    assert mel_filters(round(rate_hz * 1024 / 48_000), rate_hz).max(axis=1).min() > 0.3


def test_envelope_correlation_ignores_gain_and_sees_another_envelope():
    sound = walk(2)
    assert envelope_correlation(0.5 * sound, sound, RATE_HZ) == pytest.approx(1, abs=1e-6)
    assert envelope_correlation(sound[::-1], sound, RATE_HZ) < 0.5
    assert envelope_correlation(np.zeros_like(sound), sound, RATE_HZ) == 0


def test_mrstft_of_a_gain_is_its_convergence_plus_its_logarithm():
    sound = noise(1)
    assert mrstft(2 * sound, sound, RATE_HZ) == pytest.approx(1 + np.log(2), rel=1e-3)


def test_centroid_error_is_the_octaves_between_two_tones():
    seconds = np.arange(RATE_HZ) / RATE_HZ
    low, high = (np.sin(2 * np.pi * hz * seconds).astype(np.float32) for hz in (1500, 6000))
    assert centroid_error(high, low, RATE_HZ) == pytest.approx(2, abs=0.01)
    assert centroid_error(0.5 * noise(1), noise(1), RATE_HZ) < 1e-3


def test_noisiness_error_is_large_between_tone_and_noise_only():
    tone = np.sin(np.arange(RATE_HZ) / 5).astype(np.float32)
    assert noisiness_error(noise(1), tone, RATE_HZ) > 0.5
    assert noisiness_error(noise(1, seed=1), noise(1), RATE_HZ) < 0.05


@pytest.mark.parametrize("name, edge_hz", [("low-pass 3.5 kHz", 3500), ("low-pass 7 kHz", 7000)])
def test_low_pass_anchors_have_the_stated_shape(name, edge_hz):
    impulse = np.zeros(RATE_HZ, np.float32)
    impulse[RATE_HZ // 2] = 1
    hz_apart = np.abs(np.fft.rfft(ANCHORS[name](impulse, RATE_HZ)))
    response_db = 20 * np.log10(hz_apart + 1e-9)
    assert np.abs(response_db[1 : edge_hz + 1]).max() < 0.1
    assert response_db[edge_hz * 8 // 7 + 1 :].max() < -25
    assert response_db[edge_hz * 9 // 7 + 1 :].max() < -50


def test_anchors_stay_aligned_and_keep_the_length():
    sound = walk(2)
    for name, anchor in ANCHORS.items():
        damaged = anchor(sound, RATE_HZ)
        assert damaged.shape == sound.shape and damaged.dtype == np.float32
        most_ms = 5 if name in NOISE_ANCHORS else 1  # noise in windows of 21 ms begins when it happens to
        assert np.abs(hit_errors(damaged, sound, RATE_HZ).onset_ms).max() < most_ms


def test_noise_anchor_is_30_db_down_and_repeats():
    sound, anchor = walk(2), ANCHORS["noise at −30 dB"]
    added = anchor(sound, RATE_HZ).astype(np.float64) - sound
    assert decibels(np.mean(added**2) / np.mean(sound.astype(np.float64) ** 2)) == pytest.approx(-30, abs=0.1)
    assert np.array_equal(anchor(sound, RATE_HZ), anchor(sound, RATE_HZ))


def test_sounds_are_nearest_to_themselves_whatever_their_level():
    originals = [step(1), np.cumsum(step(2)).astype(np.float32), noise(0.4), step(3, 0.05)]
    quieter = [0.1 * sound for sound in originals]
    assert nearest_originals(quieter, originals, RATE_HZ).tolist() == [0, 1, 2, 3]
    assert nearest_originals([originals[2]], originals, RATE_HZ).tolist() == [2]


@pytest.mark.slow
def test_visqol_is_best_for_identical_sounds():
    pytest.importorskip("visqol")
    sound = walk(2)
    identical = visqol(sound, sound)
    assert identical > 4.7
    assert 1 <= visqol(ANCHORS["low-pass 3.5 kHz"](sound, RATE_HZ), sound) < identical
    assert 1 <= visqol(ANCHORS["noise at −30 dB"](sound, RATE_HZ), sound) < identical


def test_phase_coherence_is_that_of_the_phases_alone():
    sound = noise(1)
    assert phase_coherence(sound * 0.1, sound, RATE_HZ) == pytest.approx(1)
    assert phase_coherence(-sound, sound, RATE_HZ) == pytest.approx(-1)
    assert abs(phase_coherence(noise(1, seed=1), sound, RATE_HZ)) < 0.02
    tones = [np.sin(2 * np.pi * 1500 * np.arange(RATE_HZ) / RATE_HZ + phase) for phase in (0, np.pi / 3)]
    assert phase_coherence(tones[0], tones[1], RATE_HZ) == pytest.approx(0.5, abs=0.01)
    assert phase_coherence(sound * 0, sound, RATE_HZ) == 0
