"""Spectrograms of whole sounds, and sounds from spectrograms without phase.

Audio is ``[batch, samples]`` float32, a spectrum ``[batch, frames, bins]``. Every row is computed by itself, so its
bits never depend on its neighbours. Phase 0 of a frame is at its centre; frame *t* is centred on the middle of hop *t*,
so that a sound of *n* hops has *n* frames and every sample lies well inside a window.

A phase is found in two steps. First the gradient of the phase is computed from the gradient of the log magnitude, and
integrated from the loudest bins to their neighbours (Průša, Balazs, Søndergaard, "A noniterative method for
reconstruction of phase from STFT magnitude", IEEE/ACM TASLP 25(5), 2017). Then fast Griffin-Lim makes neighbouring
frames agree (Perraudin, Balazs, Søndergaard, "A fast Griffin-Lim algorithm", WASPAA 2013). ``docs/timbres_and_maps.md``
has measurements.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from plugin_backend.dsp.phase_loops import integrate_phase, set_magnitudes

GAUSSIAN_OF_HANN = 0.25645
"""The Gaussian exp(−π t² / γ) nearest to a Hann window of L samples has γ = 0.25645 L² (Průša et al. 2017, table I)."""

LEVELS = 4096
"""Steps of level that the integration distinguishes."""

FAINTEST_DB = -80.0
"""Bins this far below the loudest of the sound keep a noise phase: they are not worth an integration."""

SILENT = 1e-12
"""A sound whose largest magnitude is below this (−240 dB) is silence, and its samples are exactly 0."""

FAST_MOMENTUM, ITERATIONS = 0.99, 32


@dataclass(frozen=True)
class Grid:
    """A grid of Hann windows.

    Attributes:
        window_samples: length of a window, a multiple of twice the hop.
        hop_samples: distance between windows, even.
    """

    window_samples: int
    hop_samples: int

    def __post_init__(self) -> None:
        if self.hop_samples < 2 or self.hop_samples % 2 or self.window_samples % (2 * self.hop_samples):
            raise ValueError(f"{self}: the window must be a multiple of twice the hop, and the hop even")

    @property
    def bins(self) -> int:
        """Number of bins, from 0 Hz to half the rate."""
        return self.window_samples // 2 + 1

    @property
    def lead_samples(self) -> int:
        """How many samples the first window begins before the sound."""
        return (self.window_samples - self.hop_samples) // 2

    def frames(self, samples: int) -> int:
        """Return the number of frames of a sound."""
        return -(-samples // self.hop_samples)


@dataclass(frozen=True)
class PhaseMethod:
    """How a phase is found.

    Attributes:
        start: ``zero`` (at each window's first sample), ``noise`` (the same in every sound), or ``gradient``
            (integrated).
        momentum: of Griffin-Lim; 0 is the plain algorithm of 1984.
        iterations: of Griffin-Lim.
    """

    start: str = "gradient"
    momentum: float = FAST_MOMENTUM
    iterations: int = ITERATIONS


METHODS = {
    "zero": PhaseMethod("zero", 0, 0),
    "griffin-lim": PhaseMethod("zero", 0),
    "fast-griffin-lim": PhaseMethod("zero"),
    "gradient": PhaseMethod("gradient", 0, 0),
    "gradient-griffin-lim": PhaseMethod(),
}
"""Named methods, from the worst to the best. ``zero`` is TIMBRAL's own, ``griffin-lim`` its corrected form."""


@lru_cache(maxsize=8)
def _window(grid: Grid) -> np.ndarray:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(grid.window_samples) / grid.window_samples)).astype(np.float32)


@lru_cache(maxsize=8)
def _analysis_window(grid: Grid) -> np.ndarray:
    """Return the window, scaled so that a sine of full scale has magnitude 1."""
    return _window(grid) * np.float32(2 / _window(grid).sum(dtype=np.float64))


@lru_cache(maxsize=16)
def _synthesis_scale(grid: Grid, frames: int) -> np.ndarray:
    """Return one factor a sample that undoes both windows: the least-squares inverse (Griffin and Lim 1984)."""
    product = (_window(grid).astype(np.float64) * _analysis_window(grid)).astype(np.float32)
    total = _overlap_add(np.broadcast_to(product, (frames, grid.window_samples)), grid)
    return (1 / np.maximum(total.astype(np.float64), 1e-9)).astype(np.float32)


@lru_cache(maxsize=8)
def _signs(grid: Grid) -> np.ndarray:
    """Return ±1 for each bin: they move phase 0 from a window's first sample to its centre."""
    return (1 - 2 * (np.arange(grid.bins) % 2)).astype(np.float32)


def _overlap_add(frames: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the sum ``[frames * hop]`` of windows ``[frames, window]``, without what lies outside the sound."""
    count, hop = len(frames), grid.hop_samples
    overlap = grid.window_samples // hop
    total = np.zeros((count + overlap - 1, hop), np.float32)
    for part in range(overlap):
        total[part : part + count] += frames[:, part * hop : (part + 1) * hop]
    return total.ravel()[grid.lead_samples : grid.lead_samples + count * hop]


def _spectrum_of_row(audio: np.ndarray, grid: Grid, frames: int) -> np.ndarray:
    from scipy.fft import rfft

    needed = (frames - 1) * grid.hop_samples + grid.window_samples
    padded = np.zeros(needed, np.float32)
    padded[grid.lead_samples : grid.lead_samples + audio.size] = audio
    windows = np.lib.stride_tricks.sliding_window_view(padded, grid.window_samples)[:: grid.hop_samples]
    return rfft(windows * _analysis_window(grid), axis=1, overwrite_x=True)


def _sound_of_row(spectrum: np.ndarray, grid: Grid) -> np.ndarray:
    from scipy.fft import irfft

    windows = irfft(spectrum, grid.window_samples, axis=1)
    windows *= _window(grid)
    return _overlap_add(windows, grid) * _synthesis_scale(grid, len(spectrum))


def spectrum(audio: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the short-time Fourier transform, ``[batch, frames, bins]``. A sine of full scale has magnitude 1.

    Args:
        audio: ``[batch, samples]``. The last hop is filled with silence.
        grid: windows.
    """
    frames = grid.frames(audio.shape[1])
    out = np.zeros((len(audio), frames, grid.bins), np.complex64)
    for row, samples in enumerate(np.asarray(audio, np.float32) if frames else ()):
        np.multiply(_spectrum_of_row(samples, grid, frames), _signs(grid), out=out[row])
    return out


def sound(spectra: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the sounds ``[batch, frames * hop]`` float32 whose spectra are nearest (least squares).

    Args:
        spectra: ``[batch, frames, bins]`` complex64, as :func:`spectrum` returns them.
        grid: windows.
    """
    batch, frames, _ = spectra.shape
    out = np.zeros((batch, frames * grid.hop_samples), np.float32)
    for row, one in enumerate(spectra if frames else ()):
        out[row] = _sound_of_row(np.asarray(one, np.complex64) * _signs(grid), grid)
    return out


def levels_db(audio: np.ndarray, grid: Grid, floor_db: float = -120.0) -> np.ndarray:
    """Return the log spectrogram in dB, ``[batch, frames, bins]`` float32. A sine of full scale has 0 dB.

    Args:
        audio: ``[batch, samples]``.
        grid: windows.
        floor_db: quieter bins have this level, so that silence is finite.
    """
    least = np.float32(10 ** (floor_db / 20))
    return np.float32(20) * np.log10(np.maximum(np.abs(spectrum(audio, grid)), least))


def sound_of_levels(
    levels: np.ndarray, grid: Grid, method: PhaseMethod = PhaseMethod(), floor_db: float = -120.0, threads: int = 1
) -> np.ndarray:
    """Return sounds ``[batch, frames * hop]`` float32 of log spectrograms.

    Args:
        levels: ``[batch, frames, bins]`` in dB, as :func:`levels_db` returns them.
        grid: windows.
        method: how the phase is found.
        floor_db: bins at or below this level are silent.
        threads: rows that are computed at the same time. It does not change the result.
    """
    levels = np.asarray(levels, np.float32)
    magnitudes = np.where(levels > np.float32(floor_db), np.float32(10) ** (levels / np.float32(20)), np.float32(0))
    return sound_of_magnitudes(magnitudes, grid, method, threads)


def sound_of_magnitudes(
    magnitudes: np.ndarray, grid: Grid, method: PhaseMethod = PhaseMethod(), threads: int = 1
) -> np.ndarray:
    """Return sounds ``[batch, frames * hop]`` float32 of magnitudes without phase.

    Args:
        magnitudes: ``[batch, frames, bins]``, none below 0, as the magnitude of :func:`spectrum`.
        grid: windows.
        method: how the phase is found; see :data:`METHODS`.
        threads: rows that are computed at the same time. It does not change the result.

    Raises:
        ValueError: the shape does not fit the grid, or a magnitude is negative, NaN or infinite.
    """
    magnitudes = np.ascontiguousarray(magnitudes, np.float32)
    if magnitudes.ndim != 3 or magnitudes.shape[2] != grid.bins:
        raise ValueError(f"magnitudes have the shape {magnitudes.shape}; the grid needs [batch, frames, {grid.bins}]")
    if not (np.isfinite(magnitudes).all() and magnitudes.min(initial=0) >= 0):
        raise ValueError("magnitudes must be finite and not below 0")
    out = np.zeros((len(magnitudes), magnitudes.shape[1] * grid.hop_samples), np.float32)

    def restore(row: int) -> None:
        if magnitudes[row].max(initial=0) > SILENT:
            out[row] = _restored(magnitudes[row], grid, method)

    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(restore, range(len(magnitudes))))
    else:
        for row in range(len(magnitudes)):
            restore(row)
    return out


def _restored(magnitudes: np.ndarray, grid: Grid, method: PhaseMethod) -> np.ndarray:
    """Return the sound of one row. Phases begin at the windows' first samples here, to spare the factors ±1."""
    estimate = magnitudes * (_signs(grid) * _turned(STARTS[method.start](magnitudes, grid)))
    before = np.empty_like(estimate)
    for iteration in range(method.iterations):
        now = _spectrum_of_row(_sound_of_row(estimate, grid), grid, len(magnitudes))
        if not iteration:
            before[:] = now
        set_magnitudes(now, before, magnitudes, method.momentum, estimate)
    return _sound_of_row(estimate, grid)


def _turned(turns: np.ndarray) -> np.ndarray:
    """Return unit complex numbers, complex64, of phases in turns."""
    angle = np.float32(2 * np.pi) * turns.astype(np.float32)
    out = np.empty(turns.shape, np.complex64)
    out.real, out.imag = np.cos(angle), np.sin(angle)
    return out


@lru_cache(maxsize=4)
def _noise_turns(frames: int, bins: int) -> np.ndarray:
    """Return random phases, 0 to 1. They are the same in every sound."""
    return np.random.default_rng(0).random((frames, bins))


def _gradient_turns(magnitudes: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the phase that follows from the gradient of the log magnitude, in turns."""
    loudest = float(magnitudes.max())
    logs = np.log(np.maximum(magnitudes / np.float32(loudest), np.float32(10 ** (FAINTEST_DB / 20))))
    steps = np.float32((LEVELS - 1) / (-FAINTEST_DB / 20 * np.log(10)))
    level = np.floor(logs * steps).astype(np.int32) + (LEVELS - 1)
    level[magnitudes <= loudest * 10 ** (FAINTEST_DB / 20)] = -1
    gamma = GAUSSIAN_OF_HANN * grid.window_samples**2
    slope = gamma / (2 * np.pi * grid.hop_samples * grid.window_samples)
    over_bins = np.float32(-slope) * _difference(logs, 0)
    over_time = np.float32(1 / (4 * np.pi**2 * slope)) * _difference(logs, 1)
    advance = np.arange(grid.bins) * grid.hop_samples / grid.window_samples
    turns = _noise_turns(*magnitudes.shape).copy()
    integrate_phase(level, over_time, over_bins, advance, turns)
    return turns


def _difference(values: np.ndarray, axis: int) -> np.ndarray:
    """Return half the difference of both neighbours.

    Beyond the lowest and highest bins the spectrum of a real sound is mirrored, so their differences are 0. The frames
    before the first and after the last are taken as equal to these.
    """
    out = np.zeros_like(values)
    moved, to = np.moveaxis(values, axis, 0), np.moveaxis(out, axis, 0)
    to[1:-1] = (moved[2:] - moved[:-2]) / 2
    if axis == 0 and len(moved) > 1:
        to[0], to[-1] = (moved[1] - moved[0]) / 2, (moved[-1] - moved[-2]) / 2
    return out


STARTS: dict[str, Callable[[np.ndarray, Grid], np.ndarray]] = {
    "zero": lambda magnitudes, grid: np.broadcast_to(np.arange(grid.bins) % 2 / 2, magnitudes.shape),
    "noise": lambda magnitudes, grid: _noise_turns(*magnitudes.shape),
    "gradient": _gradient_turns,
}
