"""Cross-fade from one value to another. At most two values sound at once, and every fade is complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike


def raised_cosine(share: np.ndarray) -> np.ndarray:
    """Return a raised cosine that is 0 up to 0 and 1 from 1 on. It has no edges."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(share, 0.0, 1.0))


Value = TypeVar("Value")

FADE_S = 0.05
"""Length of a fade in seconds."""

Part = tuple[slice, np.ndarray | None, np.ndarray, np.ndarray | None]
"""Slice of the block, the value that fades out (or ``None``), the current value, its weights (or ``None``)."""


class FadeQueue(Generic[Value]):
    """The current value, the one that fades out, and the one that waits for the end of the fade.

    If several values come during a fade, only the latest waits. So at most two values sound at once, and every fade is
    complete.

    Args:
        value: the first value.
        length: length of a fade in steps (samples or frames), at least 1.
    """

    def __init__(self, value: Value, length: int):
        self.now = value
        self.before: Value | None = None
        self.next: Value | None = None
        self.length, self.position = max(1, length), 0

    @property
    def is_idle(self) -> bool:
        """Whether no fade is running and no value waits."""
        return self.before is None and self.next is None

    def put(self, value: Value, at_once: bool) -> None:
        """Set a new value: now, or when the running fade is over."""
        if at_once:
            self.now, self.before, self.next = value, None, None
        else:
            self.next = value

    def begin_next(self) -> bool:
        """Begin the fade to the waiting value, unless another is running. Return whether it has begun."""
        if self.before is not None or self.next is None:
            return False
        self.before, self.now, self.next, self.position = self.now, self.next, None, 0
        return True

    def step(self, count: int) -> None:
        """Advance the running fade by ``count`` steps."""
        self.position += count
        if self.position == self.length:
            self.before = None


class Crossfade(FadeQueue[np.ndarray]):
    """A cross-fade between arrays. The weight of the new one is a raised cosine, without edges.

    Args:
        value: the first value, an array of any shape.
        samples: length of a fade.
        begin: called with the old and the new value when a fade begins. It may change both in place.
    """

    def __init__(
        self, value: ArrayLike, samples: int, begin: Callable[[np.ndarray, np.ndarray], None] = lambda before, now: None
    ):
        super().__init__(np.array(value, np.float64), samples)
        self._weights = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, self.length + 1) / self.length)
        self._begin = begin

    def select(self, value: ArrayLike, at_once: bool = False) -> None:
        """Set a new value. It takes effect from the next sample on, or when the running fade is over.

        Args:
            value: an array of the first value's shape.
            at_once: take it without a fade.
        """
        if at_once or not (self.is_idle and np.array_equal(value, self.now)):
            self.put(np.array(value, np.float64), at_once)

    def parts(self, count: int) -> Iterator[Part]:
        """Yield the next ``count`` samples in parts: slice, old value (or ``None``), current value, its weights."""
        at = 0
        while at < count:
            if self.begin_next() and self.before is not None:
                self._begin(self.before, self.now)
            if self.before is None:
                yield slice(at, count), None, self.now, None
                return
            size = min(self.length - self.position, count - at)
            weights = self._weights[self.position : self.position + size]
            yield slice(at, at + size), self.before, self.now, weights
            at += size
            self.step(size)

    def state(self) -> dict[str, np.ndarray]:
        """Return the state as plain arrays."""
        values = {"now": self.now, "before": self.before, "next": self.next, "at": np.array(self.position)}
        return {name: value.copy() for name, value in values.items() if value is not None}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore a saved state."""
        values = {name: np.array(value) for name, value in state.items()}
        self.now, self.before, self.next = values["now"], values.get("before"), values.get("next")
        self.position = int(values["at"])


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
