"""Descriptors order sounds as a person does, and ignore their level."""

import numpy as np
import pytest

from presets.descriptors import DESCRIPTORS, describe

RATE = 48_000


def noise(seconds: float = 0.5) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(round(seconds * RATE))


def band(low_hz: float, high_hz: float, seconds: float = 0.5) -> np.ndarray:
    spectrum = np.fft.rfft(noise(seconds))
    hz = np.fft.rfftfreq(round(seconds * RATE), 1 / RATE)
    return np.fft.irfft(np.where((hz >= low_hz) & (hz < high_hz), spectrum, 1e-5 * spectrum))


def decaying(seconds_to_minus_20_db: float) -> np.ndarray:
    at = np.arange(RATE) / RATE
    return np.random.default_rng(2).standard_normal(RATE) * 10 ** (-at / seconds_to_minus_20_db)


def modulated(rate_hz: float) -> np.ndarray:
    at = np.arange(RATE) / RATE
    return noise(1.0) * (1 + np.sin(2 * np.pi * rate_hz * at))


LESS_AND_MORE = {
    "brightness": (band(200, 800), band(800, 3200)),
    "weight": (band(300, 3000), band(40, 3000)),
    "warmth": (band(700, 3000), band(150, 3000)),
    "presence": (band(200, 9000), band(900, 4100)),
    "air": (band(200, 7000), band(200, 14_000)),
    "tonal": (noise(), 0.01 * noise() + np.sin(2 * np.pi * 700 * np.arange(RATE // 2) / RATE)),
    "length": (decaying(0.1), decaying(0.3)),
    "roughness": (noise(1.0), modulated(70.0)),
    "wetness": (noise(1.0), modulated(8.0)),
}


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_a_descriptor_is_higher_for_the_sound_that_has_more_of_it(name):
    less, more = (describe(sound, RATE)[name] for sound in LESS_AND_MORE[name])
    assert more > less + 0.3


def test_values_are_in_their_units():
    two_octaves = describe(band(2000, 4000), RATE)["brightness"] - describe(band(500, 1000), RATE)["brightness"]
    assert two_octaves == pytest.approx(2, abs=0.3)  # the noise under the band pulls both towards the middle
    third = describe(decaying(0.3), RATE)["length"] - describe(decaying(0.1), RATE)["length"]
    assert third == pytest.approx(np.log2(3), abs=0.15)
    assert 2 ** describe(decaying(0.3), RATE)["length"] == pytest.approx(0.3, rel=0.1)


def test_level_changes_nothing():
    sound = modulated(8.0)
    quiet = describe(0.01 * sound, RATE)
    assert describe(sound, RATE) == pytest.approx(quiet, abs=1e-6)


@pytest.mark.parametrize("sound", [np.zeros(100), np.zeros(RATE), np.ones(1), np.eye(1, 50)[0]])
def test_silence_and_single_samples_have_finite_values(sound):
    assert all(np.isfinite(value) for value in describe(sound, RATE).values())
