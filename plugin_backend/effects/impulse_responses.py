"""Impulse responses: from files, and two made here."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import inspect_mono_or_stereo, read_blocks
from plugin_backend.dsp.sanitize import MAX_SAMPLE
from plugin_backend.effects.parameters import HALL, ROOM, SYNTHETIC_RESPONSES
from plugin_backend.errors import AudioFileError

LONGEST_S = 20
RATES_HZ = (8_000, 192_000)
SYNTHETIC_RATE_HZ = 48_000
SPLIT_HZ = 2_500
DECAYS_S = {ROOM: (0.45, 0.25), HALL: (2.4, 1.1)}
"""Seconds in which the lows and the highs of each made one fall by 60 dB (RT60)."""


def check_impulse_response(ir: str) -> None:
    """Read it, and see that it can be used.

    Raises:
        AudioFileError: absent, unreadable, damaged, more than two channels, too long, a rate outside 8 to 192 kHz, or
            a sample that is not finite or beyond 60 dBFS; names the file.
    """
    if ir not in SYNTHETIC_RESPONSES:
        _read(ir)


def impulse_response(ir: str, sample_rate: int) -> np.ndarray:
    """One of ``MADE`` or a file, ``[channels, samples]`` float64 at ``sample_rate``; its gain is the same at any.

    Raises:
        AudioFileError: see :func:`check_impulse_response`.
    """
    import soxr

    made, rate = (_made(ir), SYNTHETIC_RATE_HZ) if ir in SYNTHETIC_RESPONSES else _read(ir)
    if rate == sample_rate:
        return made
    return soxr.resample(np.ascontiguousarray(made.T), rate, sample_rate).T * (rate / sample_rate)


def _read(ir: str) -> tuple[np.ndarray, int]:
    info = inspect_mono_or_stereo(Path(ir))
    samples, rate = info.length_samples, info.rate_hz
    if not RATES_HZ[0] <= rate <= RATES_HZ[1]:
        raise AudioFileError(f"{ir}: a rate of {rate} Hz; {RATES_HZ[0]} to {RATES_HZ[1]} Hz can be used")
    if samples > LONGEST_S * rate:
        raise AudioFileError(f"{ir}: {samples / rate:.1f} s; an impulse response has at most {LONGEST_S} s")
    audio = np.concatenate([block for block, _ in read_blocks(Path(ir), dtype="float64")])
    if np.abs(audio).max(initial=0.0) > MAX_SAMPLE:
        raise AudioFileError(
            f"{ir}: samples of up to {np.abs(audio).max():.3g} times full scale; {MAX_SAMPLE:g} at most"
        )
    return audio.T, rate


@lru_cache
def _made(name: str) -> np.ndarray:
    """Two channels of noise, lows and highs each decaying, of energy 1 a channel: noise keeps its level."""
    from scipy.signal import butter, sosfilt

    low_s, high_s = DECAYS_S[name]
    count = round(low_s * SYNTHETIC_RATE_HZ)
    time_s = np.arange(count) / SYNTHETIC_RATE_HZ
    noise = np.random.default_rng(SYNTHETIC_RESPONSES.index(name)).standard_normal((2, count))
    low = sosfilt(butter(2, SPLIT_HZ, fs=SYNTHETIC_RATE_HZ, output="sos"), noise)
    sound = low * 10 ** (-3 * time_s / low_s) + (noise - low) * 10 ** (-3 * time_s / high_s)
    return sound / np.sqrt(np.square(sound).sum(axis=1, keepdims=True))
