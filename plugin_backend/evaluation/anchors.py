"""Known kinds of damage to read a codec's scores beside: ``[samples]`` in, ``[samples]`` out, aligned.

The low-pass anchors have the shape ITU-R BS.1534-1 asks of its 3.5 kHz anchor: flat within 0.1 dB up
to the edge, at least 25 dB down at 8/7 of it (4 kHz) and 50 dB down at 9/7 of it (4.5 kHz).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from plugin_backend.errors import MissingExtraError

NOISE_DB = -30.0
ORDER, RIPPLE_DB, STOP_DB = 8, 0.04, 40.0
"""Of one pass of the elliptic filter; it runs forwards and backwards, which doubles both figures."""


def low_pass(audio: np.ndarray, sample_rate: int, edge_hz: float) -> np.ndarray:
    """The sound below ``edge_hz``, without delay (zero phase).

    Raises:
        MissingExtraError: the ``evaluate`` extra (SciPy) is not installed.
    """
    try:
        from scipy import signal
    except ImportError as problem:
        raise MissingExtraError("the low-pass anchor", "evaluate") from problem
    sections = signal.ellip(ORDER, RIPPLE_DB, STOP_DB, edge_hz, fs=sample_rate, output="sos")
    return signal.sosfiltfilt(sections, audio).astype(np.float32)


def with_noise(audio: np.ndarray, sample_rate: int, level_db: float = NOISE_DB) -> np.ndarray:
    """The sound plus white noise, ``level_db`` relative to the whole sound's RMS; always the same noise."""
    noise = np.random.default_rng(0).standard_normal(audio.size)
    wanted_rms = np.sqrt(np.mean(np.square(audio, dtype=np.float64))) * 10 ** (level_db / 20)
    return (audio + noise * (wanted_rms / np.sqrt(np.mean(noise**2)))).astype(np.float32)


ANCHORS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "low-pass 3.5 kHz": partial(low_pass, edge_hz=3500.0),
    "low-pass 7 kHz": partial(low_pass, edge_hz=7000.0),
    "noise at −30 dB": with_noise,
}
