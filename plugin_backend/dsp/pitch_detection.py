"""Detect the pitch of a single note, to a few cents.

The normalised difference of McLeod & Wyvill ("A smarter way to find pitch", 2005), ``2 r(τ) / m(τ)``, summed over
windows, so that loud ones count more. Its first high peak is the period. A parabola through the peak of a multiple of
the period then gives it more exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

LOWEST_NOTE, HIGHEST_NOTE = 24.0, 108.0
WINDOW_S, HOP_S, FIRST_S, LAST_S = 0.1, 0.1, 0.03, 1.0
"""Windows, and the part of a note that is measured."""

FINER = 4
"""Delays are computed in quarters of a sample: in whole samples, the period of a bright high note has no peak."""

NEAR_BEST = 0.93
"""The first peak at least this high, as a share of the highest, is the period."""

LEAST_CLARITY = 0.6
"""Below it a sound has no pitch."""

NEAR_NOTES = 0.6
"""A known note is searched within so many semitones."""


@dataclass(frozen=True)
class DetectedPitch:
    """A pitch as a MIDI note (60.5 is a quarter tone above 60), and its clarity, 0 … 1: 1 is perfectly periodic."""

    note: float
    clarity: float


def note_of(frequency_hz: float) -> float:
    """Return the MIDI note of a frequency; 440 Hz is 69."""
    return 69 + 12 * float(np.log2(frequency_hz / 440))


def frequency_hz_of(note: float) -> float:
    """Return the frequency of a MIDI note in Hz."""
    return 440 * 2 ** ((note - 69) / 12)


def similarity(audio: np.ndarray, rate_hz: int) -> np.ndarray:
    """Return how similar a sound is to itself, delayed by 0, ¼, ½ … samples, up to half a window: −1 … 1.

    Args:
        audio: ``[samples]``.
        rate_hz: in Hz.
    """
    window, hop = round(WINDOW_S * rate_hz), round(HOP_S * rate_hz)
    part = np.asarray(audio[round(FIRST_S * rate_hz) : round(LAST_S * rate_hz)], np.float64)
    if part.size < window:
        part = np.asarray(audio[:window], np.float64)
    part = np.pad(part, (0, max(0, window - part.size)))
    frames = np.lib.stride_tricks.sliding_window_view(part, window)[::hop]
    frames = frames - frames.mean(1, keepdims=True)
    size = fft.next_fast_len(2 * window, real=True)
    spectrum = np.square(np.abs(fft.rfft(frames, size))).sum(0)
    count = FINER * (window // 2)
    products = FINER * fft.irfft(spectrum, FINER * size)[:count]
    ends = np.concatenate([[0.0], np.cumsum(np.square(frames).sum(0))])
    delays = np.arange(window // 2)
    energy = np.interp(np.arange(count) / FINER, delays, ends[window - delays] + ends[window] - ends[delays])
    return np.divide(2 * products, energy, out=np.zeros_like(products), where=energy > 1e-12)


def octaves_above_middle(note: float) -> float:
    """Return a MIDI note in octaves above note 60, as the latents of models hold it."""
    return (note - 60) / 12


def detect_pitch(audio: np.ndarray, rate_hz: int, near_note: float | None = None) -> DetectedPitch | None:
    """Return the pitch of a sound; ``None`` if it has none.

    Args:
        audio: one note, ``[samples]``.
        rate_hz: in Hz.
        near_note: a MIDI note, if the note is known and only its exact pitch is wanted.
    """
    values, rate_hz = similarity(audio, rate_hz), FINER * rate_hz
    lowest, highest = LOWEST_NOTE, HIGHEST_NOTE
    if near_note is not None:
        lowest, highest = near_note - NEAR_NOTES, near_note + NEAR_NOTES
    first = max(2, int(np.floor(rate_hz / frequency_hz_of(highest))))
    last = min(values.size - 2, int(np.ceil(rate_hz / frequency_hz_of(lowest))))
    inside = np.arange(first, last + 1) if last >= first else np.empty(0, int)
    peaks = inside[(values[inside] >= values[inside - 1]) & (values[inside] > values[inside + 1])]
    if near_note is None and values.size:  # the peak of no delay at all is no period
        below = np.flatnonzero(values < 0)
        peaks = peaks[peaks > (below[0] if below.size else values.size)]
    if not peaks.size or values[peaks].max() < LEAST_CLARITY:
        return None
    peak = int(peaks[values[peaks] >= NEAR_BEST * values[peaks].max()][0])
    period, clarity = _top(values, peak)
    count = 2
    while round(count * period) + 3 < values.size:  # a longer delay gives a finer period
        around = np.arange(round(count * period) - 2, round(count * period) + 3)
        place = int(around[np.argmax(values[around])])
        if place in (around[0], around[-1]) or values[place] < NEAR_BEST * clarity:
            break
        period = _top(values, place)[0] / count
        count += 1
    return DetectedPitch(note_of(rate_hz / period), min(1.0, clarity))


def _top(values: np.ndarray, peak: int) -> tuple[float, float]:
    """Return place and height of the parabola through a peak and its neighbours."""
    before, here, after = values[peak - 1 : peak + 2]
    bend = before - 2 * here + after
    shift = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return peak + float(np.clip(shift, -0.5, 0.5)), float(here - 0.25 * (before - after) * shift)
