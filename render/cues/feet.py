"""Decide the foot of every step that leaves it open: left and right alternate, and begin again after a pause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from render.cues.cue import Cue
from render.project.characters import Character
from render.project.project import Foot

OTHER_FOOT: dict[str, Literal["L", "R"]] = {"L": "R", "R": "L"}
UNNAMED = Character()
"""The settings of characters that the project does not describe."""


def resolve_feet(cues: list[Cue], rate_hz: int, characters: Mapping[str, Character] | None = None) -> list[Cue]:
    """Replace every foot ``auto`` by ``L`` or ``R``.

    The steps of one character on one stem alternate on the timeline (by start, then by id). A stated foot counts too:
    the next ``auto`` is the other one. A toe right after a heel is of the same foot. After a pause the steps begin
    again with the character's first foot.

    Args:
        cues: the cues of a sheet, in any order.
        rate_hz: their sample rate.
        characters: the project's characters, by name; others begin with the right foot, after a pause of 2 s.

    Returns:
        The cues in the given order. Cues that are not steps are unchanged.

    Examples:
        >>> steps = [Cue(str(n), n * 24_000, "FEET", "step-wood", foot="auto") for n in (0, 1, 6)]
        >>> [step.foot for step in resolve_feet(steps, 48_000)]
        ['R', 'L', 'R']
    """
    resolved = list(cues)
    last: dict[tuple[str, str], Cue] = {}
    for index in sorted(range(len(cues)), key=lambda index: (cues[index].start_samples, cues[index].id)):
        cue = cues[index]
        if cue.foot is None:
            continue
        who = (cue.stem, cue.character)
        before = last.get(who)
        if cue.foot == "auto":
            character = (characters or {}).get(cue.character, UNNAMED)
            cue = replace(cue, foot=_next_foot(before, cue, character, rate_hz))
        last[who] = resolved[index] = cue
    return resolved


def _next_foot(before: Cue | None, cue: Cue, character: Character, rate_hz: int) -> Foot:
    """Return the foot of a step that follows the step ``before``."""
    pause_samples = character.pause_samples(rate_hz)
    if before is None or before.foot is None or cue.start_samples - before.start_samples > pause_samples:
        return character.first_foot
    return before.foot if (before.part, cue.part) == ("heel", "toe") else OTHER_FOOT[before.foot]
