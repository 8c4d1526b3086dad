"""Rounding to integers: to nearest, dithered in 16 bits, the same whatever the blocks."""

import numpy as np
import pytest
import soundfile

from render.project.effect_schema import Reverb
from render.project.project import Stem
from render.wav.quantize_dither import Dither, quantize

STEP_16 = 2.0**-15


@pytest.mark.parametrize("bits", [16, 24])
def test_rounding_is_to_nearest_and_knows_what_clips(bits):
    step, top = 2.0 ** (1 - bits), 2 ** (bits - 1)
    values = np.array([[0.0, 0.4 * step, 0.6 * step, -0.4 * step, -0.6 * step, 1.0, -1.0, 1.5, -1.5]])
    integers, outside = quantize(values, bits)
    assert integers.tolist() == [[0, 0, 1, 0, -1, top - 1, -top, top - 1, -top]]
    assert outside.tolist() == [[False] * 5 + [True, False, True, True]]


def test_the_noise_is_triangular_and_each_stem_has_its_own():
    noise = Dither(1, "FEET").at(0, 2, 200_000)
    assert np.abs(noise).max() < 1
    assert abs(noise.mean()) < 0.005
    assert noise.var() == pytest.approx(1 / 6, rel=0.01)
    assert np.mean(np.abs(noise) < 0.5) == pytest.approx(0.75, abs=0.005)
    for other in (noise[1], Dither(1, "PROPS").at(0, 2, 200_000)[0], Dither(2, "FEET").at(0, 2, 200_000)[0]):
        assert abs(np.corrcoef(noise[0], other)[0, 1]) < 0.01
    assert abs(np.corrcoef(noise[0, 1:], noise[0, :-1])[0, 1]) < 0.01


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_the_noise_depends_on_the_sample_alone(channels):
    dither = Dither(5, "FEET")
    whole = dither.at(0, channels, 1000)
    pieces = [dither.at(start, channels, min(37, 1000 - start)) for start in range(0, 1000, 37)]
    assert np.array_equal(np.concatenate(pieces, axis=1), whole)


def test_the_error_follows_the_signal_no_more():
    """A sine of 0.7 steps: rounded it is a row of harmonics; dithered, mean and power of the error are flat."""
    samples = 480_000
    sine = 0.7 * STEP_16 * np.sin(2 * np.pi * np.arange(samples) * 1000 / 48_000 + 0.1)[None]
    plain, dithered = (quantize(sine, 16, noise)[0] for noise in (None, Dither(1, "A").at(0, 1, samples)))
    third = [np.abs(np.fft.rfft(audio[0]))[30_000] / samples for audio in (plain, dithered)]
    assert third[0] > 0.05
    assert third[1] < 0.005
    error = dithered[0] - sine[0] / STEP_16
    assert error.var() == pytest.approx(1 / 4, rel=0.02)
    loud = np.abs(sine[0]) > 0.5 * STEP_16
    assert error[loud].var() == pytest.approx(error[~loud].var(), rel=0.02)


def test_digital_silence_stays_silent():
    assert not quantize(np.zeros((2, 1000)), 16, Dither(1, "A").at(0, 2, 1000))[0].any()


ROWS = [
    {"id": "a", "start": "1001smp", "stem": "FEET", "preset": "burst", "gain_db": -50},
    {"id": "b", "start": "0.1", "stem": "PROPS", "preset": "tone", "pan": 0.4},
    {"id": "c", "start": "0.2", "stem": "CLOTH", "preset": "burst", "gain_db": -30},
]
STEMS = [Stem(name="FEET"), Stem(name="PROPS", effects=[Reverb()]), Stem(name="CLOTH")]


def test_16_bit_stems_are_the_same_samples_however_rendered_and_sum_exactly(tmp_path, write_sheet, render_sheet):
    def integers(out, **way):
        _, report = render_sheet(write_sheet(ROWS), stems=STEMS, bits=16, out=out, **way)
        names = {name: tmp_path / out / stem["file"] for name, stem in report["stems"].items()}
        return {name: soundfile.read(path, dtype="int16")[0].astype(int) for name, path in names.items()}, report

    once, report = integers("once")
    again, _ = integers("again", jobs=3, chunk_frames=1)
    for name, audio in once.items():
        assert np.array_equal(again[name], audio), name
    assert np.array_equal(once["FOLEY"], once["FEET"] + once["PROPS"] + once["CLOTH"])
    assert not once["FEET"][:1001].any()
    assert report["sum_check"]["largest_error"] == 0
    assert report["stems"]["FOLEY"]["file"] == "T_R1_FOLEY_v001_48k_16b.wav"
    other, _ = integers("other", seed=2)
    assert not np.array_equal(other["FEET"], once["FEET"])


def test_24_bits_are_not_dithered(write_sheet, render_sheet):
    stems, _ = render_sheet(write_sheet(ROWS[:1]))
    exact, _ = render_sheet(write_sheet(ROWS[:1]), bits=32, out="float")
    assert np.array_equal(stems["FEET"], np.rint(exact["FEET"] * 2**23) / 2**23)
