"""What happens at given samples of a stream."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator


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
