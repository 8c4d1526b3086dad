"""Find the effective bandwidth of a recording: its band edge, from its spectrum.

A 22.05 kHz original stored at 44.1 kHz, or a low-passed MP3, does not show what sounded above its edge. A model that
learns to match this silence becomes dull. A carpet step recorded over the full band is dull too, but its silence is
real and must be learned. The difference is the cliff. The low-pass of a resampler or an encoder falls 30 dB or more
within a third of an octave, and nothing rises again. Air, filters (48 dB per octave is 18 dB here) and materials fall
gently into a noise floor. So the edge is the lowest frequency from 3 kHz up at which

* the median level of the 100 Hz bands just below (0.82 to 0.94 of it) is at least ``CLIFF_DB`` above all but 5 % of the
  bands from 1.06 of it to the top (a single whistle there is not a band), and
* that level is within ``AUDIBLE_DB`` of the loudest band. An encoder also empties bands of dull sounds far below the
  threshold of hearing, where silence over the full band is real.

The result is at most 0.45 of the file's rate, where the filters of converters begin.
"""

from __future__ import annotations

import numpy as np

from plugin_backend.corpus.temp_audio import TempAudio

CLIFF_DB, AUDIBLE_DB, SHOULDER_DB = 30.0, 60.0, 10.0
BAND_HZ, LOWEST_HZ, HIGHEST_HZ = 100, 3_000, 24_000
RATE_SHARE = 0.45
WINDOW_HZ = 11.7
"""Approximate distance between the bins of the analysis. The window is the nearest power of two."""


def band_edge_hz(audio: TempAudio, rate_hz: int) -> float:
    """Return the band edge in Hz, by the rule above. ``audio`` is at its original rate."""
    limit = min(RATE_SHARE * rate_hz, float(HIGHEST_HZ))
    return min(limit, find_cliff_hz(band_levels_db(mean_spectrum(audio, rate_hz), rate_hz)))


def mean_spectrum(audio: TempAudio, rate_hz: int) -> np.ndarray:
    """Return the mean power spectrum ``[bins]`` of half-overlapping Blackman windows.

    The sound is padded with zeros.
    """
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
    """Return the levels ``[bands]`` of bands ``BAND_HZ`` wide up to 24 kHz, in dB relative to any level."""
    bins_hz = np.arange(spectrum.size) * (rate_hz / 2 / (spectrum.size - 1))
    bands = int(min(rate_hz / 2, HIGHEST_HZ) // BAND_HZ)
    band = (bins_hz // BAND_HZ).astype(int)
    is_inside = band < bands
    power = np.bincount(band[is_inside], spectrum[is_inside], bands) / np.bincount(band[is_inside], minlength=bands)
    return 10 * np.log10(power + 1e-30 * (power.max() or 1.0) + 1e-300)


def find_cliff_hz(levels_db: np.ndarray) -> float:
    """Return the frequency at which a steep low-pass ends the spectrum; infinity without one."""
    best: tuple[int, float] | None = None
    loudest, steepest = levels_db[1:].max(), 0.0  # the first band may hold an offset
    for band in range(LOWEST_HZ // BAND_HZ, levels_db.size):
        level_below = float(np.median(levels_db[round(0.82 * band) : round(0.94 * band) + 1]))
        levels_above = np.sort(levels_db[round(1.06 * band) :])
        if levels_above.size < 2:
            break
        drop = level_below - levels_above[int(0.95 * (levels_above.size - 1))]
        if level_below >= loudest - AUDIBLE_DB and drop >= max(CLIFF_DB, steepest):
            steepest, best = drop, (band, level_below)
        elif best and drop < CLIFF_DB:
            break
    if best is None:
        return np.inf
    band, level_below = best
    nearby = np.arange(round(0.82 * band), min(round(1.2 * band) + 1, levels_db.size))
    return float(nearby[levels_db[nearby] >= level_below - SHOULDER_DB].max() + 1) * BAND_HZ
