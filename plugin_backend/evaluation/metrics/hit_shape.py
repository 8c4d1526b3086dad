"""The shape of a single hit: how fast it rises and falls, what sounds before it, and its level as a whole.

Rise and fall are those of the energy above 25 Hz, smoothed by a Gaussian of 4 ms deviation (about 10 ms long): from
the last time it was below a tenth of its peak to nine tenths, and back. Inaudible rumble would otherwise decide them:
a third of the energy of some steps on gravel lies below 25 Hz. The attack is the original's first sample within 26 dB
of its peak. Before it the loudest 2 ms (RMS) count, in dB below the loudest 2 ms of the same sound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from plugin_backend.dsp.mel import remove_rumble
from plugin_backend.evaluation.metrics.artefacts import level_db

SMOOTHING_S, STEP_S, LOW, HIGH, MARGIN_S = 0.004, 0.00025, 0.1, 0.9, 0.1
ATTACK_DB, EARLY_S, WINDOW_S, LOWEST_DB = -26.0, 0.002, 0.002, -120.0


@dataclass(frozen=True)
class HitShape:
    """The shape of a decoded hit and of its original.

    Attributes:
        rise_ms: see the module's docstring.
        original_rise_ms: of the original.
        fall_ms: see the module's docstring.
        original_fall_ms: of the original.
        early_db: sound earlier than 2 ms before the attack; ``None`` if there cannot be any.
        original_early_db: of the original.
        late_db: sound in these 2 ms.
        original_late_db: of the original.
        level_db: energy of the whole decoded hit, above 25 Hz, over that of the original.
    """

    rise_ms: float
    original_rise_ms: float
    fall_ms: float
    original_fall_ms: float
    early_db: float | None
    original_early_db: float | None
    late_db: float | None
    original_late_db: float | None
    level_db: float


def rise_and_fall_ms(audio: np.ndarray, sample_rate: int) -> tuple[float, float]:
    """Return the times from 10 to 90 % of the smoothed energy's peak, and back, in ms; ``audio`` is not silent."""
    block = round(STEP_S * sample_rate)
    margin = round(MARGIN_S * sample_rate)
    padded = np.pad(np.asarray(audio, np.float64), (margin, margin + -(audio.size + 2 * margin) % block))
    power = remove_rumble(padded, sample_rate) ** 2
    energy = gaussian_filter1d(power.reshape(-1, block).sum(axis=1), SMOOTHING_S * sample_rate / block)
    peak = int(energy.argmax())
    low, high = LOW * energy[peak], HIGH * energy[peak]
    up = np.flatnonzero(energy[:peak] < high)[-1] + 1
    begin = np.flatnonzero(energy[:up] < low)[-1]
    down = peak + np.flatnonzero(energy[peak:] < high)[0]
    end = down + np.flatnonzero(energy[down:] < low)[0]
    rise, fall = (1000 * block / sample_rate * steps for steps in (float(up - begin), float(end - down)))
    return rise, fall


def attack_of(audio: np.ndarray) -> int:
    """Return the first sample within 26 dB of the peak."""
    size = np.abs(audio)
    return int(np.argmax(size >= size.max() * 10 ** (ATTACK_DB / 20)))


def _loudest(audio: np.ndarray, window: int) -> float | None:
    """Return the largest RMS of ``window`` samples, or of all if there are fewer; ``None`` for none."""
    if not audio.size:
        return None
    window = min(window, audio.size)
    energy = np.concatenate([[0.0], np.square(audio, dtype=np.float64).cumsum()])
    return float(np.sqrt(max((energy[window:] - energy[:-window]).max(), 0.0) / window))


def _before_db(audio: np.ndarray, attack: int, sample_rate: int) -> tuple[float | None, float | None]:
    """Return the level earlier than 2 ms before ``attack``, and in these 2 ms, in dB below the loudest 2 ms."""
    window, lead = round(WINDOW_S * sample_rate), attack - round(EARLY_S * sample_rate)
    loudest = max(_loudest(audio, window) or 0.0, 1e-9)
    parts = (audio[: max(lead, 0)], audio[max(lead, 0) : attack])
    levels = [_loudest(part, window) for part in parts]
    ratios = (None if level is None else max(level / loudest, 1e-9) for level in levels)
    early, late = (None if ratio is None else max(LOWEST_DB, 20 * np.log10(ratio)) for ratio in ratios)
    return early, late


def hit_shape(guess: np.ndarray, truth: np.ndarray, sample_rate: int) -> HitShape | None:
    """Compare a decoded hit with its original, both ``[samples]`` and aligned; ``None`` if either is silent.

    Args:
        guess: the decoded sound, ``[samples]``.
        truth: the original, aligned and equally long.
        sample_rate: in Hz.
    """
    if not (np.any(guess) and np.any(truth)):
        return None
    attack = attack_of(truth)
    rise, fall = rise_and_fall_ms(guess, sample_rate)
    original_rise, original_fall = rise_and_fall_ms(truth, sample_rate)
    early, late = _before_db(guess, attack, sample_rate)
    original_early, original_late = _before_db(truth, attack, sample_rate)
    level = level_db(guess, truth, sample_rate) or 0.0
    return HitShape(rise, original_rise, fall, original_fall, early, original_early, late, original_late, level)
