"""Modes as rows of numbers, and how the controls change them.

A row is one decaying sinusoid, ``level · 10^(−3 t / decay) · cos(2π · frequency · t + phase)`` from its onset on. It
sounds without end or until the next strike. A preset stores ``[modes, 6]`` float32 for each take, in the order of
:data:`COLUMNS`. A row with decay 0 is a grain of a bowed or scraped tone: it rises and falls in a Hann window.
"""

from __future__ import annotations

import math

import numpy as np

from plugin_backend.parameters import Parameter, table

COLUMNS = table(
    Parameter("onset_samples", 0, 2**24, 0, "samples", "Sample of the decoded take at which it begins."),
    Parameter("frequency_hz", 20, 24_000, 1_000, "Hz", "Its frequency."),
    Parameter("decay_s", 0, 120, 1, "s", "Time to fall by 60 dB; 0 for a grain."),
    Parameter("level", 0, 16, 0, "", "Amplitude at the onset; 1 is full scale."),
    Parameter("phase", -math.pi, math.pi, 0, "rad", "Phase of its cosine at the onset."),
    Parameter("length_samples", 0, 2**20, 0, "samples", "Length; 0 means no end."),
)
ONSET, FREQUENCY, DECAY, LEVEL, PHASE, LENGTH = range(len(COLUMNS))

MAX_MODES = 4096
"""Maximum number of rows of one take: 64 struck modes, or grains of four tones over ten seconds."""

STRIKE_DB = 12.0
MIN_DECAY_S = 0.005
HIGHEST_SHARE = 0.49
"""Modes above this share of the sample rate are left out."""


def no_modes() -> np.ndarray:
    """Return an empty table, ``[0, 6]`` float32."""
    return np.zeros((0, len(COLUMNS)), np.float32)


def find_problem(rows: np.ndarray) -> str | None:
    """Return what is wrong with a table of modes from a file; ``None`` if it can be used."""
    if rows.ndim != 2 or rows.shape[1] != len(COLUMNS):
        return f"modes of shape {rows.shape}; need [modes, {len(COLUMNS)}]"
    if len(rows) > MAX_MODES:
        return f"{len(rows)} modes; at most {MAX_MODES} can be used"
    grains = rows[:, DECAY] == 0
    if (wrong := ~grains & (rows[:, DECAY] < MIN_DECAY_S)).any() or (grains & (rows[:, LENGTH] == 0)).any():
        decay_s = rows[wrong, DECAY][0] if wrong.any() else 0
        return f"a mode's decay_s is {decay_s:g}; from {MIN_DECAY_S:g} s on, or 0 of a grain that has a length"
    for column, row in zip(rows.T.astype(np.float32), COLUMNS.values(), strict=True):
        outside = ~((column >= np.float32(row.low)) & (column <= np.float32(row.high)))  # NaN is outside
        if outside.any():
            return f"a mode's {row.name} is {column[outside][0]:g}; {row.low:g} to {row.high:g} can be used"
    return None


def apply_controls(rows: np.ndarray, controls: dict[str, float], seed: int) -> np.ndarray:
    """Apply the controls to the modes of one strike. Return ``[modes, 6]`` float64.

    Args:
        rows: modes of a take, ``[modes, 6]``.
        controls: a value for each of :data:`~plugin_backend.modes.parameters.CONTROLS`.
        seed: determines how the levels vary. Equal seeds give equal levels.
    """
    adjusted = rows.astype(np.float64)
    struck = adjusted[:, DECAY] > 0
    adjusted[:, FREQUENCY] *= 2 ** (controls["pitch_semitones"] / 12) / controls["size"]
    adjusted[struck, DECAY] *= controls["size"] / controls["damping"]
    adjusted[struck, DECAY] = np.maximum(adjusted[struck, DECAY], MIN_DECAY_S)
    gain_db = np.full(len(adjusted), float(controls["gain_db"]))
    if controls["strike"]:
        gain_db += controls["strike"] * STRIKE_DB * _level_variation(rows[:, FREQUENCY], seed)
    adjusted[:, LEVEL] *= 10 ** (gain_db / 20)
    return adjusted


def _level_variation(frequency_hz: np.ndarray, seed: int) -> np.ndarray:
    """Return normal random numbers that are similar for similar frequencies, because the struck point decides each
    mode's level.
    """
    lowest = COLUMNS["frequency_hz"].low
    semitones = 12 * np.log2(np.clip(frequency_hz, lowest, None) / lowest)
    grid = np.random.default_rng([seed, 2]).standard_normal(2 + int(semitones.max(initial=0)))
    below = np.floor(semitones).astype(int)
    share = semitones - below
    return ((1 - share) * grid[below] + share * grid[below + 1]) / np.sqrt((1 - share) ** 2 + share**2)


def clip_to_bounds(rows: np.ndarray) -> np.ndarray:
    """Return modes that can be stored, ``[modes, 6]`` float32, without those that are too high, too low or silent."""
    low, high = COLUMNS["frequency_hz"].low, COLUMNS["frequency_hz"].high
    rows = rows[(rows[:, FREQUENCY] >= low) & (rows[:, FREQUENCY] <= high) & (rows[:, LEVEL] > 0)]
    ends = [(row.low, row.high) for row in COLUMNS.values()]
    return np.clip(rows, *np.array(ends).T).astype(np.float32)[:MAX_MODES]


def resample_modes(rows: np.ndarray, old_hz: int, new_hz: int) -> np.ndarray:
    """Return the modes with onsets and lengths in samples of another rate, ``[modes, 6]`` float32.

    Args:
        rows: modes ``[modes, 6]``.
        old_hz: their sample rate.
        new_hz: the new sample rate.
    """
    resampled = rows.astype(np.float64)
    resampled[:, [ONSET, LENGTH]] = np.rint(resampled[:, [ONSET, LENGTH]] * new_hz / old_hz)
    return resampled.astype(np.float32)
