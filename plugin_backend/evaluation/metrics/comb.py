"""Measure whether a sound buzzes at a model's frame rate.

A decoder that computes one pattern per frame repeats it, and what repeats every frame is a comb: steady tones at the
multiples of the frame rate. A long spectrum shows it. The power at every multiple (three bins of Hann windows of about
two seconds, a whole number of frames long, so that each multiple is a bin) is compared with that of controls between
the multiples. The control of a multiple is the geometric mean of the mean power from 1/8 to 3/8 of the rate below it
and above it, so that a spectrum that only slopes has no comb. White noise has 0 dB.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WINDOW_S, LEAST_FRAMES = 2.0, 16
NEAREST_SHARE, FARTHEST_SHARE = 1 / 8, 3 / 8
BINS = 3
LOWEST_DB = -90.0
OWN = "own"
RATES = {OWN: 1.0, "half": 0.5, "double": 2.0, "fourfold": 4.0, "eightfold": 8.0}
"""The combs that are measured, relative to the latents' frame rate: a decoder may work at another rate."""


@dataclass(frozen=True)
class Comb:
    """A comb in a sound, in dB.

    Attributes:
        over_controls_db: the energy at all multiples over that of all controls.
        each_db: the same for each multiple, averaged in dB. It shows a faint comb over the whole spectrum, which the
            loudest multiples hide in the other number.
        share_db: the energy of the multiples above the controls, over that of the whole sound; at least −90.
    """

    over_controls_db: float
    each_db: float
    share_db: float


def combs(audio: np.ndarray, sample_rate: int, hop_samples: int) -> dict[str, Comb] | None:
    """Return the combs in a sound, at the rates of :data:`RATES`.

    Args:
        audio: ``[samples]``.
        sample_rate: in Hz.
        hop_samples: of the model's latents; the frame rate is ``sample_rate / hop_samples`` Hz.

    Returns:
        Combs by name of the rate; ``None`` for silence and for sounds shorter than 16 frames.
    """
    frames = min(round(WINDOW_S * sample_rate), audio.size) // hop_samples // 2 * 2
    if frames < LEAST_FRAMES or not np.any(audio):
        return None
    size = frames * hop_samples
    window = np.hanning(size + 1)[:-1]
    pieces = np.lib.stride_tricks.sliding_window_view(np.asarray(audio, np.float64), size)[:: size // 2]
    power = np.mean([np.abs(np.fft.rfft(piece * window)) ** 2 for piece in pieces], axis=0)
    return {name: _comb(power, round(frames * rate)) for name, rate in RATES.items()}


def _comb(power: np.ndarray, spacing: int) -> Comb:
    """Return the comb of every ``spacing`` bins in a power spectrum ``[bins]``."""
    multiples = np.arange(spacing, power.size - spacing, spacing)
    running, floor = np.concatenate([[0.0], power.cumsum()]), power.max() * 1e-20

    def mean(first: np.ndarray, last: np.ndarray) -> np.ndarray:
        return np.maximum((running[last + 1] - running[first]) / (last + 1 - first), floor)

    at = mean(multiples - BINS // 2, multiples + BINS // 2)
    near, far = max(BINS, round(NEAREST_SHARE * spacing)), max(BINS, round(FARTHEST_SHARE * spacing))
    controls = np.sqrt(mean(multiples - far, multiples - near) * mean(multiples + near, multiples + far))
    excess = BINS * float((at - controls).sum()) / float(power.sum())
    return Comb(
        over_controls_db=float(10 * np.log10(at.sum() / controls.sum())),
        each_db=float(10 * np.log10(at / controls).mean()),
        share_db=max(LOWEST_DB, float(10 * np.log10(max(excess, 1e-30)))),
    )
