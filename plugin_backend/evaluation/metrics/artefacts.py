"""Measure what a decoder adds to a sound or removes from it: level, offset, rumble, hiss, a comb.

Signals are mono ``[samples]``: the decoded sound (``guess``) first, the original (``truth``) second.
"""

from __future__ import annotations

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.corpus.bandwidth import band_levels_db, find_cliff_hz
from plugin_backend.dsp.mel import RUMBLE_HZ, power_spectrogram, remove_rumble
from plugin_backend.evaluation.metrics.comb import OWN, RATES, combs

LOWEST_DB = -200.0
KEPT = 0.999
EDGE_WINDOW, ABOVE_EDGE = 4096, 1.06
SILENCE_S = 2.0


def decibels(ratio: float, factor: float = 10.0) -> float:
    """Return ``factor · log10(ratio)``, not lower than −200."""
    return max(LOWEST_DB, float(factor * np.log10(max(ratio, 1e-30))))


def level_db(guess: np.ndarray, truth: np.ndarray, sample_rate: int) -> float | None:
    """Return how much louder the decoded sound is (RMS above 25 Hz), in dB; ``None`` if the original is silent.

    Args:
        guess: the decoded sound, ``[samples]``.
        truth: the original, aligned and equally long.
        sample_rate: in Hz.
    """
    energies = [float(np.square(remove_rumble(audio, sample_rate)).sum()) for audio in (guess, truth)]
    return decibels(energies[0] / energies[1]) if energies[1] > 0 else None


def offset_db(audio: np.ndarray) -> float | None:
    """Return the constant part (mean under a Hann window) relative to the RMS, in dB; ``None`` for silence."""
    rms = float(np.sqrt(np.square(audio, dtype=np.float64).mean()))
    mean = float(np.average(audio, weights=np.hanning(audio.size + 2)[1:-1]))
    return decibels(abs(mean) / rms, 20.0) if rms > 0 else None


def share_below(audio: np.ndarray, sample_rate: int, hz: float) -> float | None:
    """Return the share of the energy below a frequency, 0 to 1; ``None`` for silence.

    Args:
        audio: the sound, ``[samples]``.
        sample_rate: in Hz.
        hz: the upper end.
    """
    power = np.abs(np.fft.rfft(np.asarray(audio, np.float64))) ** 2
    whole = power.sum()
    return float(power[: int(np.ceil(hz * audio.size / sample_rate))].sum() / whole) if whole > 0 else None


def rumble_percent(guess: np.ndarray, truth: np.ndarray, sample_rate: int, hz: float) -> float | None:
    """Return by how many percent of all energy the share below ``hz`` has grown; ``None`` for silence.

    Args:
        guess: the decoded sound, ``[samples]``.
        truth: the original, aligned and equally long.
        sample_rate: in Hz.
        hz: the upper end.
    """
    before, after = share_below(truth, sample_rate, hz), share_below(guess, sample_rate, hz)
    return None if before is None or after is None else 100 * (after - before)


def hiss_db(guess: np.ndarray, truth: np.ndarray) -> float | None:
    """Return how much larger the energy share above the original's band is in the decoded sound, in dB.

    The band ends where 99.9 % of the original's energy lies below. ``None`` if either is silent.
    """
    powers = [np.abs(np.fft.rfft(np.asarray(audio, np.float64))) ** 2 for audio in (guess, truth)]
    if not all(power.any() for power in powers):
        return None
    end = int(np.searchsorted(powers[1].cumsum(), KEPT * powers[1].sum())) + 1
    shares = [float(power[end:].sum() / power.sum()) for power in powers]
    return decibels(shares[0]) - decibels(shares[1])


def above_edge_db(guess: np.ndarray, truth: np.ndarray, sample_rate: int) -> tuple[float, float] | None:
    """Return the energy of both above the original's band edge, each in dB relative to its whole energy.

    The edge is where a resampler or an encoder cut the recording (see :mod:`plugin_backend.corpus.bandwidth`).
    ``None`` for a recording that was not cut.

    Args:
        guess: the decoded sound, ``[samples]``.
        truth: the original, aligned and equally long.
        sample_rate: in Hz.
    """
    powers = [power_spectrogram(audio, EDGE_WINDOW, EDGE_WINDOW // 2).sum(axis=1) for audio in (guess, truth)]
    edge_hz = find_cliff_hz(band_levels_db(powers[1], sample_rate)) if powers[1].any() else np.inf
    if not np.isfinite(edge_hz) or not powers[0].any():
        return None
    first = round(ABOVE_EDGE * edge_hz * EDGE_WINDOW / sample_rate)
    above = [decibels(float(power[first:].sum() / power.sum())) for power in powers]
    return above[0], above[1]


def silence_dbfs(codec: Codec) -> float:
    """Return the RMS of decoded silence, in dB of full scale: of the second half of two seconds."""
    samples = round(SILENCE_S * codec.spec.sample_rate)
    audio = codec.decode(codec.encode(np.zeros((1, samples), np.float32)))[0, samples // 2 : samples]
    return decibels(float(np.square(audio, dtype=np.float64).mean()))


def comb_scores(guess: np.ndarray, truth: np.ndarray, sample_rate: int, hop_samples: int) -> dict[str, float | None]:
    """Return the comb of a model's frame rate in the decoded sound, minus that of the original.

    See :mod:`plugin_backend.evaluation.metrics.comb`.

    Args:
        guess: the decoded sound.
        truth: the original.
        sample_rate: in Hz.
        hop_samples: of the model's latents.

    Returns:
        ``comb_db`` and ``comb_each_db``: energy over controls, decoded minus original. ``comb_half_db`` to
        ``comb_eightfold_db``: the first at other rates. ``comb_share_db`` and ``original_comb_share_db``: the comb's
        share of all energy. All ``None`` without a comb.
    """
    over = {name: "comb_db" if name == OWN else f"comb_{name}_db" for name in RATES}
    decoded, original = (combs(audio, sample_rate, hop_samples) for audio in (guess, truth))
    if decoded is None or original is None:
        return dict.fromkeys((*over.values(), "comb_each_db", "comb_share_db", "original_comb_share_db"))
    differences: dict[str, float | None] = {
        over[name]: decoded[name].over_controls_db - original[name].over_controls_db for name in RATES
    }
    return differences | {
        "comb_each_db": decoded[OWN].each_db - original[OWN].each_db,
        "comb_share_db": decoded[OWN].share_db,
        "original_comb_share_db": original[OWN].share_db,
    }


def artefacts(guess: np.ndarray, truth: np.ndarray, sample_rate: int, hop_samples: int) -> dict[str, float | None]:
    """Return all numbers of this module for one sound, by name; ``None`` if a number has no meaning.

    Args:
        guess: the decoded sound.
        truth: the original.
        sample_rate: in Hz.
        hop_samples: of the model's latents.
    """
    above = above_edge_db(guess, truth, sample_rate)
    levels: dict[str, float | None] = {
        "level_db": level_db(guess, truth, sample_rate),
        "offset_db": offset_db(guess),
        "original_offset_db": offset_db(truth),
        "rumble_25_percent": rumble_percent(guess, truth, sample_rate, RUMBLE_HZ),
        "rumble_40_percent": rumble_percent(guess, truth, sample_rate, 40.0),
        "hiss_db": hiss_db(guess, truth),
        "above_edge_db": above[0] if above else None,
        "original_above_edge_db": above[1] if above else None,
    }
    return levels | comb_scores(guess, truth, sample_rate, hop_samples)
