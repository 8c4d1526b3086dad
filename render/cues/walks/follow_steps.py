"""The cues of a row that follows a stem: cloth that brushes at each step."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import cast

from render.cues.cue import Cue
from render.cues.walks.rows import Follow


def follow_cues(row: Cue, steps: list[Cue]) -> list[Cue]:
    """Return a cue of the row's preset at the steps.

    A row with a character follows this character's steps only. Each cue is as strong as its step: its velocity is the
    row's times the step's effort. An offset of the row counts from where the step sounds.

    Args:
        row: a row of the kind ``follow``.
        steps: the cues of the stem that it follows, within the row, by start.

    Returns:
        The cues, called ``ROW.1``, ``ROW.2`` and so on.
    """
    follow = cast(Follow, row.becomes)
    followed = [step for step in steps if row.character in ("", step.character)][:: follow.every]
    return [_cue(row, step, number, follow) for number, step in enumerate(followed, 1)]


def _cue(row: Cue, step: Cue, number: int, follow: Follow) -> Cue:
    effort = step.velocity if step.effort is None else step.effort
    return replace(
        row,
        id=f"{row.id}.{number}",
        start_samples=step.start_samples,
        duration_samples=None,
        pan=row.pan if follow.has_pan else step.pan,
        velocity=round(row.velocity * effort, 3),
        effort=round(effort, 3) if row.effort is None else row.effort,
        seed=None if row.seed is None else step_seed(row.seed, number),
        note=row.note if number == 1 else "",
        character=step.character,
        offset_samples=joined_offset(row.offset_samples, step.offset_samples),
        becomes=None,
    )


def joined_offset(own: int | None, followed: int | None) -> int | None:
    """Return the offset of a cue that follows another: the sum of the stated ones, or None if none is stated."""
    return None if own is None and followed is None else (own or 0) + (followed or 0)


def step_seed(row_seed: int, number: int) -> int:
    """Return the seed of a cue of a row that has a seed of its own, by BLAKE2b; 63 bits."""
    text = f"step\0{row_seed}\0{number}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 1
