"""Find where hits begin, to the sample, and measure how a codec moves them and changes their level.

Both use one signal, the *rise*: by how much the RMS of the 2 ms after a sample exceeds the RMS of the 2 ms before it.
A hit begins where the rise is largest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plugin_backend.dsp.mel import remove_rumble

WINDOW_S = 0.002
APART_S = 0.05
"""Smallest distance between two hits."""

SEARCH_S = 0.01
"""Largest distance of a decoded hit from the original's onset."""

LOUD, STEEP = 0.1, 2.0
"""A hit rises by at least a tenth of the loudest 2 ms, and to at least twice the RMS before it."""


@dataclass(frozen=True)
class HitErrors:
    """Errors, one entry per hit of the original: ``onset_ms`` (positive: late); ``peak_db``, ``level_db`` (louder)."""

    onset_ms: np.ndarray
    peak_db: np.ndarray
    level_db: np.ndarray


def _rms(audio: np.ndarray, sample_rate: int) -> tuple[np.ndarray, int]:
    """Return the RMS of the 2 ms from each sample on, ``[window + samples]`` (entry ``window`` is sample 0), and it."""
    window = max(1, round(WINDOW_S * sample_rate))
    energy = np.concatenate([np.zeros(window + 1), np.square(audio, dtype=np.float64), np.zeros(window)]).cumsum()
    return np.sqrt(np.maximum(energy[window:] - energy[:-window], 0)[: window + audio.size] / window), window


def _rise(audio: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rise and RMS from each sample on, both ``[samples]``."""
    rms, window = _rms(audio, sample_rate)
    return rms[window:] - rms[:-window], rms[window:]


def onsets(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return where hits begin, in samples, in order; none in silence or in steady sound."""
    rise, rms = _rise(audio, sample_rate)
    apart, search = round(APART_S * sample_rate), round(SEARCH_S * sample_rate)
    least = max(LOUD * rms.max(initial=0.0), 1e-9)
    still_open, found = np.where(rise * STEEP >= rms * (STEEP - 1), rise, 0.0), []
    while still_open.max(initial=0.0) >= least:
        best = int(still_open.argmax())
        near, far = (slice(max(best - reach, 0), best + reach + 1) for reach in (search, apart))
        is_own_peak = rise[near].argmax() + near.start == best
        if is_own_peak:
            found.append(best)
        still_open[far if is_own_peak else near] = 0.0
    return np.sort(np.array(found, int))


def hit_errors(guess: np.ndarray, truth: np.ndarray, sample_rate: int) -> HitErrors:
    """Return onset and level errors of every hit of ``truth`` ``[samples]`` in ``guess`` ``[samples]``.

    The decoded hit begins where its rise is largest within ±10 ms of the original's onset. The peak level is the
    loudest 2 ms RMS from 10 ms before the original's onset to 50 ms after it, in both signals. The level is that of
    this whole range, above 25 Hz.

    Args:
        guess: the decoded sound, ``[samples]``.
        truth: the original, aligned and equally long.
        sample_rate: in Hz.
    """
    rise, rms = _rise(guess, sample_rate)
    truth_rms = _rise(truth, sample_rate)[1]
    apart, search = round(APART_S * sample_rate), round(SEARCH_S * sample_rate)
    filtered = [remove_rumble(audio, sample_rate) for audio in (guess, truth)]
    energies = [np.concatenate([[0.0], np.square(audio).cumsum()]) for audio in filtered]
    late, louder, whole = [], [], []
    for onset in onsets(truth, sample_rate):
        start = max(onset - search, 0)
        late.append(start + int(rise[start : onset + search + 1].argmax()) - onset)
        peaks = (np.maximum(level[start : onset + apart].max(), 1e-9) for level in (rms, truth_rms))
        louder.append(20 * np.log10(next(peaks) / next(peaks)))
        stop = min(onset + apart, truth.size)
        levels = (max(float(energy[stop] - energy[start]), 1e-18) for energy in energies)
        whole.append(10 * np.log10(next(levels) / next(levels)))
    return HitErrors(np.array(late, float) * 1000 / sample_rate, np.array(louder, float), np.array(whole, float))
