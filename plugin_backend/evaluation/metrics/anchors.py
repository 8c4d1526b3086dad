"""Anchors: known kinds of damage to compare a codec's scores with. ``[samples]`` → ``[samples]``, aligned.

The low-pass anchors have the shape that ITU-R BS.1534-1 requires of its 3.5 kHz anchor: flat within 0.1 dB up to the
edge, at least 25 dB down at 8/7 of it (4 kHz) and 50 dB down at 9/7 of it (4.5 kHz).

The noise anchors are the best that a decoder of shaped noise could do: white noise with the sound's own mel envelopes,
or its own magnitudes with random phases. They lose all phases and have no comb. If a codec scores better but has a
worse Fréchet distance, it matches the expected spectrum and buzzes. The noise is always the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from plugin_backend.dsp.mel import mel_spaced_frequencies, triangular_filters
from plugin_backend.errors import MissingExtraError

NOISE_DB = -30.0
ORDER, RIPPLE_DB, STOP_DB = 8, 0.04, 40.0
"""Of one pass of the elliptic filter. It runs forwards and backwards, which doubles both numbers."""


def low_pass(audio: np.ndarray, sample_rate: int, edge_hz: float) -> np.ndarray:
    """Return the sound below ``edge_hz``, without delay (zero phase).

    Args:
        audio: ``[samples]``.
        sample_rate: in Hz.
        edge_hz: end of the pass band.

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
    """Return the sound plus white noise at ``level_db`` relative to the whole sound's RMS; always the same noise.

    Args:
        audio: ``[samples]``.
        sample_rate: not used.
        level_db: of the noise.
    """
    noise = np.random.default_rng(0).standard_normal(audio.size)
    wanted_rms = np.sqrt(np.mean(np.square(audio, dtype=np.float64))) * 10 ** (level_db / 20)
    return (audio + noise * (wanted_rms / np.sqrt(np.mean(noise**2)))).astype(np.float32)


def _windows(audio: np.ndarray, window_samples: int, hop_samples: int) -> np.ndarray:
    """Return spectra ``[frames, bins]`` in Hann windows; the first and last reach a whole window beyond the sound."""
    padded = np.pad(np.asarray(audio, np.float64), window_samples)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window_samples)[::hop_samples]
    return np.fft.rfft(frames * np.hanning(window_samples + 1)[:-1])


def _overlapped(spectra: np.ndarray, window_samples: int, hop_samples: int, samples: int) -> np.ndarray:
    """Return the sound ``[samples]`` of such spectra, each windowed again and added: the least-squares inverse."""
    window = np.hanning(window_samples + 1)[:-1]
    pieces = np.fft.irfft(spectra, window_samples) * window
    audio = np.zeros((len(pieces) - 1) * hop_samples + window_samples)
    weight = np.zeros_like(audio)
    for index, piece in enumerate(pieces):
        place = slice(index * hop_samples, index * hop_samples + window_samples)
        audio[place] += piece
        weight[place] += window**2
    inside = slice(window_samples, window_samples + samples)
    return (audio[inside] / weight[inside]).astype(np.float32)


def shaped_noise(audio: np.ndarray, sample_rate: int, bands: int, window_samples: int, hop_samples: int) -> np.ndarray:
    """Return white noise with the power of the sound in mel bands, window by window.

    Between the bands' centres the power is interpolated.

    Args:
        audio: ``[samples]``.
        sample_rate: in Hz.
        bands: number of triangles from 0 Hz to half the rate.
        window_samples: of the Hann windows, at 48 kHz (at other rates as long in seconds).
        hop_samples: distance of the windows, at 48 kHz.
    """
    window, hop = (round(samples * sample_rate / 48_000) for samples in (window_samples, hop_samples))
    filters = triangular_filters(
        mel_spaced_frequencies(0.0, sample_rate / 2, bands + 2), window, sample_rate, sample_rate / window
    )
    power = np.abs(_windows(audio, window, hop)) ** 2 @ (filters / filters.sum(axis=1, keepdims=True)).T
    wanted = power @ (filters / np.maximum(filters.sum(axis=0), 1e-12))
    white = _windows(np.random.default_rng(0).standard_normal(audio.size), window, hop)
    energy = np.square(np.hanning(window + 1)[:-1]).sum()
    return _overlapped(white * np.sqrt(wanted / energy), window, hop, audio.size)


def random_phase(audio: np.ndarray, sample_rate: int, window_samples: int, hop_samples: int) -> np.ndarray:
    """Return the sound's magnitudes with random phases; windows as in :func:`shaped_noise`.

    Windows that do not fit their neighbours lose energy when they are added; a constant gain restores it.

    Args:
        audio: ``[samples]``.
        sample_rate: in Hz.
        window_samples: at 48 kHz.
        hop_samples: at 48 kHz.
    """
    window, hop = (round(samples * sample_rate / 48_000) for samples in (window_samples, hop_samples))
    spectra = _windows(audio, window, hop)
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, spectra.shape)
    lost = np.float32(np.sqrt(window / hop))
    return _overlapped(np.abs(spectra) * np.exp(1j * phases), window, hop, audio.size) * lost


NOISE_ANCHORS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "noise in 160 bands, 1024/256": partial(shaped_noise, bands=160, window_samples=1024, hop_samples=256),
    "noise in 80 bands, 512/128": partial(shaped_noise, bands=80, window_samples=512, hop_samples=128),
    "noise in 40 bands, 256/64": partial(shaped_noise, bands=40, window_samples=256, hop_samples=64),
    "magnitudes, random phase, 512/128": partial(random_phase, window_samples=512, hop_samples=128),
}
"""Noise with the true envelopes, by name: bands, window and hop in samples at 48 kHz."""

ANCHORS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "low-pass 3.5 kHz": partial(low_pass, edge_hz=3500.0),
    "low-pass 7 kHz": partial(low_pass, edge_hz=7000.0),
    "noise at −30 dB": with_noise,
    **NOISE_ANCHORS,
}
