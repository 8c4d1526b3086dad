"""What the page draws of a sound: peaks of its waveform, and a small spectrogram."""

from __future__ import annotations

import msgspec
import numpy as np

from plugin_backend.dsp.mel import mel_power

COLUMNS, ROWS = 160, 48
RANGE_DB = 72.0


class Plot(msgspec.Struct, frozen=True):
    """A sound, as it is drawn.

    Attributes:
        length_samples: of the sound.
        rate_hz: of the sound.
        columns: points along time.
        rows: bands of the spectrogram.
        peaks: lowest and highest sample of each column, in 1/127, int8.
        spectrum: level of each band and column, 0..255 over 72 dB; row by row, the lowest band first.
    """

    length_samples: int
    rate_hz: int
    columns: int
    rows: int
    peaks: bytes
    spectrum: bytes


def plot_of(audio: np.ndarray, rate_hz: int) -> Plot:
    """Return the plot of a sound.

    Args:
        audio: ``[samples]`` or ``[channels, samples]``; channels are drawn as their mean.
        rate_hz: sample rate.
    """
    mono = np.atleast_2d(audio).mean(axis=0, dtype=np.float32)
    edges = np.linspace(0, len(mono), COLUMNS + 1).round().astype(int)
    pieces = [mono[first : max(last, first + 1)] for first, last in zip(edges[:-1], edges[1:], strict=True)]
    ends = np.array([[piece.min(initial=0), piece.max(initial=0)] for piece in pieces])
    peaks = np.clip(np.round(127 * ends), -127, 127).astype(np.int8)
    return Plot(len(mono), rate_hz, COLUMNS, ROWS, peaks.tobytes(), _spectrum(mono, rate_hz).tobytes())


def _spectrum(mono: np.ndarray, rate_hz: int) -> np.ndarray:
    """Return ``[ROWS, COLUMNS]`` uint8: mel bands in dB below the loudest, resampled to the plot's size."""
    power = np.asarray(mel_power(mono, rate_hz), np.float64)
    level_db = 10 * np.log10(np.maximum(power, 1e-12))
    bands = np.linspace(0, level_db.shape[1] - 1, ROWS + 1).round().astype(int)
    columns = np.linspace(0, len(level_db) - 1, COLUMNS).round().astype(int)
    small = np.stack(
        [
            level_db[columns, low : max(high, low + 1)].max(axis=1)
            for low, high in zip(bands[:-1], bands[1:], strict=True)
        ]
    )
    return np.clip(255 * (1 + (small - small.max()) / RANGE_DB), 0, 255).astype(np.uint8)
