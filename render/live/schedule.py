"""What happens at given samples of a stream, and controls that glide from there."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator

import numpy as np

GLIDE_S = 0.05


class Schedule:
    """Things to do at samples of one stream, in order; those at one sample in the order they were added."""

    def __init__(self):
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._added = 0

    def add(self, at_samples: int, do: Callable[[], None]) -> None:
        """Do it before sample ``at_samples``, or at once if that has been."""
        self._added += 1
        insort(self._due, (at_samples, self._added, do))

    def pieces(self, start_samples: int, count: int, grain: int = 1) -> Iterator[slice]:
        """A block's samples in pieces; between them things are done, at multiples of ``grain`` from its start."""
        begin, end = 0, start_samples + count
        while self._due and self._due[0][0] < end:
            at, _, do = self._due.pop(0)
            cut = (at - start_samples) // grain * grain
            if cut > begin:
                yield slice(begin, cut)
                begin = cut
            do()
        yield slice(begin, count)


class Glide:
    """A control that takes 50 ms, in a straight line, to where it is set."""

    def __init__(self, value: float, sample_rate: int):
        self._now = self._wanted = value
        self._step, self._length = 0.0, round(GLIDE_S * sample_rate)

    def set(self, value: float) -> None:
        """Go there from here."""
        self._wanted, self._step = value, (value - self._now) / self._length

    def next(self, count: int) -> np.ndarray | np.float32:
        """Its next values, ``[count]``; one number where it rests."""
        if self._now == self._wanted:
            return np.float32(self._now)
        left = max(1, round((self._wanted - self._now) / self._step)) if self._step else 1
        values = self._wanted - self._step * np.maximum(left - np.arange(1, count + 1), 0)
        self._now = self._wanted if count >= left else float(values[-1])
        return values.astype(np.float32)
