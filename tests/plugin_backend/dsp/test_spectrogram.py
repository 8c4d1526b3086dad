"""Spectrograms, and sounds from spectrograms without phase: quality, silence, and rows that do not depend on others."""

import os
from pathlib import Path

import numpy as np
import pytest

from plugin_backend.dsp import phase_loops
from plugin_backend.dsp.spectrogram import (
    METHODS,
    Grid,
    PhaseMethod,
    levels_db,
    sound,
    sound_of_levels,
    sound_of_magnitudes,
    spectrum,
)
from tests.native_builds import ROOT, output_of

RATE, HOPS = 22_050, 32
GRID, INDEPENDENT = Grid(1024, 256), Grid(512, 64)


def decaying_notes() -> np.ndarray:
    """Return two sounds ``[2, samples]``: struck partials, and noise that decays."""
    seconds = np.arange(HOPS * GRID.hop_samples) / RATE
    rng = np.random.default_rng(1)
    bell = sum(np.exp(-seconds * (3 + k)) * np.sin(2 * np.pi * 441.3 * k * seconds) / k for k in (1, 2, 3, 5))
    noise = rng.standard_normal(seconds.size) * np.exp(-seconds * 12)
    return (0.3 * np.stack([bell, noise])).astype(np.float32)


def convergence_db(true: np.ndarray, other: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the spectral convergence of each row in dB; lower is better."""
    a, b = (np.abs(spectrum(one, grid)) for one in (true, other))
    return 20 * np.log10(np.linalg.norm(a - b, axis=(1, 2)) / np.linalg.norm(a, axis=(1, 2)))


@pytest.mark.parametrize("grid", [Grid(512, 256), Grid(512, 128), Grid(1024, 256)])
def test_a_spectrum_returns_to_its_sound_and_a_sine_of_full_scale_has_0_db(grid):
    audio = np.random.default_rng(0).uniform(-1, 1, (2, 5000)).astype(np.float32)
    back = sound(spectrum(audio, grid), grid)
    assert back.shape[1] == grid.frames(5000) * grid.hop_samples
    assert np.abs(back[:, :5000] - audio).max() < 2e-6
    bin_ = 20
    sine = np.sin(2 * np.pi * bin_ / grid.window_samples * np.arange(8192))[None]
    assert abs(levels_db(sine, grid)[0, 10, bin_]) < 1e-3


def test_each_method_is_better_than_the_one_before_on_a_grid_of_its_own():
    notes = decaying_notes()
    magnitudes = np.abs(spectrum(notes, GRID))
    found = {
        name: convergence_db(notes, sound_of_magnitudes(magnitudes, GRID, method), INDEPENDENT)
        for name, method in METHODS.items()
    }
    assert (found["zero"] > -3).all()  # TIMBRAL's fault: the phase is left out
    assert (found["gradient"] < found["zero"] - 4).all()
    assert (found["gradient-griffin-lim"] < found["griffin-lim"] - 1).all()
    assert found["gradient-griffin-lim"][0] < -25
    assert (found["gradient-griffin-lim"] < -15).all()


def test_the_integrated_phase_of_one_partial_is_its_own():
    sine = 0.5 * np.sin(2 * np.pi * 1234.5 / RATE * np.arange(HOPS * 256) + 0.7)[None].astype(np.float32)
    found = sound_of_magnitudes(np.abs(spectrum(sine, GRID)), GRID, METHODS["gradient"])[0, 2048:-2048]
    loudest = np.abs(np.fft.rfft(found * np.hanning(found.size), 1 << 18)).argmax() * RATE / (1 << 18)
    assert loudest == pytest.approx(1234.5, abs=0.5)
    assert 20 * np.log10(np.sqrt(2 * np.mean(found**2)) / 0.5) == pytest.approx(0, abs=0.2)


def test_rows_do_not_depend_on_other_rows_or_threads_and_silence_is_exactly_silent():
    levels = levels_db(np.concatenate([decaying_notes(), np.zeros((1, HOPS * 256))]), GRID)
    fast = PhaseMethod(iterations=3)
    together = sound_of_levels(levels, GRID, fast)
    assert together.any(axis=1).tolist() == [True, True, False]
    assert np.isfinite(together).all()
    assert np.array_equal(together, sound_of_levels(levels, GRID, fast, threads=3))
    assert np.array_equal(together[1:2], sound_of_levels(levels[1:2], GRID, fast))
    assert not sound_of_levels(np.full((1, 4, GRID.bins), -120.0), GRID).any()


def test_c_and_python_make_the_same_bits(monkeypatch):
    if phase_loops.library() is None:
        assert "CI" not in os.environ, "the compiled loops are missing"
        pytest.skip("the compiled loops were not built")
    magnitudes, few = np.abs(spectrum(decaying_notes(), GRID)), PhaseMethod(iterations=2)
    compiled = sound_of_magnitudes(magnitudes, GRID, few)
    monkeypatch.setattr(phase_loops, "library", lambda: None)
    assert np.array_equal(sound_of_magnitudes(magnitudes, GRID, few), compiled)


def test_the_compiled_loops_touch_no_memory_but_their_own(tmp_path):
    source = Path(__file__).with_name("phase_check.c")
    native = ROOT / "plugin_backend" / "native"
    assert output_of("memory", source, native, tmp_path, "-ffp-contract=off") == "right\n"


@pytest.mark.parametrize(
    "wrong", [np.full((1, 4, 513), np.nan), np.full((1, 4, 513), -1.0), np.ones((4, 513)), np.ones((1, 4, 512))]
)
def test_magnitudes_that_are_none_are_refused(wrong):
    with pytest.raises(ValueError, match="magnitudes"):
        sound_of_magnitudes(wrong, GRID)


@pytest.mark.parametrize("sizes", [(512, 0), (512, 3), (768, 256), (100, 64)])
def test_a_grid_that_does_not_cover_all_samples_is_refused(sizes):
    with pytest.raises(ValueError, match="multiple"):
        Grid(*sizes)


def test_no_frames_and_one_frame_are_sounds_too():
    assert sound_of_magnitudes(np.zeros((2, 0, GRID.bins)), GRID).shape == (2, 0)
    assert sound_of_magnitudes(np.ones((1, 1, GRID.bins)), GRID).shape == (1, 256)
    assert spectrum(np.zeros((0, 512)), GRID).shape == (0, 2, GRID.bins)
