"""A recording of any length, cut into overlapping slabs that always lie alike, however it is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import inspect_audio, read_blocks
from plugin_backend.errors import AudioFileError

RATES_HZ = (8_000, 192_000)
MOST_CHANNELS = 32
READ_SAMPLES = 65_536
CELL_HOPS = 20
CELL_S = 0.05
CORE_CELLS, CONTEXT_CELLS = 600, 120
"""A slab is asked about 30 s and hears 6 s more to either side."""

MOST_CORE_VALUES, LEAST_CORE_CELLS = 2**24, 100
"""Recordings of many channels at high rates are asked about less at a time, 5 s at least."""


@dataclass(frozen=True)
class GuideFile:
    """What a recording is, before it is heard: length in samples, rate in Hz, channels, what is wrong with the file."""

    path: Path
    length_samples: int
    sample_rate: int
    channels: int
    remarks: tuple[str, ...] = ()

    @property
    def hop_samples(self) -> int:
        """From one frame to the next: 2.5 ms, a whole number of samples."""
        return max(1, round(CELL_S / CELL_HOPS * self.sample_rate))

    @property
    def cell_samples(self) -> int:
        """Twenty frames: the grain in which backgrounds are measured and slabs are cut."""
        return CELL_HOPS * self.hop_samples


@dataclass(frozen=True)
class Chunk:
    """``audio`` ``[samples, channels]`` float32 from ``start_samples`` on.

    The slab answers for ``[core_start, core_end)``, in the recording's samples; the rest is context.
    """

    audio: np.ndarray
    start_samples: int
    core_start: int
    core_end: int


def open_guide(path: Path) -> GuideFile:
    """The recording's size.

    Raises:
        AudioFileError: absent, unreadable, empty, over 32 channels, or a rate outside 8 to 192 kHz.
    """
    info = inspect_audio(path)
    if info.channels > MOST_CHANNELS:
        raise AudioFileError(f"{path}: {info.channels} channels; up to {MOST_CHANNELS} can be used")
    if not RATES_HZ[0] <= info.rate_hz <= RATES_HZ[1]:
        raise AudioFileError(f"{path}: a rate of {info.rate_hz} Hz; {RATES_HZ[0]} to {RATES_HZ[1]} Hz can be used")
    remarks = tuple(f"{path}: {remark}" for remark in info.remarks)
    return GuideFile(path, info.length_samples, info.rate_hz, info.channels, remarks)


def overlapping_chunks(
    guide: GuideFile, core_cells: int = CORE_CELLS, context_cells: int = CONTEXT_CELLS, read_samples: int = READ_SAMPLES
) -> Iterator[Chunk]:
    """The recording from end to end; one slab at a time is held.

    Raises:
        AudioFileError: the audio is damaged, ends before its length, or is not finite.
    """
    most_cells = max(LEAST_CORE_CELLS, MOST_CORE_VALUES // (guide.cell_samples * guide.channels))
    core, context = min(core_cells, most_cells) * guide.cell_samples, context_cells * guide.cell_samples
    held, start, core_start = np.zeros((0, guide.channels), np.float32), 0, 0
    for block, last in file_blocks(guide, read_samples, core + context):
        held = np.concatenate([held, block])
        while core_start < start + len(held) and (last or start + len(held) >= core_start + core + context):
            yield Chunk(held[: core_start + core + context - start], start, core_start, core_start + core)
            core_start += core
            begin = max(0, core_start - context)
            held, start = held[begin - start :], begin


def file_blocks(guide: GuideFile, read_samples: int, most: int) -> Iterator[tuple[np.ndarray, bool]]:
    """About ``most`` samples at a time, read ``read_samples`` at a time, and whether they are the last."""
    pieces, waiting = [], 0
    for block, last in read_blocks(guide.path, read_samples):
        pieces.append(block)
        waiting += len(block)
        if waiting >= most or last:
            whole, pieces, waiting = np.concatenate(pieces), [], 0
            yield whole, last
