"""A recording of any length, cut into overlapping slabs that always lie alike, however it is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from plugin_backend.audio_files import RecordingInfo, read_large_blocks

READ_SAMPLES = 65_536
CELL_HOPS = 20
CELL_S = 0.05
CORE_CELLS, CONTEXT_CELLS = 600, 120
"""A slab is asked about 30 s and hears 6 s more to either side."""

MOST_CORE_VALUES, LEAST_CORE_CELLS = 2**24, 100
"""Recordings of many channels at high rates are asked about less at a time, 5 s at least."""


def hop_samples(sample_rate: int) -> int:
    """Return the distance from one frame to the next: 2.5 ms, as a whole number of samples."""
    return max(1, round(CELL_S / CELL_HOPS * sample_rate))


def cell_samples(sample_rate: int) -> int:
    """Return the length of a cell in samples: twenty frames. Backgrounds are measured and chunks are cut in cells."""
    return CELL_HOPS * hop_samples(sample_rate)


@dataclass(frozen=True)
class Chunk:
    """``audio`` ``[samples, channels]`` float32 from ``start_samples`` on.

    The slab answers for ``[core_start, core_end)``, in the recording's samples; the rest is context.
    """

    audio: np.ndarray
    start_samples: int
    core_start: int
    core_end: int


def overlapping_chunks(
    guide: RecordingInfo,
    core_cells: int = CORE_CELLS,
    context_cells: int = CONTEXT_CELLS,
    read_samples: int = READ_SAMPLES,
) -> Iterator[Chunk]:
    """The recording from end to end; one slab at a time is held.

    Raises:
        AudioFileError: the audio is damaged, ends before its length, or is not finite.
    """
    most_cells = max(LEAST_CORE_CELLS, MOST_CORE_VALUES // (cell_samples(guide.sample_rate) * guide.channels))
    core, context = (
        min(core_cells, most_cells) * cell_samples(guide.sample_rate),
        context_cells * cell_samples(guide.sample_rate),
    )
    held, start, core_start = np.zeros((0, guide.channels), np.float32), 0, 0
    for block, last in read_large_blocks(guide, read_samples, core + context):
        held = np.concatenate([held, block])
        while core_start < start + len(held) and (last or start + len(held) >= core_start + core + context):
            yield Chunk(held[: core_start + core + context - start], start, core_start, core_start + core)
            core_start += core
            begin = max(0, core_start - context)
            held, start = held[begin - start :], begin
