"""The steps of one walk as cues."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal, cast

from render.cues.cue import Cue
from render.cues.feet import OTHER_FOOT, UNNAMED
from render.cues.walks.follow_steps import joined_offset, step_seed
from render.cues.walks.gaits import GAITS
from render.cues.walks.rows import Surface, Walk, WalkSettings
from render.cues.walks.step_timing import Pace, step_levels, step_parts, step_positions
from render.cues.walks.surfaces import surface_at
from render.project.characters import Character, exact

SOFTEST = 0.05
"""The lowest velocity of a step; the square of it is 52 dB below full."""


@dataclass(frozen=True, slots=True)
class Beat:
    """A step whose time is given: by a cue of another stem, or a hit of a guide track.

    Attributes:
        start_samples: from the programme's start.
        velocity: 0 to 1.
        foot: the foot of that cue, if it states one.
        offset_samples: the offset of that cue, if it states one.
    """

    start_samples: int
    velocity: float
    foot: Literal["L", "R", "auto"] | None = None
    offset_samples: int | None = None


def walk_cues(row: Cue, settings: WalkSettings, rate_hz: int, most: int, beats: list[Beat] | None) -> list[Cue]:
    """Return the steps of a walk, called ``WALK.1``, ``WALK.2`` and so on.

    Args:
        row: a row of the kind ``walk``.
        settings: the project's seed, take and characters.
        rate_hz: sample rate.
        most: the largest number of steps.
        beats: the times of its steps, by start; None computes them from gait and cadence.

    Raises:
        CueSheetError: more than ``most`` steps.
    """
    walk = cast(Walk, row.becomes)
    pace = pace_of(row, settings)
    length_samples = cast(int, row.duration_samples)
    if beats is None:
        positions = step_positions(pace, length_samples, rate_hz, most).tolist()
    else:
        pace = replace(pace, start_steps=0, stop_steps=0)
        positions = [beat.start_samples - row.start_samples for beat in beats]
    velocities, efforts = step_levels(pace, len(positions))
    parts = step_parts(pace, len(positions))
    on_feet, foot = pace.gait.on_feet, pace.first_foot
    usual_velocity = pace.gait.velocity / 1000 if walk.velocity is None else walk.velocity
    usual_effort = usual_velocity if row.effort is None else row.effort
    surfaces = walk.surfaces or (Surface(0, row.preset or ""),)
    cues = []
    for index, position in enumerate(positions):
        beat = beats[index] if beats else Beat(row.start_samples + position, 1.0)
        own: dict[str, Any] = {
            "id": f"{row.id}.{index + 1}",
            "start_samples": beat.start_samples,
            "preset": surface_at(surfaces, position).preset or None,
            "velocity": _between(SOFTEST, usual_velocity * beat.velocity * int(velocities[index]) / 1000),
            "effort": _between(0.0, usual_effort * beat.velocity * int(efforts[index]) / 1000),
            "foot": (_given_foot(beat, row, index) if beats else foot) if on_feet else None,
            "part": row.part or parts[index],
            "offset_samples": joined_offset(row.offset_samples, beat.offset_samples),
            "note": row.note if index == 0 else "",
            "seed": None if row.seed is None else step_seed(row.seed, index + 1),
        }
        if walk.end_pan is not None:
            own["pan"] = round(row.pan + (walk.end_pan - row.pan) * position / length_samples, 3)
        cues.append(replace(row, duration_samples=None, becomes=None, **own))
        foot = OTHER_FOOT[foot]
    return cues


def _given_foot(beat: Beat, row: Cue, index: int) -> str:
    """Return the foot of a step whose time is given. Its steps may have pauses, so ``auto`` decides."""
    return beat.foot or (index == 0 and row.foot) or "auto"


def _between(low: float, value: float) -> float:
    return round(min(1.0, max(low, value)), 3)


def pace_of(row: Cue, settings: WalkSettings) -> Pace:
    """Return how a walk goes: its own settings, else its character's, else its gait's."""
    walk = cast(Walk, row.becomes)
    gait, character = GAITS[walk.gait], settings.characters.get(row.character, UNNAMED)
    return Pace(
        gait=gait,
        cadence_spm=walk.cadence_spm or _own_cadence(character) or Fraction(gait.cadence_spm),
        key=walk_key(row, settings),
        first_foot=row.foot if row.foot in ("L", "R") else character.first_foot,
        asymmetry=_asymmetry(character, gait.asymmetry) if gait.on_feet else 0,
        start_steps=gait.start_steps if walk.start_steps is None else walk.start_steps,
        stop_steps=gait.stop_steps if walk.stop_steps is None else walk.stop_steps,
        slope=round(1000 * walk.slope),
    )


def _own_cadence(character: Character) -> Fraction | None:
    return None if character.cadence_spm is None else exact(character.cadence_spm)


def _asymmetry(character: Character, usual: int) -> int:
    return usual if character.asymmetry is None else round(1000 * character.asymmetry)


def walk_key(row: Cue, settings: WalkSettings) -> bytes:
    """Return what a walk's random numbers follow from: its own seed, or else project seed, take and id."""
    own = f"{settings.seed}\0{settings.take}\0{row.id}" if row.seed is None else f"\0{row.seed}"
    return hashlib.blake2b(f"walk\0{own}".encode("utf-8", "surrogatepass"), digest_size=32).digest()
