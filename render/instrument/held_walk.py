"""A walk that goes on while a key is held: where each step lands, how hard, with which foot and which part of it."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from typing import Literal, NamedTuple

from presets.performance.draw import WHOLE
from render.cues.feet import OTHER_FOOT
from render.cues.walks.gaits import GAITS
from render.cues.walks.step_timing import Pace, step_levels, step_parts, step_positions
from render.cues.walks.walk_steps import SOFTEST
from render.plan.choose_draws import FEET
from render.project.timecode import round_half_up

UNIT_SPM = 60
"""The cadence at which steps are laid out before they are scaled to the one that is played."""

FIRST_STEPS, MOST_STEPS = 256, 1_000_000
"""How many steps are laid out at first, and at most; when they are used up, twice as many are laid out."""


class Step(NamedTuple):
    """One step of a held walk.

    Attributes:
        at_samples: where it lands.
        velocity: 0.05 … 1, of its level.
        effort: 0 … 1, of its timbre.
        foot: 1 right, −1 left, 0 neither.
        part: of the foot.
    """

    at_samples: int
    velocity: float
    effort: float
    foot: int = 0
    part: str = WHOLE


class HeldWalk:
    """The steps of one held key, one after another. The first lands where the key goes down.

    The same key and the same cadences at the same steps give the same walk. Intervals and levels vary as those of a
    walk in a cue sheet; see :mod:`render.cues.walks.gaits`.

    Args:
        start_samples: where the key goes down.
        key: what its random numbers follow from.
        rate_hz: sample rate.
        velocity: of the key, 0 … 1.
        gait: of :data:`~render.cues.walks.gaits.GAITS`.
        first_foot: of the first step.

    Attributes:
        next_samples: where the next step lands.
        ended: whether the key was released.
    """

    def __init__(
        self,
        start_samples: int,
        key: str,
        rate_hz: int,
        velocity: float,
        gait: str = "walk",
        first_foot: Literal["L", "R"] = "R",
    ):
        row = GAITS[gait]
        digest = hashlib.blake2b(f"held walk\0{key}".encode("utf-8", "surrogatepass"), digest_size=32).digest()
        asymmetry = row.asymmetry if row.on_feet else 0
        self._pace = Pace(row, Fraction(UNIT_SPM), digest, first_foot, asymmetry, row.start_steps, 0, 0)
        self._rate_hz, self._velocity = rate_hz, velocity
        self.next_samples, self.ended = start_samples, False
        self._taken, self._foot = 0, first_foot
        self._lay_out(FIRST_STEPS)

    def _lay_out(self, steps: int) -> None:
        """Lay out the first ``steps`` steps; a longer walk begins with the same ones."""
        length_samples = 2 * steps * self._rate_hz * 60 // UNIT_SPM
        self._positions = step_positions(self._pace, length_samples, self._rate_hz, MOST_STEPS).tolist()
        steps = min(steps, len(self._positions) - 1)
        velocities, efforts = step_levels(self._pace, steps)
        self._levels = list(zip(velocities.tolist(), efforts.tolist(), step_parts(self._pace, steps), strict=True))

    def next_step(self, effort: float) -> Step:
        """Return the step at ``next_samples``.

        Args:
            effort: 0 … 1, how hard it is.
        """
        velocity_share, effort_share, part = self._levels[self._taken]
        hard = self._velocity * effort / 1000
        return Step(
            self.next_samples,
            min(1.0, max(SOFTEST, hard * velocity_share)),
            min(1.0, hard * effort_share),
            FEET[self._foot] if self._pace.gait.on_feet else 0,
            part or WHOLE,
        )

    def go_on(self, cadence_spm: float) -> None:
        """Go on to the next step.

        Args:
            cadence_spm: steps a minute between the two.
        """
        interval = self._positions[self._taken + 1] - self._positions[self._taken]
        self.next_samples += max(1, round_half_up(interval * UNIT_SPM / Fraction(cadence_spm)))
        self._foot = OTHER_FOOT[self._foot]
        self._taken += 1
        if self._taken == len(self._levels):
            self._lay_out(2 * self._taken)
