"""Hits: where they begin, to the sample, and how a codec moves them and changes their level.

One signal decides both: the *rise*, by how much the RMS of the 2 ms from a sample on exceeds the RMS
of the 2 ms before it. A hit begins where the rise is largest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plugin_backend.dsp.mel import remove_rumble

WINDOW_S = 0.002
APART_S = 0.05
"""Two hits are further apart than this."""

SEARCH_S = 0.01
"""A decoded hit is looked for this far to either side of the original's onset."""

LOUD, STEEP = 0.1, 2.0
"""A hit rises by a tenth of the loudest 2 ms at least, and to twice the RMS before it."""


@dataclass(frozen=True)
class HitErrors:
    """One entry per hit of the truth: ``onset_ms`` (positive: late); ``peak_db``, ``level_db`` (louder)."""

    onset_ms: np.ndarray
    peak_db: np.ndarray
    level_db: np.ndarray


def _rms(audio: np.ndarray, sample_rate: int) -> tuple[np.ndarray, int]:
    """RMS of the 2 ms that begin at each sample, ``[window + samples]``: entry ``window`` is sample 0."""
    window = max(1, round(WINDOW_S * sample_rate))
    energy = np.concatenate([np.zeros(window + 1), np.square(audio, dtype=np.float64), np.zeros(window)]).cumsum()
    return np.sqrt(np.maximum(energy[window:] - energy[:-window], 0)[: window + audio.size] / window), window


def _rise(audio: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Rise and RMS from each sample on, both ``[samples]``."""
    rms, window = _rms(audio, sample_rate)
    return rms[window:] - rms[:-window], rms[window:]


def onsets(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Where hits begin, in samples, in order; none in silence or in steady sound."""
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
    """Onset and level errors of every hit of ``truth`` ``[samples]`` in ``guess`` ``[samples]``.

    The guess's hit begins where its rise is largest within ±10 ms of the truth's onset. The peak level
    is the loudest 2 ms RMS from 10 ms before the truth's onset to 50 ms after it, in both signals; the level is
    that of the whole stretch, above 25 Hz.
    """
    rise, rms = _rise(guess, sample_rate)
    truth_rms = _rise(truth, sample_rate)[1]
    apart, search = round(APART_S * sample_rate), round(SEARCH_S * sample_rate)
    heard = [remove_rumble(audio, sample_rate) for audio in (guess, truth)]
    energies = [np.concatenate([[0.0], np.square(audio).cumsum()]) for audio in heard]
    late, louder, whole = [], [], []
    for onset in onsets(truth, sample_rate):
        start = max(onset - search, 0)
        late.append(start + int(rise[start : onset + search + 1].argmax()) - onset)
        peaks = (np.maximum(level[start : onset + apart].max(), 1e-9) for level in (rms, truth_rms))
        louder.append(20 * np.log10(np.divide(*peaks)))
        stop = min(onset + apart, truth.size)
        levels = (max(float(energy[stop] - energy[start]), 1e-18) for energy in energies)
        whole.append(10 * np.log10(np.divide(*levels)))
    return HitErrors(np.array(late, float) * 1000 / sample_rate, np.array(louder, float), np.array(whole, float))
