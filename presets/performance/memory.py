"""Choose draws so that no performance sounds like one of those near it.

Every seed offers some mixtures. The performances of a row are decided one after another: each takes its first mixture
that differs enough from those already decided near it, or the one that differs most. A row that is known whole, such
as the cues of a sheet, is decided in an order that the seeds give. Then a new or changed cue changes only some cues
near it, however long the row is. A row that grows, as in live playing, is decided from its beginning.

Nothing but seeds and takes decides: not samples, blocks, or how many processes render.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from presets.performance.aligned_takes import AlignedTakes, sketch_distances
from presets.performance.draw import ALL_SHOES, candidate_weights, takes_of_shoe

LEAST_REMEMBERED = 6
"""Performances that are remembered at least."""

DIFFERENT = 1.0
"""How different two performances must sound, as a share of the median distance of two takes."""

FARTHEST = 1.0
"""How far a performance may be from the takes at most, as a share of the distance of the two that differ most."""

NEVER = 1e3

SAME_TAKE_DB = 1e-3
"""Takes that are not mixed differ by more than this distance."""


def remembered(aligned: AlignedTakes, shoe: int = ALL_SHOES, memory: int | None = None) -> int:
    """Return how many performances are remembered: ``memory``, or half the takes, at least six.

    Takes that are not mixed are remembered only while another one is left, whatever lies before and after.
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
        memory: how many performances before and after each must differ from it; None for the default.

    Attributes:
        candidates: index in the row → what was chosen.
    """

    def __init__(self, aligned: AlignedTakes, shoe: int = ALL_SHOES, memory: int | None = None):
        self._aligned, self._shoe = aligned, shoe
        self._near = remembered(aligned, shoe, memory)
        self._by_take = not aligned.mixable and len(takes_of_shoe(aligned, shoe)) > 2
        self._enough = SAME_TAKE_DB if self._by_take else DIFFERENT * usual_distance(aligned, shoe)
        farthest = float(aligned.distances.max())
        self._most = FARTHEST * farthest if farthest and aligned.mixable else np.inf
        self._sketches: dict[int, np.ndarray] = {}
        self.candidates: dict[int, int] = {}

    def decide(self, index: int, sketches: np.ndarray, pinned: bool = False) -> int:
        """Choose a candidate for one performance.

        Args:
            index: its place in the row.
            sketches: of its candidates, see :meth:`AlignedTakes.sketches`.
            pinned: take the first candidate, whatever is near.
        """
        around = range(index - self._near, index + self._near + 1)
        decided = [self._sketches[other] for other in around if other in self._sketches]
        chosen = 0
        if decided and not pinned:
            nearest = sketch_distances(sketches[:, None], np.stack(decided)).min(axis=1)
            farthest = sketch_distances(sketches[:, None], self._aligned.take_sketches).max(axis=1)
            nearest = np.where(farthest <= self._most, nearest, nearest - NEVER)
            fits = nearest >= self._enough
            chosen = int(fits.argmax() if fits.any() else nearest.argmax())
        self._sketches[index], self.candidates[index] = sketches[chosen], chosen
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
        seeds: one per performance, in the order of the row; they also give the order in which it is decided.
        shoe, memory: see :class:`RowMemory`.
        pinned: for each seed, whether its first candidate is chosen whatever is near; none by default.

    Returns:
        One index for each seed.
    """
    row = RowMemory(aligned, shoe, memory)
    if row.forgetful:
        return [0] * len(seeds)
    pins = pinned or [False] * len(seeds)
    sketches = row.sketches(seeds)
    order = sorted(range(len(seeds)), key=lambda index: (not pins[index], seeds[index], index))
    for index in order:
        row.decide(index, sketches[index], pins[index])
    return [row.candidates[index] for index in range(len(seeds))]


def usual_distance(aligned: AlignedTakes, shoe: int = ALL_SHOES) -> float:
    """Return the median distance of two takes; of one take, that of two of its performances."""
    group = takes_of_shoe(aligned, shoe)
    distances = aligned.distances[np.ix_(group, group)]
    if len(group) == 1:
        sketches = aligned.sketches(candidate_weights(aligned, [0], shoe)[0])
        distances = sketch_distances(sketches[:, None], sketches)
    return float(np.median(distances[np.triu_indices(len(distances), 1)]))
