"""Measure whether a decoded sound is still nearest to its own original, among all originals.

This is a cheap replacement for the question "would you recognise it". Level and length do not count; only the average
spectrum and the shape of the envelope do.
"""

from __future__ import annotations

import numpy as np

from plugin_backend.corpus.sound import Sound
from plugin_backend.dsp.mel import mel_power
from plugin_backend.evaluation.data.dense_clips import class_of

SLICES, FLOOR_DB = 20, -40.0


def descriptor(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the average power in 80 mel bands, then in 20 slices of time, ``[100]``.

    In dB below the loudest band and the loudest slice, at least −40: quieter parts seldom help to recognise a sound.
    """
    power = mel_power(audio, sample_rate)
    edges = np.linspace(0, power.shape[1], SLICES + 1)
    cumulated = np.interp(edges, np.arange(power.shape[1] + 1), np.append(0.0, power.sum(axis=0).cumsum()))
    return np.concatenate([below_loudest_db(power.mean(axis=1)), below_loudest_db(np.diff(cumulated))])


def below_loudest_db(power: np.ndarray) -> np.ndarray:
    """Return powers in dB relative to the largest, −40 to 0; all −40 for silence."""
    floor = 10 ** (FLOOR_DB / 10)
    return 10 * np.log10(np.maximum(power / max(power.max(), np.finfo(float).tiny), floor))


def nearest_originals(decoded: list[np.ndarray], originals: list[np.ndarray], sample_rate: int) -> np.ndarray:
    """Return for each decoded sound the index of the nearest original, by RMS difference in dB: ``[sounds]``.

    Args:
        decoded: the decoded sounds.
        originals: the originals.
        sample_rate: in Hz.
    """
    known = np.stack([descriptor(audio, sample_rate) for audio in originals])
    asked = np.stack([descriptor(audio, sample_rate) for audio in decoded])
    return np.square(asked[:, None] - known[None]).mean(axis=2).argmin(axis=1)


def score_retrieval(sounds: list[Sound], decoded: dict[str, list[np.ndarray]], sample_rate: int) -> list[dict]:
    """Return the shares of single sounds nearest to their own original and own label, per system and class.

    Args:
        sounds: the originals.
        decoded: by system, the decoded sounds.
        sample_rate: in Hz.
    """
    originals, table = [sound.audio for sound in sounds], []
    classes = np.array([class_of(sound.label) for sound in sounds])
    labels = np.array([sound.label for sound in sounds])
    for name, guesses in decoded.items():
        nearest = nearest_originals(guesses, originals, sample_rate)
        own, own_label = nearest == np.arange(len(sounds)), labels[nearest] == labels
        for of_class in sorted(set(classes)):
            mine = classes == of_class
            shares = {"own_first": own[mine].mean(), "label_first": own_label[mine].mean()}
            row = {"class": str(of_class), "system": name, "sounds": int(mine.sum())}
            table.append(row | {share: round(float(value), 4) for share, value in shares.items()})
    return table
