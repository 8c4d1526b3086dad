"""Impulse responses: from files, and two made here."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import info_of, probe
from plugin_backend.dsp.parameters import HALL, MADE, ROOM
from plugin_backend.errors import AudioFileError

LONGEST_S = 20
MADE_AT_HZ = 48_000
SPLIT_HZ = 2_500
DECAYS_S = {ROOM: (0.45, 0.25), HALL: (2.4, 1.1)}
"""Seconds in which the lows and the highs of each made one fall by 60 dB (RT60)."""


def check_impulse_response(ir: str) -> int:
    """How many channels it has.

    Raises:
        AudioFileError: absent, unreadable, more than two channels or too long; names the file.
    """
    if ir in MADE:
        return 2
    samples, rate, channels = probe(Path(ir))
    if samples > LONGEST_S * rate:
        raise AudioFileError(f"{ir}: {samples / rate:.1f} s; an impulse response has at most {LONGEST_S} s")
    return channels


def impulse_response(ir: str, sample_rate: int) -> np.ndarray:
    """One of ``MADE`` or a file, ``[channels, samples]`` float64 at ``sample_rate``; its gain is the same at any.

    Raises:
        AudioFileError: see :func:`check_impulse_response`; also when it is damaged or not finite.
    """
    import soxr

    check_impulse_response(ir)
    rate, made = (MADE_AT_HZ, _made(ir)) if ir in MADE else (info_of(Path(ir)).samplerate, _read(ir))
    if rate == sample_rate:
        return made
    return soxr.resample(np.ascontiguousarray(made.T), rate, sample_rate).T * (rate / sample_rate)


def _read(ir: str) -> np.ndarray:
    import soundfile

    try:
        audio, _ = soundfile.read(ir, dtype="float64", always_2d=True)
    except soundfile.LibsndfileError as problem:
        raise AudioFileError(f"{ir}: the audio is damaged ({problem.error_string})") from problem
    if not np.isfinite(audio).all():
        raise AudioFileError(f"{ir}: the file holds NaN or infinite samples")
    return audio.T


@lru_cache
def _made(name: str) -> np.ndarray:
    """Two channels of noise, lows and highs each decaying, of energy 1 a channel: noise keeps its level."""
    from scipy.signal import butter, sosfilt

    low_s, high_s = DECAYS_S[name]
    count = round(low_s * MADE_AT_HZ)
    time_s = np.arange(count) / MADE_AT_HZ
    noise = np.random.default_rng(MADE.index(name)).standard_normal((2, count))
    low = sosfilt(butter(2, SPLIT_HZ, fs=MADE_AT_HZ, output="sos"), noise)
    sound = low * 10 ** (-3 * time_s / low_s) + (noise - low) * 10 ** (-3 * time_s / high_s)
    return sound / np.sqrt(np.square(sound).sum(axis=1, keepdims=True))
