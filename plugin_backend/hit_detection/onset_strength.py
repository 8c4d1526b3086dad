"""How much a sound rises above what was just heard and above its background: where hits may be.

Sound is heard in frames of 10 ms, 2.5 ms apart, in up to ten bands. A band's *background* is the lower
quartile of its power in the surrounding three seconds; its *mask* is what it has been a moment ago, fading slowly
while a hit's own body sounds and fast after it, as ears recover (forward masking). Novelty is the rise of the level
above both, in dB, averaged over the bands: half-wave rectified spectral flux on a decibel scale (Bello et al. 2005, "A
tutorial on onset detection in music signals").
"""

from __future__ import annotations

import numpy as np

from plugin_backend.hit_detection.overlapping_chunks import CELL_HOPS

WINDOW_HOPS = 4
EDGES_HZ = np.array([60, 200, 400, 700, 1200, 2000, 3200, 5000, 8000, 12000, 20000])
HIGHEST_BAND_SHARE = 0.46
FRAMES_AT_ONCE = 512

BACKGROUND_CELLS, LOUD_CELLS = 30, 60
BACKGROUND_GAIN = 4.0
DARKEST = 1e-9
BELOW_LOUD = 10**-5.5
"""A hit of less than −55 dB of the loudest moment within 3 s, or of about −90 dBFS, is not heard."""

MASK_LAG_FRAMES = 3
BODY_FADE_DB, AFTER_FADE = 6.0, 5.0
"""The mask fades by 6 dB while a hit's body sounds (200 ms), then five times as fast (150 dB a second)."""

FIRST_FRAMES = 200
LEAST_DB, ABOVE_USUAL = 1.2, 3.0
APART_FRAMES = 10


def find_candidates(audio: np.ndarray, sample_rate: int, hop: int, sensitivity: float, body_frames: int) -> np.ndarray:
    """Samples near which hits may begin (to about 10 ms), in order.

    Args:
        audio: ``[samples, channels]``; the first sample begins a cell of ``CELL_HOPS`` frames.
        sample_rate: in Hz.
        hop: samples from frame to frame.
        sensitivity: what the least rise is divided by.
        body_frames: how long a hit's own body sounds; 200 ms are 80 frames.
    """
    if len(audio) < hop:
        return np.zeros(0, int)
    novelty = novelty_db(band_powers(audio, sample_rate, hop), body_frames)
    usual = repeat_per_frame(moving_quantile(cell_means(novelty[:, None]), BACKGROUND_CELLS, 0.5), len(novelty))[:, 0]
    least = LEAST_DB / sensitivity + ABOVE_USUAL * usual
    around = np.lib.stride_tricks.sliding_window_view(np.pad(novelty, APART_FRAMES), 2 * APART_FRAMES + 1)
    first_of_equals = around[:, :APART_FRAMES].max(axis=1) < novelty
    peaks = (novelty > least) & (around.max(axis=1) == novelty) & first_of_equals
    return np.maximum(np.flatnonzero(peaks) + 1 - WINDOW_HOPS // 2, 0) * hop


def band_powers(audio: np.ndarray, sample_rate: int, hop: int) -> np.ndarray:
    """Power ``[frames, bands]`` summed over channels, so that none cancels; frame k ends with sample (k + 1) × hop."""
    window, count = WINDOW_HOPS * hop, len(audio) // hop
    shape = np.hanning(window + 1)[:-1]
    shape /= np.sqrt(np.square(shape).sum() * window)
    edges = EDGES_HZ[HIGHEST_BAND_SHARE * sample_rate > EDGES_HZ] * window / sample_rate
    first_bins = np.ceil(edges).astype(int)
    powers = np.zeros((count, first_bins.size - 1))
    for channel in audio.T:
        padded = np.pad(channel, (window - hop, 0), mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop][:count]
        for start in range(0, count, FRAMES_AT_ONCE):
            spectra = np.fft.rfft(frames[start : start + FRAMES_AT_ONCE] * shape, axis=1)
            power = np.square(spectra.real) + np.square(spectra.imag)
            powers[start : start + FRAMES_AT_ONCE] += np.add.reduceat(power, first_bins, axis=1)[:, :-1]
    return powers


def novelty_db(powers: np.ndarray, body_frames: int) -> np.ndarray:
    """Novelty in dB, ``[frames]``."""
    background = repeat_per_frame(moving_quantile(cell_means(powers), BACKGROUND_CELLS, 0.25), len(powers))
    loudest = repeat_per_frame(loudest_nearby(powers.sum(axis=1)), len(powers))
    floor = BACKGROUND_GAIN * background + loudest * BELOW_LOUD / powers.shape[1] + DARKEST
    level_db = 10 * np.log10(powers + floor)
    masked_db = 10 * np.log10(10 ** (mask_levels_db(powers, body_frames) / 10) + floor)
    novelty = np.maximum(level_db - masked_db, 0.0).mean(axis=1)
    return np.convolve(novelty, np.full(4, 0.25), "same") if novelty.size >= 4 else novelty


def mask_levels_db(powers: np.ndarray, body_frames: int) -> np.ndarray:
    """What a frame has to exceed to be new, ``[frames, bands]``: the loudest of the past, faded.

    Before the recording it sounded as in its first half second, so that one cut into a sound does not begin with a hit.
    """
    before = np.tile(np.median(powers[:FIRST_FRAMES], axis=0), (body_frames, 1))
    level = 10 * np.log10(np.concatenate([before, powers]) + 1e-30)
    fade, wanted, held = BODY_FADE_DB / body_frames, body_frames - MASK_LAG_FRAMES + 1, 1
    body = _later(level, MASK_LAG_FRAMES) - fade * MASK_LAG_FRAMES
    while held < wanted:  # the sliding maximum, by doubling
        more = min(held, wanted - held)
        body = np.maximum(body, _later(body, more) - fade * more)
        held += more
    fading = AFTER_FADE * fade * np.arange(len(level))[:, None]
    past = np.maximum.accumulate(level + fading, axis=0) - fading
    return np.maximum(body, _later(past, body_frames) - BODY_FADE_DB)[body_frames:]


def _later(frames: np.ndarray, count: int) -> np.ndarray:
    return np.concatenate([np.full((count, frames.shape[1]), -300.0), frames])[: len(frames)]


def cell_means(frames: np.ndarray) -> np.ndarray:
    """Means of consecutive cells, ``[cells, bands]``; the last may be partial."""
    starts = np.arange(0, len(frames), CELL_HOPS)
    return np.add.reduceat(frames, starts, axis=0) / np.diff(np.append(starts, len(frames)))[:, None]


def repeat_per_frame(cells: np.ndarray, count: int) -> np.ndarray:
    """Each cell's value for all its frames."""
    return np.repeat(cells, CELL_HOPS, axis=0)[:count]


def moving_quantile(cells: np.ndarray, reach: int, share: float) -> np.ndarray:
    """Of the cells up to ``reach`` away the one that ``share`` of them lie below, ``[cells, bands]``."""
    found = np.empty_like(cells)
    for index in range(len(cells)):
        around = np.sort(cells[max(0, index - reach) : index + reach + 1], axis=0)
        found[index] = around[int(share * (len(around) - 1))]
    return found


def loudest_nearby(totals: np.ndarray) -> np.ndarray:
    """The loudest frame within ``LOUD_CELLS`` cells, ``[cells, 1]``."""
    loudest = np.maximum.reduceat(totals, np.arange(0, len(totals), CELL_HOPS))
    padded = np.pad(loudest, LOUD_CELLS)
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * LOUD_CELLS + 1).max(axis=1)[:, None]
