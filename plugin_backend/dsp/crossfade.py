"""One thing takes another's place, cross-faded: never more than two at once, and every fade whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np


def raised_cosine(share: np.ndarray) -> np.ndarray:
    """A raised cosine from 0 at 0 to 1 at 1, and so on either side: it has no edges."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(share, 0.0, 1.0))


FADE_S = 0.05

Part = tuple[slice, np.ndarray | None, np.ndarray, np.ndarray | None]


class Crossfade:
    """What is in force, what it replaces, and what waits: of several that come during a fade only the latest.

    The weight of the new one is a raised cosine: it starts and ends without an edge.

    Args:
        value: what is in force first, an array of any shape.
        samples: a fade's length.
        begin: called with what goes and what comes as a fade begins; it may change both in place.
    """

    def __init__(self, value, samples: int, begin: Callable[[np.ndarray, np.ndarray], None] = lambda before, now: None):
        self._weights = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, max(1, samples) + 1) / max(1, samples))
        self.now, self.before, self._next = np.array(value, np.float64), None, None
        self._at, self._begin = 0, begin

    @property
    def rests(self) -> bool:
        """Whether nothing fades or waits."""
        return self.before is None and self._next is None

    def select(self, value, at_once: bool = False) -> None:
        """Put something in its place, from the next sample on or when the fade that runs is over."""
        if at_once:
            self.now, self.before, self._next = np.array(value, np.float64), None, None
        elif not (self.rests and np.array_equal(value, self.now)):
            self._next = np.array(value, np.float64)

    def parts(self, count: int) -> Iterator[Part]:
        """The next ``count`` samples in parts: where, what goes (or ``None``), what is there, and its weight."""
        at = 0
        while at < count:
            if self.before is None and self._next is not None:
                self.before, self.now, self._next, self._at = self.now, self._next, None, 0
                self._begin(self.before, self.now)
            if self.before is None:
                yield slice(at, count), None, self.now, None
                return
            size = min(self._weights.size - self._at, count - at)
            yield slice(at, at + size), self.before, self.now, self._weights[self._at : self._at + size]
            at, self._at = at + size, self._at + size
            if self._at == self._weights.size:
                self.before = None

    def state(self) -> dict[str, np.ndarray]:
        """Plain arrays."""
        held = {"now": self.now, "before": self.before, "next": self._next, "at": np.array(self._at)}
        return {name: value.copy() for name, value in held.items() if value is not None}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Be as it was."""
        held = {name: np.array(value) for name, value in state.items()}
        self.now, self.before, self._next = held["now"], held.get("before"), held.get("next")
        self._at = int(held["at"])


class SmoothedValue(Crossfade):
    """A number that glides to what it is set to, along a raised cosine."""

    def take(self, count: int) -> float | np.ndarray:
        """Its value at each of the next samples, ``[count]``; one number while it rests."""
        if self.rests:
            return np.float64(self.now)  # which, unlike Python's, makes products float64
        values = np.empty(count)
        for here, before, now, weight in self.parts(count):
            values[here] = now if before is None else before + weight * (now - before)
        return values
