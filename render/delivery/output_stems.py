"""The stem files of one version: where each is written, what it is, and how it is dithered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from render.engine.stream import Block, RenderStats
from render.project.stem_names import SUM
from render.wav.quantize_dither import dither_of
from render.wav.stem_samples import StemFile, StemSamples, WrittenStem
from render.wav.stem_writer import StemWriter


@dataclass(frozen=True)
class OutputStems:
    """The stem files of a version, before they are written.

    Attributes:
        paths: stem name → path; FOLEY is the sum.
        files: stem name → description; FOLEY is last.
        seed: seed of the project, for the dither.
    """

    paths: dict[str, Path]
    files: dict[str, StemFile]
    seed: int

    def writer(self, name: str) -> StemWriter:
        """Return the writer of a stem, or of FOLEY."""
        file = self.files[name]
        return StemWriter(self.paths[name], file, dither_of(file.bits, name, self.seed))

    def samples(self, name: str) -> StemSamples:
        """Return what quantises a stem's samples."""
        file = self.files[name]
        return StemSamples(file, dither_of(file.bits, name, self.seed))


def write_stems(
    blocks: Iterable[Block], stems: OutputStems, stats: RenderStats, progress: Callable[[int], None]
) -> dict[str, WrittenStem]:
    """Write the stems of a version and their sum. The files are complete when it returns.

    Args:
        blocks: consecutive blocks of all stems, from the first sample to the last.
        stems: the files.
        stats: gets the seconds spent on writing and on measuring.
        progress: called with the number of samples just finished.

    Returns:
        Stem name → written file.
    """
    write_s = 0.0
    with ExitStack() as open_files:
        writers = {name: open_files.enter_context(stems.writer(name)) for name in stems.files}
        for block in blocks:
            paused = perf_counter()
            written = [(writers[name].write(audio), stems.files[name].layout) for name, audio in block.stems.items()]
            writers[SUM].write_sum(written)
            write_s += perf_counter() - paused
            progress(block.samples)
    measure_s = sum(writer.measure_s for writer in writers.values())
    stats.seconds.update(disk_s=write_s - measure_s, measure_s=measure_s)
    return {name: writer.written for name, writer in writers.items()}
