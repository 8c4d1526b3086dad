"""Whether what rang in a recording still rings: partials' prominence, frequency and decay, measured, not fitted.

Partials are the strongest peaks of a long Hann-windowed spectrum that begins after the attack. Prominence is the
peak's level over the median around it. The decay is the slope of the level heard through a window at that frequency,
by least squares over the time in which it stands clear of the floor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plugin_backend.modes.fit import local_floor

AFTER_S, LONGEST_S, SHORTEST_S = 0.02, 1.0, 0.08
PROMINENT_DB, CLEAR_DB, MOST_FALL_DB = 20.0, 12.0, 40.0
REACH_CENTS, LOWEST_HZ, HIGHEST_HZ = 25.0, 60.0, 16_000.0
SLOPE_WINDOW_S, LEAST_POINTS = 0.04, 5


@dataclass(frozen=True)
class Partial:
    """One partial of a sound.

    Attributes:
        frequency_hz: of its peak.
        prominence_db: over the median around it.
        decay_s: time to fall by 60 dB; ``None`` where it does not stand clear for long enough.
    """

    frequency_hz: float
    prominence_db: float
    decay_s: float | None


def partials_of(audio: np.ndarray, sample_rate: int, onset: int, most: int = 8) -> list[Partial]:
    """The strongest partials of a hit, ``[samples]``, by level; none of a dull one."""
    level_db, floor_db, n = _levels(audio, sample_rate, onset)
    middle = level_db[1:-1]
    peaks = np.flatnonzero(
        (middle >= level_db[:-2]) & (middle > level_db[2:]) & (middle - floor_db[1:-1] > PROMINENT_DB)
    )
    peaks = peaks + 1
    peaks = peaks[(peaks * sample_rate / n >= LOWEST_HZ) & (peaks * sample_rate / n <= HIGHEST_HZ)]
    chosen: list[int] = []
    for peak in peaks[np.argsort(-level_db[peaks])]:
        if all(abs(1200 * np.log2(peak / other)) > 2 * REACH_CENTS for other in chosen):
            chosen.append(int(peak))
        if len(chosen) == most:
            break
    return [_partial(audio, sample_rate, onset, level_db, floor_db, n, peak) for peak in chosen]


def partial_near(audio: np.ndarray, sample_rate: int, onset: int, frequency_hz: float) -> Partial:
    """The strongest peak within 25 cents of a frequency, whatever its prominence."""
    level_db, floor_db, n = _levels(audio, sample_rate, onset)
    reach = 2 ** (REACH_CENTS / 1200)
    low = int(np.floor(frequency_hz / reach * n / sample_rate))
    high = int(np.ceil(frequency_hz * reach * n / sample_rate)) + 1
    peak = low + int(level_db[low:high].argmax())
    return _partial(audio, sample_rate, onset, level_db, floor_db, n, peak)


def _levels(audio: np.ndarray, sample_rate: int, onset: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Level and floor of every bin in dB, and the length of the window."""
    first = onset + round(AFTER_S * sample_rate)
    piece = audio[first : first + round(LONGEST_S * sample_rate)].astype(np.float64)
    piece = np.pad(piece, (0, max(0, round(SHORTEST_S * sample_rate) - piece.size)))
    power = np.square(np.abs(np.fft.rfft(piece * np.hanning(piece.size)))) + 1e-20
    return 10 * np.log10(power), 10 * np.log10(local_floor(power)), piece.size


def _partial(audio, sample_rate, onset, level_db, floor_db, n: int, peak: int) -> Partial:
    a, b, c = level_db[peak - 1 : peak + 2]
    bend = a - 2 * b + c
    shift = float(np.clip(0.5 * (a - c) / bend, -1, 1)) if bend else 0.0
    frequency_hz = (peak + shift) * sample_rate / n
    return Partial(frequency_hz, float(b - floor_db[peak]), decay_at(audio, sample_rate, onset, frequency_hz))


def decay_at(audio: np.ndarray, sample_rate: int, onset: int, frequency_hz: float) -> float | None:
    """Time in which the level at a frequency falls by 60 dB; ``None`` if it cannot be told."""
    window, first = round(SLOPE_WINDOW_S * sample_rate), onset + round(AFTER_S * sample_rate)
    tone = audio[first:] * np.exp(-2j * np.pi * frequency_hz / sample_rate * np.arange(audio.size - first))
    if tone.size < window + LEAST_POINTS * (window // 4):
        return None
    frames = np.lib.stride_tricks.sliding_window_view(tone, window)[:: window // 4]
    level_db = 20 * np.log10(np.abs(frames @ np.hanning(window)) + 1e-12)
    top = int(level_db[: max(1, level_db.size // 2)].argmax())
    floor_db = np.sort(level_db)[level_db.size // 20]
    low = max(floor_db + CLEAR_DB, level_db[top] - MOST_FALL_DB)
    clear = level_db[top:] > low
    end = top + (int(np.argmin(clear)) if not clear.all() else clear.size)
    if end - top < LEAST_POINTS:
        return None
    fall = -np.polyfit(np.arange(end - top) * (window // 4) / sample_rate, level_db[top:end], 1)[0]
    return 60 / fall if fall > 0 else None
