"""Measure whether a sound rings like the recording: the strongest partials, and what the codec made of them.

A partial is a peak of the power spectrum at least 15 dB over the floor, the median of the 150 Hz on either side. (The
largest of ten thousand bins of noise is 11 dB over their median.) It is searched from 0.2 to 1.2 s after the attack;
in a sound shorter than 0.45 s, from 20 ms after the attack on. There is one window (Blackman & Harris's, without side
lobes that could be taken for partials). The frequency is that of a parabola through the peak of the spectrum, four
times interpolated. The decay is the slope of its level in dB, in Hann windows of 80 ms at exactly that frequency, from
its loudest to 20 dB below.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter
from scipy.signal.windows import blackmanharris

START_S, STOP_S, SHORT_S, SHORT_START_S, LEAST_S = 0.2, 1.2, 0.45, 0.02, 0.1
ATTACK_DB, END_DB = -26.0, -60.0
"""The attack is the first sample, and the end the last, within so much of the peak."""

FLOOR_HZ, PADDING, APART_BINS = 150.0, 4, 4
LEAST_DB, FOUND_DB = 15.0, 12.0
"""Prominence that makes a partial of the original; prominence a decoded partial needs for its frequency to count."""

MOST, BELOW_STRONGEST_DB, LOWEST_HZ, HIGHEST_HZ = 8, 60.0, 100.0, 16_000.0
NEAR_CENTS, NEAR_BINS = 50.0, 2.0
DECAY_WINDOW_S, DECAY_HOP_S, DECAY_DB, LEAST_SLOPE_DB_S, LEAST_FRAMES = 0.08, 0.01, 20.0, 10.0, 5


@dataclass(frozen=True)
class Partial:
    """A partial of the original and of the decoded sound.

    Attributes:
        hz: its frequency in the original.
        prominence_db: its level over the floor in the original.
        decoded_prominence_db: its level over the floor in the decoded sound.
        cents: how much higher the decoded one is; ``None`` if it is less than 12 dB over the floor.
        decay_s: time to fall by 60 dB; ``None`` if it falls by less than 10 dB a second.
        decoded_decay_s: of the decoded one.
    """

    hz: float
    prominence_db: float
    decoded_prominence_db: float
    cents: float | None
    decay_s: float | None
    decoded_decay_s: float | None

    @property
    def decay_error_percent(self) -> float | None:
        """By how many percent the decoded partial rings longer; ``None`` without both decays."""
        if not self.decay_s or not self.decoded_decay_s:
            return None
        return 100 * (self.decoded_decay_s / self.decay_s - 1)


@dataclass(frozen=True)
class _Spectrum:
    """Level and prominence in dB, both ``[bins]``, of bins ``step_hz`` apart; ``bin_hz`` is the step before padding."""

    level_db: np.ndarray
    prominence_db: np.ndarray
    step_hz: float
    bin_hz: float

    @classmethod
    def of(cls, audio: np.ndarray, sample_rate: int) -> _Spectrum:
        windowed = np.asarray(audio, np.float64) * blackmanharris(audio.size)
        power = [np.abs(np.fft.rfft(windowed, factor * windowed.size)) ** 2 + 1e-24 for factor in (1, PADDING)]
        bin_hz = sample_rate / windowed.size
        floor_db = 10 * np.log10(median_filter(power[0], 2 * round(FLOOR_HZ / bin_hz) + 1))
        level_db, step_hz = 10 * np.log10(power[1]), bin_hz / PADDING
        floor_db = np.interp(np.arange(level_db.size) * step_hz, np.arange(floor_db.size) * bin_hz, floor_db)
        return cls(level_db, level_db - floor_db, step_hz, bin_hz)

    def peak_hz(self, index: int) -> float:
        """Return the top of the parabola through a bin and its neighbours."""
        low, top, high = self.level_db[index - 1 : index + 2]
        bend = low - 2 * top + high
        return (index + (0.5 * (low - high) / bend if bend < 0 else 0.0)) * self.step_hz

    def strongest(self) -> list[int]:
        """Return the bins of at most eight partials, the strongest first."""
        level = self.level_db
        inner = np.flatnonzero((level[1:-1] > level[:-2]) & (level[1:-1] >= level[2:])) + 1
        hz = inner * self.step_hz
        loud = (hz >= LOWEST_HZ) & (hz <= HIGHEST_HZ) & (level[inner] >= level.max() - BELOW_STRONGEST_DB)
        peaks = inner[loud & (self.prominence_db[inner] >= LEAST_DB)]
        chosen: list[int] = []
        for index in peaks[np.argsort(-level[peaks], kind="stable")]:
            if len(chosen) < MOST and all(abs(index - other) >= APART_BINS * PADDING for other in chosen):
                chosen.append(int(index))
        return chosen

    def nearest(self, hz: float) -> int:
        """Return the most prominent bin within 50 cents (at least two bins) of a frequency."""
        reach = max(hz * (2 ** (NEAR_CENTS / 1200) - 1), NEAR_BINS * self.bin_hz)
        first = max(1, round((hz - reach) / self.step_hz))
        return first + int(self.prominence_db[first : round((hz + reach) / self.step_hz) + 1].argmax())


def ringing(audio: np.ndarray, sample_rate: int) -> tuple[int, int] | None:
    """Return where partials are searched, ``[start, stop)`` in samples; ``None`` if silent or too short."""
    size = np.abs(audio)
    peak = size.max(initial=0.0)
    if peak <= 0:
        return None
    attack = int(np.argmax(size >= peak * 10 ** (ATTACK_DB / 20)))
    end = int(np.flatnonzero(size >= peak * 10 ** (END_DB / 20))[-1]) + 1
    delay_s = START_S if end - attack >= SHORT_S * sample_rate else SHORT_START_S
    start, stop = attack + round(delay_s * sample_rate), min(end, attack + round(STOP_S * sample_rate))
    return (start, stop) if stop - start >= LEAST_S * sample_rate else None


def decay_s(audio: np.ndarray, sample_rate: int, hz: float) -> float | None:
    """Return the time a partial of ``audio`` ``[samples]`` takes to fall by 60 dB; see the module's docstring.

    Args:
        audio: the sound, ``[samples]``.
        sample_rate: in Hz.
        hz: the partial's frequency.
    """
    window, hop = round(DECAY_WINDOW_S * sample_rate), round(DECAY_HOP_S * sample_rate)
    if audio.size < window + LEAST_FRAMES * hop:
        return None
    shifted = audio * np.exp(-2j * np.pi * hz / sample_rate * np.arange(audio.size))
    frames = np.lib.stride_tricks.sliding_window_view(shifted, window)[::hop]
    level_db = 20 * np.log10(np.abs(frames @ np.hanning(window + 1)[:-1]) + 1e-12)
    loudest = int(level_db.argmax())
    falling = level_db[loudest:]
    low = np.flatnonzero(falling < falling[0] - DECAY_DB)
    falling = falling[: low[0] if low.size else falling.size]
    if falling.size < LEAST_FRAMES:
        return None
    slope = np.polyfit(np.arange(falling.size) * hop / sample_rate, falling, 1)[0]
    return float(-60 / slope) if slope <= -LEAST_SLOPE_DB_S else None


def partials(guess: np.ndarray, truth: np.ndarray, sample_rate: int) -> list[Partial]:
    """Return at most eight partials of ``truth``, the strongest, and their state in ``guess``; both ``[samples]``.

    Args:
        guess: the decoded sound, ``[samples]``.
        truth: the original, aligned and equally long.
        sample_rate: in Hz.
    """
    region = ringing(truth, sample_rate)
    if region is None:
        return []
    start, stop = region
    original, decoded = (_Spectrum.of(audio[start:stop], sample_rate) for audio in (truth, guess))
    attack = max(0, start - round(START_S * sample_rate))
    result = []
    for index in original.strongest():
        hz = original.peak_hz(index)
        nearest = decoded.nearest(hz)
        present = decoded.prominence_db[nearest] >= FOUND_DB
        decoded_hz = decoded.peak_hz(nearest)
        result.append(
            Partial(
                hz=float(hz),
                prominence_db=float(original.prominence_db[index]),
                decoded_prominence_db=float(decoded.prominence_db[nearest]),
                cents=float(1200 * np.log2(decoded_hz / hz)) if present else None,
                decay_s=decay_s(truth[attack:], sample_rate, hz),
                decoded_decay_s=decay_s(guess[attack:], sample_rate, decoded_hz) if present else None,
            )
        )
    return result
