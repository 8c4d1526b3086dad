"""Modes as rows of numbers, and what the controls make of them.

A row is one decaying sinusoid, ``level · 10^(−3 t / decay) · cos(2π · frequency · t + phase)`` from its onset on, for
good or until it is struck anew. A preset keeps ``[modes, 6]`` float32 for each take, in the order of :data:`COLUMNS`.
A row of decay 0 is a grain of a tone that is bowed or scraped rather than struck: it swells and fades (a Hann window).
"""

from __future__ import annotations

import math

import numpy as np

from plugin_backend.parameters import Parameter, table

COLUMNS = table(
    Parameter("onset_samples", 0, 2**24, 0, "samples", "The take's decoded sample it begins at."),
    Parameter("frequency_hz", 20, 24_000, 1_000, "Hz", "Its frequency."),
    Parameter("decay_s", 0, 120, 1, "s", "How long it takes to fall by 60 dB; 0 of a grain."),
    Parameter("level", 0, 16, 0, "", "Its amplitude at the onset, 1 being full scale."),
    Parameter("phase", -math.pi, math.pi, 0, "rad", "Of its cosine at the onset."),
    Parameter("length_samples", 0, 2**20, 0, "samples", "How long it sounds; 0 is for good."),
)
ONSET, FREQUENCY, DECAY, LEVEL, PHASE, LENGTH = range(len(COLUMNS))

MAX_MODES = 4096
"""Rows of one take: 64 struck modes, or grains of four tones over ten seconds."""

STRIKE_DB = 12.0
MIN_DECAY_S = 0.005
HIGHEST_SHARE = 0.49
"""Of the sample rate; modes above are left out."""


def no_modes() -> np.ndarray:
    """An empty table, ``[0, 6]`` float32."""
    return np.zeros((0, len(COLUMNS)), np.float32)


def find_problem(rows: np.ndarray) -> str | None:
    """What is wrong with a table of modes that came from a file; ``None`` if it can be used."""
    if rows.ndim != 2 or rows.shape[1] != len(COLUMNS):
        return f"modes of shape {rows.shape}; need [modes, {len(COLUMNS)}]"
    if len(rows) > MAX_MODES:
        return f"{len(rows)} modes; at most {MAX_MODES} can be used"
    grains = rows[:, DECAY] == 0
    if (wrong := ~grains & (rows[:, DECAY] < MIN_DECAY_S)).any() or (grains & (rows[:, LENGTH] == 0)).any():
        told = rows[wrong, DECAY][0] if wrong.any() else 0
        return f"a mode's decay_s is {told:g}; from {MIN_DECAY_S:g} s on, or 0 of a grain that has a length"
    for column, row in zip(rows.T.astype(np.float32), COLUMNS.values(), strict=True):
        wrong = ~((column >= np.float32(row.low)) & (column <= np.float32(row.high)))  # which NaN is not
        if wrong.any():
            return f"a mode's {row.name} is {column[wrong][0]:g}; {row.low:g} to {row.high:g} can be used"
    return None


def apply_controls(rows: np.ndarray, controls: dict[str, float], seed: int) -> np.ndarray:
    """The modes of one strike, by the controls, ``[modes, 6]`` float64.

    Args:
        rows: a take's.
        controls: a value for each of :data:`~plugin_backend.modes.parameters.CONTROLS`.
        seed: decides how the levels vary; the same seed, the same levels.
    """
    made = rows.astype(np.float64)
    struck = made[:, DECAY] > 0
    made[:, FREQUENCY] *= 2 ** (controls["pitch_semitones"] / 12) / controls["size"]
    made[struck, DECAY] *= controls["size"] / controls["damping"]
    made[struck, DECAY] = np.maximum(made[struck, DECAY], MIN_DECAY_S)
    gain_db = np.full(len(made), float(controls["gain_db"]))
    if controls["strike"]:
        gain_db += controls["strike"] * STRIKE_DB * _varied(rows[:, FREQUENCY], seed)
    made[:, LEVEL] *= 10 ** (gain_db / 20)
    return made


def _varied(frequency_hz: np.ndarray, seed: int) -> np.ndarray:
    """Normal numbers that are alike for frequencies alike: where a thing is struck decides how much of each."""
    lowest = COLUMNS["frequency_hz"].low
    semitones = 12 * np.log2(np.clip(frequency_hz, lowest, None) / lowest)
    grid = np.random.default_rng([seed, 2]).standard_normal(2 + int(semitones.max(initial=0)))
    below = np.floor(semitones).astype(int)
    share = semitones - below
    return ((1 - share) * grid[below] + share * grid[below + 1]) / np.sqrt((1 - share) ** 2 + share**2)


def clip_to_bounds(rows: np.ndarray) -> np.ndarray:
    """The modes as they can be kept, ``[modes, 6]`` float32: those too high, too low or silent left out."""
    low, high = COLUMNS["frequency_hz"].low, COLUMNS["frequency_hz"].high
    rows = rows[(rows[:, FREQUENCY] >= low) & (rows[:, FREQUENCY] <= high) & (rows[:, LEVEL] > 0)]
    ends = [(row.low, row.high) for row in COLUMNS.values()]
    return np.clip(rows, *np.array(ends).T).astype(np.float32)[:MAX_MODES]


def resample_modes(rows: np.ndarray, old_hz: int, new_hz: int) -> np.ndarray:
    """The modes with their onsets and lengths in samples of another rate, ``[modes, 6]`` float32."""
    moved = rows.astype(np.float64)
    moved[:, [ONSET, LENGTH]] = np.rint(moved[:, [ONSET, LENGTH]] * new_hz / old_hz)
    return moved.astype(np.float32)
