"""A cue and a sheet of them, whatever format they came in."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from plugin_backend.errors import CueSheetError


@dataclass(frozen=True)
class Cue:
    """One sound to make.

    Attributes:
        id: unique in its sheet.
        start_samples: from the programme's first sample, 0 or more.
        stem: where it goes.
        preset: what performs it; may be none when there is a ``source``.
        duration_samples: how long, or none for the preset's own length.
        gain_db, pan, velocity, pitch_semitones: see :data:`RANGES`.
        source: an audio file to transfer through the codec.
        seed: in place of the derived one.
        note: the editor's words.
        row: line in the sheet, for messages.
        gate: the duration is only a note's length; a hit plays on past it.
        extra: columns we do not know, as they were.
    """

    id: str
    start_samples: int
    stem: str
    preset: str | None
    duration_samples: int | None = None
    gain_db: float = 0.0
    pan: float = 0.0
    velocity: float = 1.0
    pitch_semitones: float = 0.0
    source: Path | None = None
    seed: int | None = None
    note: str = ""
    row: int = 0
    gate: bool = False
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CueSheet:
    """Cues sorted by start (then as they stood), columns we do not know, and remarks on what was not used."""

    path: Path
    cues: list[Cue]
    unknown_columns: list[str]
    remarks: list[str]


RANGES: dict[str, tuple[float, float]] = {
    "gain_db": (-120.0, 24.0),
    "pan": (-1.0, 1.0),
    "velocity": (0.0, 1.0),
    "pitch_semitones": (-48.0, 48.0),
}
LARGEST_SEED = 2**63 - 1


def check_number(field_name: str, text: str) -> float:
    """``text`` as a number within :data:`RANGES`.

    Raises:
        CueSheetError: not a number, not finite, or out of range; names the range.
    """
    low, high = RANGES[field_name]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise CueSheetError(f"'{text}' is not a number from {low:g} to {high:g}")
    return value


def check_seed(text: str) -> int:
    """``text`` as a seed.

    Raises:
        CueSheetError: not a whole number in range.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= LARGEST_SEED):
        raise CueSheetError(f"'{text}' is not a whole number from 0 to {LARGEST_SEED}")
    return int(text)
