"""The 2-pop and the tail pop: one frame of 1 kHz at −20 dBFS, the sine beginning at phase 0."""

from __future__ import annotations

import numpy as np

from render.project.channel_layout import Layout

FREQUENCY_HZ, LEVEL_DBFS = 1000, -20
"""A sine's dBFS by AES17: its peak is 0.1."""


class Pops:
    """The pops of a set of stems.

    Args:
        spans: start and length of each, in samples from the files' first.
        sample_rate: in Hz.
    """

    def __init__(self, spans: tuple[tuple[int, int], ...], sample_rate: int):
        self.spans, self._rate = spans, sample_rate

    def at(self, position: int, samples: int, layout: Layout) -> np.ndarray | None:
        """Samples ``[channels, samples]`` float64 from ``position`` on, or ``None`` where there is no pop.

        Every channel but LFE has them.
        """
        heard = None
        for start, size in self.spans:
            first, last = max(start, position), min(start + size, position + samples)
            if first < last:
                heard = np.zeros((layout.channels, samples)) if heard is None else heard
                phase = 2 * np.pi * FREQUENCY_HZ * (np.arange(first, last) - start) / self._rate
                loud = [speaker != "LFE" for speaker in layout.speakers]
                heard[loud, first - position : last - position] = 10 ** (LEVEL_DBFS / 20) * np.sin(phase)
        return heard

    def outside(self, start: int, stop: int) -> list[slice]:
        """The stretches of ``start`` to ``stop`` that no pop touches."""
        stretches = []
        for at, size in sorted(self.spans):
            stretches.append(slice(start, min(stop, at)))
            start = max(start, at + size)
        return [stretch for stretch in (*stretches, slice(start, stop)) if stretch.start < stretch.stop]
