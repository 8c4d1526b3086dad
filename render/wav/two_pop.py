"""The 2-pop and the tail pop: one frame of a 1 kHz sine at −20 dBFS, starting at phase 0."""

from __future__ import annotations

import numpy as np

from render.project.channel_layout import Layout

FREQUENCY_HZ, LEVEL_DBFS = 1000, -20
"""The level is of the sine by AES17, so its peak is 0.1."""


class Pops:
    """The pops of a set of stems.

    Args:
        spans: start and length of each pop, in samples; starts count from the files' first sample.
        sample_rate: in Hz.
    """

    def __init__(self, spans: tuple[tuple[int, int], ...], sample_rate: int):
        self.spans, self._rate = spans, sample_rate

    def at(self, position: int, samples: int, layout: Layout) -> np.ndarray | None:
        """Return the pops in a block. They are in every channel except LFE.

        Args:
            position: first sample of the block.
            samples: length of the block.
            layout: layout of the file.

        Returns:
            ``[channels, samples]`` float64, or ``None`` if there is no pop in the block.
        """
        block = None
        for start, size in self.spans:
            first, last = max(start, position), min(start + size, position + samples)
            if first < last:
                block = np.zeros((layout.channels, samples)) if block is None else block
                phase = 2 * np.pi * FREQUENCY_HZ * (np.arange(first, last) - start) / self._rate
                with_pop = [speaker != "LFE" for speaker in layout.speakers]
                block[with_pop, first - position : last - position] = 10 ** (LEVEL_DBFS / 20) * np.sin(phase)
        return block

    def outside(self, start: int, stop: int) -> list[slice]:
        """Return the spans between two samples that contain no pop.

        Args:
            start: first sample.
            stop: the sample after the last.
        """
        spans = []
        for at, size in sorted(self.spans):
            spans.append(slice(start, min(stop, at)))
            start = max(start, at + size)
        return [span for span in (*spans, slice(start, stop)) if span.start < span.stop]
