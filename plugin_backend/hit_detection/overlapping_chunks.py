"""Cut a recording of any length into overlapping chunks whose positions do not depend on how the file is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from plugin_backend.audio_files import RecordingInfo, read_large_blocks

READ_SAMPLES = 65_536
CELL_HOPS = 20
CELL_S = 0.05
CORE_CELLS, CONTEXT_CELLS = 600, 120
"""A chunk has 30 s of core, and 6 s of context on each side."""

MOST_CORE_VALUES, LEAST_CORE_CELLS = 2**24, 100
"""The core is shorter for recordings with many channels at high rates, but at least 5 s."""


def hop_samples(sample_rate: int) -> int:
    """Return the distance from one frame to the next: 2.5 ms, as a whole number of samples."""
    return max(1, round(CELL_S / CELL_HOPS * sample_rate))


def cell_samples(sample_rate: int) -> int:
    """Return the length of a cell in samples: twenty frames. Backgrounds are measured and chunks are cut in cells."""
    return CELL_HOPS * hop_samples(sample_rate)


@dataclass(frozen=True)
class Chunk:
    """``audio`` ``[samples, channels]`` float32 from ``start_samples`` on.

    The core of the chunk is ``[core_start, core_end)``, in samples of the recording. The rest is context.
    """

    audio: np.ndarray
    start_samples: int
    core_start: int
    core_end: int


def overlapping_chunks(
    recording: RecordingInfo,
    core_cells: int = CORE_CELLS,
    context_cells: int = CONTEXT_CELLS,
    read_samples: int = READ_SAMPLES,
) -> Iterator[Chunk]:
    """Yield the chunks of a recording from start to end. One chunk at a time is in memory.

    Args:
        recording: the recording.
        core_cells: length of the core, in cells of 50 ms.
        context_cells: length of the context on each side.
        read_samples: samples that are read at a time.

    Raises:
        AudioFileError: the audio is damaged, ends before its length, or is not finite.
    """
    cell = cell_samples(recording.sample_rate)
    max_core_cells = max(LEAST_CORE_CELLS, MOST_CORE_VALUES // (cell * recording.channels))
    core, context = min(core_cells, max_core_cells) * cell, context_cells * cell
    audio, start, core_start = np.zeros((0, recording.channels), np.float32), 0, 0
    for block, last in read_large_blocks(recording, read_samples, core + context):
        audio = np.concatenate([audio, block])
        while core_start < start + len(audio) and (last or start + len(audio) >= core_start + core + context):
            yield Chunk(audio[: core_start + core + context - start], start, core_start, core_start + core)
            core_start += core
            new_start = max(0, core_start - context)
            audio, start = audio[new_start - start :], new_start
