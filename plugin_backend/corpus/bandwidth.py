"""How high a recording really reaches: its band edge, found from its spectrum.

A 22.05 kHz original stored at 44.1 kHz, or a low-passed MP3, says nothing of what sounded above; a
model told to match its silence there learns dullness. A carpet step recorded over the full band is
dull too, but its silence is true and must be learned. What tells them apart is the cliff: a
resampler's or an encoder's low-pass falls 30 dB and more within a third of an octave and nothing
rises again, while air, filters (48 dB an octave gives 18 dB here) and materials fall gently into a
noise floor. So the edge is the lowest frequency from 3 kHz up where

* the median level of 100 Hz bands just below (0.82 to 0.94 of it) stands at least ``CLIFF_DB`` above
  all but 5 % of the bands from 1.06 of it to the top (a lone whistle up there is no band), and
* that level is within ``AUDIBLE_DB`` of the loudest band: an encoder also empties bands of dull sounds
  far below hearing, where full-band silence is the truth.

The answer never exceeds 0.45 of the file's rate, where converters' own filters begin.
"""

from __future__ import annotations

import numpy as np

from plugin_backend.corpus.temp_audio import TempAudio

CLIFF_DB, AUDIBLE_DB, SHOULDER_DB = 30.0, 60.0, 10.0
BAND_HZ, LOWEST_HZ, HIGHEST_HZ = 100, 3_000, 24_000
RATE_SHARE = 0.45
WINDOW_HZ = 11.7
"""Spacing of the analysis' bins, about; its window is the power of two that comes nearest."""


def band_edge_hz(audio: TempAudio, rate_hz: int) -> float:
    """The highest frequency in Hz that counts, by the rule above; ``audio`` at its original rate."""
    limit = min(RATE_SHARE * rate_hz, float(HIGHEST_HZ))
    return min(limit, find_cliff_hz(band_levels_db(mean_spectrum(audio, rate_hz), rate_hz)))


def mean_spectrum(audio: TempAudio, rate_hz: int) -> np.ndarray:
    """Mean power spectrum ``[bins]`` of half-overlapping Blackman windows; zeros surround the sound."""
    size = 2 ** round(np.log2(rate_hz / WINDOW_HZ))
    window, total, hop = np.blackman(size).astype(np.float32), np.zeros(size // 2 + 1), size // 2
    rest = np.zeros(hop, np.float32)
    for block in (*audio.blocks(step=64 * size), np.zeros(size, np.float32)):
        rest = np.concatenate([rest, block])
        count = max(0, (rest.size - size) // hop + 1)
        if count:
            frames = np.lib.stride_tricks.sliding_window_view(rest, size)[::hop][:count]
            total += np.square(np.abs(np.fft.rfft(frames * window))).sum(axis=0)
            rest = rest[count * hop :]
    return total


def band_levels_db(spectrum: np.ndarray, rate_hz: int) -> np.ndarray:
    """Levels ``[bands]`` of ``BAND_HZ`` wide bands up to 24 kHz, in dB re an arbitrary level."""
    bins_hz = np.arange(spectrum.size) * (rate_hz / 2 / (spectrum.size - 1))
    bands = int(min(rate_hz / 2, HIGHEST_HZ) // BAND_HZ)
    band = (bins_hz // BAND_HZ).astype(int)
    inside = band < bands
    power = np.bincount(band[inside], spectrum[inside], bands) / np.bincount(band[inside], minlength=bands)
    return 10 * np.log10(power + 1e-30 * (power.max() or 1.0) + 1e-300)


def find_cliff_hz(levels_db: np.ndarray) -> float:
    """Where a brick wall ends the spectrum; infinity without one."""
    loudest, steepest, best = levels_db[1:].max(), 0.0, None  # the first band may hold an offset
    for band in range(LOWEST_HZ // BAND_HZ, levels_db.size):
        below = np.median(levels_db[round(0.82 * band) : round(0.94 * band) + 1])
        above = np.sort(levels_db[round(1.06 * band) :])
        if above.size < 2:
            break
        drop = below - above[int(0.95 * (above.size - 1))]
        if below >= loudest - AUDIBLE_DB and drop >= max(CLIFF_DB, steepest):
            steepest, best = drop, (band, below)
        elif best and drop < CLIFF_DB:
            break
    if best is None:
        return np.inf
    band, below = best
    near = np.arange(round(0.82 * band), min(round(1.2 * band) + 1, levels_db.size))
    return float(near[levels_db[near] >= below - SHOULDER_DB].max() + 1) * BAND_HZ
