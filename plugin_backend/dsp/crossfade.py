"""Cross-fade from one value to another. At most two values sound at once, and every fade is complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike


def raised_cosine(share: np.ndarray) -> np.ndarray:
    """Return a raised cosine that is 0 up to 0 and 1 from 1 on. It has no edges."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(share, 0.0, 1.0))


FADE_S = 0.05
"""Length of a fade in seconds."""

Part = tuple[slice, np.ndarray | None, np.ndarray, np.ndarray | None]
"""Slice of the block, the value that fades out (or ``None``), the current value, its weights (or ``None``)."""


class Crossfade:
    """The current value, the one that fades out, and the next.

    If several values come during a fade, only the latest is kept.

    The weight of the current value is a raised cosine, so a fade starts and ends without an edge.

    Args:
        value: the first value, an array of any shape.
        samples: length of a fade.
        begin: called with the old and the new value when a fade begins. It may change both in place.
    """

    def __init__(
        self, value: ArrayLike, samples: int, begin: Callable[[np.ndarray, np.ndarray], None] = lambda before, now: None
    ):
        self.now: np.ndarray = np.array(value, np.float64)
        self.before: np.ndarray | None = None
        self._next: np.ndarray | None = None
        self._weights = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, max(1, samples) + 1) / max(1, samples))
        self._at, self._begin = 0, begin

    @property
    def is_idle(self) -> bool:
        """Whether no fade is running and no value waits."""
        return self.before is None and self._next is None

    def select(self, value: ArrayLike, at_once: bool = False) -> None:
        """Set a new value. It takes effect from the next sample on, or when the running fade is over.

        Args:
            value: an array of the first value's shape.
            at_once: take it without a fade.
        """
        if at_once:
            self.now, self.before, self._next = np.array(value, np.float64), None, None
        elif not (self.is_idle and np.array_equal(value, self.now)):
            self._next = np.array(value, np.float64)

    def parts(self, count: int) -> Iterator[Part]:
        """Yield the next ``count`` samples in parts: the slice, the old value (or ``None``), the current value, its
        weights.
        """
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
        """Return the state as plain arrays."""
        values = {"now": self.now, "before": self.before, "next": self._next, "at": np.array(self._at)}
        return {name: value.copy() for name, value in values.items() if value is not None}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore a saved state."""
        values = {name: np.array(value) for name, value in state.items()}
        self.now, self.before, self._next = values["now"], values.get("before"), values.get("next")
        self._at = int(values["at"])


class SmoothedValue(Crossfade):
    """A number that moves to its new value along a raised cosine."""

    def advance(self, count: int) -> float | np.ndarray:
        """Return the value at each of the next samples, ``[count]``; a single number if it does not change."""
        if self.is_idle:
            return np.float64(self.now)  # unlike Python's float it makes products float64
        output = np.empty(count)
        for here, before, now, weight in self.parts(count):
            output[here] = now if before is None else before + weight * (now - before)
        return output
