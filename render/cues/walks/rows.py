"""What a row holds that becomes many cues: a walk, or a sound that follows the steps of a stem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from render.project.characters import Character


@dataclass(frozen=True, slots=True)
class Surface:
    """A preset, and where in the walk it begins, in samples from the walk's start."""

    start_samples: int
    preset: str


@dataclass(frozen=True, slots=True)
class Walk:
    """A row of the kind ``walk``. Its stem, preset, start and length are those of its cue.

    Attributes:
        gait: a key of ``GAITS``.
        cadence_spm: steps a minute; None uses the character's, or else the gait's.
        timed_by: the stem whose cues are the steps, or the audio file whose hits are; None computes their times.
        surfaces: the presets along the way, the first at 0; none uses the cue's own preset.
        slope: −1 (steeply down) to 1 (steeply up).
        start_steps, stop_steps: how many steps the walk takes to get going, and to stop; None uses the gait's.
        velocity: 0 to 1; None uses the gait's.
        end_pan: −1 to 1, the pan of the walk's end; None keeps the cue's.
    """

    gait: str
    cadence_spm: Fraction | None = None
    timed_by: str | Path | None = None
    surfaces: tuple[Surface, ...] = ()
    slope: float = 0.0
    start_steps: int | None = None
    stop_steps: int | None = None
    velocity: float | None = None
    end_pan: float | None = None


@dataclass(frozen=True, slots=True)
class Follow:
    """A row of the kind ``follow``: its preset sounds at the steps of a stem.

    Attributes:
        stem: the stem to follow.
        every: 1 follows every step, 2 every second one, and so on.
        has_pan: whether the row states a pan; otherwise each cue has the pan of its step.
    """

    stem: str
    every: int = 1
    has_pan: bool = False


@dataclass(frozen=True)
class WalkSettings:
    """How rows become many cues.

    Attributes:
        seed, take: of the project; the times and levels of steps follow from them.
        characters: the project's characters, by name.
        keep_follow: leave rows of the kind ``follow`` as they are.
        keep_walks: leave walks as they are, too; it keeps ``follow`` rows as well.
    """

    seed: int = 1
    take: int = 1
    characters: Mapping[str, Character] = field(default_factory=dict)
    keep_follow: bool = False
    keep_walks: bool = False
