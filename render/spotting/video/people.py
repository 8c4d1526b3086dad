"""Follow the people of a film from frame to frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from render.spotting.video.pose_network import Body, PoseNetwork, Region, overlap

MOST_PEOPLE = 4
PRESENT = 0.5
SEARCH_S = 0.25
"""New people are looked for so often, and three times as often while someone is lost."""
LOST_S = 0.5
"""A person who is not seen for longer has left."""
SAME, NEW = 0.6, 0.3
"""Regions that overlap more than this are one person; less than that, two."""
STEADY = 0.6
"""Share of the new region in the next frame's: regions that jump make landmarks jump."""
MOST_REGIONS = 2
"""So many moving regions are searched for people, each enlarged."""


@dataclass(frozen=True)
class _Person:
    """Someone who is followed: number, where to look, and for how many frames nobody was seen there."""

    number: int
    region: Region
    missed: int = 0


class PeopleTracker:
    """Find and follow up to four people.

    Args:
        network: the networks.
        rate_hz: frames a second.
        state: of an earlier tracker, to continue from.
    """

    def __init__(self, network: PoseNetwork, rate_hz: float, state: list[list[float]] | None = None):
        self._network, self._rate_hz = network, rate_hz
        numbers, *people = state or [[1]]
        self._next = int(numbers[0])
        self._people = [_Person(int(row[0]), Region(*row[1:5]), int(row[5])) for row in people]

    @property
    def state(self) -> list[list[float]]:
        """The next person's number, and a row for each person."""
        rows = [[one.number, *vars(one.region).values(), one.missed] for one in self._people]
        return [[self._next], *rows]

    def forget(self) -> None:
        """Begin again, at a cut."""
        self._people = []

    def follow(self, number: int, picture: np.ndarray, moving: Iterable[tuple[int, int, int, int]]) -> dict[int, Body]:
        """Return the people in a frame, by their number.

        Args:
            number: of the frame.
            picture: RGB ``[height, width, 3]`` uint8.
            moving: where something moves: left, top, right, bottom in pixels, the largest first.
        """
        bodies: dict[int, Body] = {}
        people: list[_Person] = []
        for person in self._people:
            body = self._network.read(picture, person.region)
            twin = any(overlap(body.region, other.region) > SAME for other in people)
            if body.presence >= PRESENT and not twin:
                bodies[person.number] = body
                people.append(_Person(person.number, _steadied(person.region, body.region)))
            elif person.missed < LOST_S * self._rate_hz and not twin:
                people.append(replace(person, missed=person.missed + 1))
        self._people = people
        often = any(one.missed for one in people)
        if (
            number % max(1, round((SEARCH_S / 3 if often else SEARCH_S) * self._rate_hz)) == 0
            and len(people) < MOST_PEOPLE
        ):
            self._search(picture, moving, bodies)
        return bodies

    def _search(
        self, picture: np.ndarray, moving: Iterable[tuple[int, int, int, int]], bodies: dict[int, Body]
    ) -> None:
        """Add new people: in the whole picture, then in the regions that move and show nobody."""
        found = self._network.detect(picture)
        free = [box for box in moving if not self._covers(box)]
        for box in free[:MOST_REGIONS]:
            left, top, right, bottom = _square(box, picture.shape)
            found += self._network.detect(picture[top:bottom, left:right], left, top)
        for _, region in found:
            near = [one for one in self._people if overlap(one.region, region) > NEW]
            if len(self._people) >= MOST_PEOPLE or any(not one.missed for one in near):
                continue
            body = self._network.read(picture, region)
            if body.presence < PRESENT or any(
                overlap(one.region, body.region) > NEW for one in self._people if not one.missed
            ):
                continue
            self._people = [one for one in self._people if one not in near]
            number = near[0].number if near else self._next
            self._next += not near
            self._people.append(_Person(number, body.region))
            bodies[number] = body

    def _covers(self, box: tuple[int, int, int, int]) -> bool:
        """Return whether the middle of a box lies in the region of someone who is followed."""
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        return any(max(abs(x - one.region.x), abs(y - one.region.y)) < one.region.side / 2 for one in self._people)


def _steadied(old: Region, new: Region) -> Region:
    turn = (new.angle - old.angle + np.pi) % (2 * np.pi) - np.pi
    return Region(
        old.x + STEADY * (new.x - old.x),
        old.y + STEADY * (new.y - old.y),
        old.side + STEADY * (new.side - old.side),
        old.angle + STEADY * turn,
    )


def _square(box: tuple[int, int, int, int], shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return a square around a box, twice as large as its longer side, cut at the picture's edges."""
    height, width = shape[:2]
    half = max(box[2] - box[0], box[3] - box[1], height // 8)
    x, y = (box[0] + box[2]) // 2, (box[1] + box[3]) // 2
    return max(0, x - half), max(0, y - half), min(width, x + half), min(height, y + half)
