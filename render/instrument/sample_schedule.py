"""Actions at exact samples of a stream."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator


class Schedule:
    """Actions in the order of their samples; actions at the same sample keep the order in which they were added."""

    def __init__(self) -> None:
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._added = 0

    def add(self, at_samples: int, action: Callable[[], None]) -> None:
        """Call ``action`` before sample ``at_samples``; before the next block if that sample has passed."""
        self._added += 1
        insort(self._due, (at_samples, self._added, action))

    def pieces(self, start_samples: int, count: int, grain: int = 1) -> Iterator[slice]:
        """Cut a block at its actions, and call each action between two pieces.

        Args:
            start_samples: the block's first sample.
            count: the block's length in samples.
            grain: cuts lie at multiples of this many samples from the block's start.

        Yields:
            The slices of the block, in order.
        """
        begin, end = 0, start_samples + count
        while self._due and self._due[0][0] < end:
            at, _, action = self._due.pop(0)
            cut = (at - start_samples) // grain * grain
            if cut > begin:
                yield slice(begin, cut)
                begin = cut
            action()
        yield slice(begin, count)
