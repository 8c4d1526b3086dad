"""Choose draws so that no performance sounds like one of those before it.

Every seed offers some mixtures. The performances of a row are decided one after another: each takes its first mixture
that differs enough from those remembered, or the one that differs most.

Decided like this to its end, a row never recovers from a change: a new cue changes most of the cues after it, because
each change changes the next choice. So a row of cues starts afresh at every cue whose seed is a multiple of
:data:`AFRESH_EVERY`. What was chosen before that cue is not known after it. In its place, all mixtures that the
remembered cues could have chosen count. So a choice follows from the seeds since the last fresh start, and of as many
cues before it as are remembered: a new or changed cue changes cues after it only, and none after the next fresh start
but one that remembers it. Rows of takes that are not mixed do not start afresh: they recover after a few cues.

Nothing but seeds and takes decides: not samples, blocks, or how many processes render. Distances are exact
(:func:`~presets.performance.aligned_takes.sketch_distances`), and of equal ones the first counts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from presets.performance.aligned_takes import AlignedTakes, sketch_distances
from presets.performance.draw import ALL_SHOES, candidate_weights, takes_of_shoe

LEAST_REMEMBERED = 6
"""Performances that are remembered at least."""

AFRESH_EVERY = 24
"""One in so many cues starts a row afresh: which ones, their seeds tell."""

DIFFERENT = 1.0
"""How different two performances must sound, as a share of the median distance of two takes."""

FARTHEST = 1.0
"""How far a performance may be from the takes at most, as a share of the distance of the two that differ most."""

NEVER = 1e3

SEEDS_AT_ONCE = 256
"""Performances whose mixtures are computed together: of more, the numbers would fill the memory of a long row."""

SAME_TAKE_DB = 1e-3
"""Takes that are not mixed differ by more than this distance."""


def remembered(aligned: AlignedTakes, shoe: int = ALL_SHOES, memory: int | None = None) -> int:
    """Return how many performances are remembered: ``memory``, or half the takes, at least six.

    Takes that are not mixed are remembered only while enough others are left.
    """
    takes = len(takes_of_shoe(aligned, shoe))
    last = memory if memory is not None else max(LEAST_REMEMBERED, takes // 2)
    if aligned.mixable and takes > 1:
        return last
    if takes < 3:
        return last if len(aligned.variations) else 0
    return min(last, (takes - 1) // 2)


class RowMemory:
    """Decides the performances of a row.

    Args:
        aligned: takes of the preset.
        shoe: see :class:`~presets.performance.draw.Draw`.
        memory: how many performances before each must differ from it; None for the default.

    Attributes:
        candidates: what was chosen, in the order of the row.
    """

    def __init__(self, aligned: AlignedTakes, shoe: int = ALL_SHOES, memory: int | None = None):
        self._aligned, self._shoe = aligned, shoe
        self._near = remembered(aligned, shoe, memory)
        self._by_take = not aligned.mixable and len(takes_of_shoe(aligned, shoe)) > 2
        self._enough = SAME_TAKE_DB if self._by_take else DIFFERENT * usual_distance(aligned, shoe)
        farthest = float(aligned.distances.max())
        self._most = FARTHEST * farthest if farthest and aligned.mixable else np.inf
        self._remembered: deque[np.ndarray] = deque(maxlen=self._near)  # sketches that may sound, ``[n, times, bands]``
        self._offered: deque[np.ndarray] = deque(maxlen=self._near)
        self.candidates: list[int] = []

    def decide(self, sketches: np.ndarray, pinned: bool = False, afresh: bool = False) -> int:
        """Choose a candidate for the next performance.

        Args:
            sketches: of its candidates, see :meth:`AlignedTakes.sketches`.
            pinned: take the first candidate, whatever is near.
            afresh: from here on, count all that the performances before could have chosen, not what they chose.
        """
        if afresh and not self._by_take:
            self._remembered = self._offered.copy()
        chosen = 0
        if self._remembered and not pinned:
            nearest = sketch_distances(sketches[:, None], np.concatenate(self._remembered)).min(axis=1)
            farthest = sketch_distances(sketches[:, None], self._aligned.take_sketches).max(axis=1)
            nearest = np.where(farthest <= self._most, nearest, nearest - NEVER)
            fits = nearest >= self._enough
            chosen = int(fits.argmax() if fits.any() else nearest.argmax())
        self._remembered.append(sketches[chosen : chosen + 1])
        self._offered.append(sketches[:1] if pinned else sketches)
        self.candidates.append(chosen)
        return chosen

    def sketches(self, seeds: Sequence[int]) -> np.ndarray:
        """Return the sketches of the seeds' candidates, ``[seeds, CANDIDATES, …]``."""
        weights = candidate_weights(self._aligned, seeds, self._shoe)
        if self._by_take:
            weights[..., self._aligned.takes :] = 0
        return self._aligned.sketches(weights)

    @property
    def forgetful(self) -> bool:
        """Whether nothing is remembered: then each performance is its seed's first candidate."""
        return not self._near


def choose_candidates(
    aligned: AlignedTakes,
    seeds: Sequence[int],
    shoe: int = ALL_SHOES,
    memory: int | None = None,
    pinned: Sequence[bool] = (),
) -> list[int]:
    """Return the candidate of each performance of a row that is known whole.

    Args:
        aligned: takes of the preset.
        seeds: one per performance, in the order of the row.
        shoe, memory: see :class:`RowMemory`.
        pinned: for each seed, whether its first candidate is chosen whatever is near; none by default.

    Returns:
        One index for each seed.
    """
    row = RowMemory(aligned, shoe, memory)
    if row.forgetful:
        return [0] * len(seeds)
    pins = pinned or [False] * len(seeds)
    for first in range(0, len(seeds), SEEDS_AT_ONCE):
        some = seeds[first : first + SEEDS_AT_ONCE]
        for sketches, seed, pin in zip(row.sketches(some), some, pins[first:], strict=False):
            row.decide(sketches, pin, seed % AFRESH_EVERY == 0)
    return row.candidates


def usual_distance(aligned: AlignedTakes, shoe: int = ALL_SHOES) -> float:
    """Return the median distance of two takes; of one take, that of two of its performances."""
    group = takes_of_shoe(aligned, shoe)
    distances = aligned.distances[np.ix_(group, group)]
    if len(group) == 1:
        sketches = aligned.sketches(candidate_weights(aligned, [0], shoe)[0])
        distances = sketch_distances(sketches[:, None], sketches)
    return float(np.median(distances[np.triu_indices(len(distances), 1)]))
