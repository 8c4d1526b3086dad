"""The samples of a stem as they are delivered: rounded, dithered and with pops; and their statistics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import soundfile

from plugin_backend.errors import RenderError
from render.project.channel_layout import Layout, add_into
from render.wav.metadata import FileMetadata
from render.wav.quantize_dither import FULL_SCALE, Dither, clip_to_bits, quantize
from render.wav.stem_statistics import BLOCK_SAMPLES, StemStatistics
from render.wav.two_pop import Pops


@dataclass(frozen=True)
class StemFile:
    """Description of a file to write.

    Attributes:
        track: name of the stem, for iXML.
        description: bext description.
        layout: channel layout.
        bits: 16 or 24 (integer) or 32 (float).
        sample_rate: in Hz.
        time_reference: samples from midnight to the first sample.
        length_samples: number of samples per channel.
        metadata: metadata of the run.
        note: for iXML, added to the metadata's note.
        pops: beeps that are added to the written samples, but not to the measured ones.
        programme: samples whose loudness is measured; by default, all.
    """

    track: str
    description: str
    layout: Layout
    bits: int
    sample_rate: int
    time_reference: int
    length_samples: int
    metadata: FileMetadata
    note: str = ""
    pops: Pops | None = None
    programme: slice | None = None

    @property
    def measured_span(self) -> slice:
        """Samples whose loudness is measured: the programme, or all of the file."""
        return self.programme or slice(0, self.length_samples)


@dataclass(frozen=True)
class WrittenStem:
    """A file whose samples are all written, and its statistics."""

    file: StemFile
    statistics: StemStatistics


class StemSamples:
    """Turns blocks at any position into the samples that are delivered.

    Args:
        file: the file.
        dither: for 16 bits.

    Attributes:
        peaks: highest absolute sample of each 512 samples, before quantisation.
        clipped: number of samples above full scale, of each 512 samples.
    """

    def __init__(self, file: StemFile, dither: Dither | None = None):
        self.file, self._dither = file, dither
        blocks = -(-file.length_samples // BLOCK_SAMPLES)
        self.peaks, self.clipped = np.zeros(blocks, np.float32), np.zeros(blocks, np.int32)

    def rendered(self, block: np.ndarray, position: int) -> np.ndarray:
        """Quantise a rendered block, without pops.

        Args:
            block: ``[channels, n]`` float.
            position: of its first sample in the file.

        Returns:
            ``[channels, n]``: int32 steps for 16 and 24 bits, float32 for 32 bits.

        Raises:
            RenderError: a sample is NaN or infinite.
        """
        if self.file.bits == 32:
            samples, over = block.astype(np.float32), np.abs(block) > 1
        else:
            channels, count = block.shape
            noise = self._dither.at(position, channels, count) if self._dither and block.any() else None
            samples, over = quantize(block, self.file.bits, noise)
        self._add_statistics(block, over, position)
        return samples

    def summed(self, stems: list[tuple[np.ndarray, Layout]], position: int) -> np.ndarray:
        """Return the sum of stems as delivered. For integers it is exact unless it clips.

        Args:
            stems: samples as :meth:`rendered` returned them, and their layouts.
            position: of the first sample in the file.

        Returns:
            As :meth:`rendered`.

        Raises:
            RenderError: a sample is NaN or infinite.
        """
        total = sum_stems(stems, self.file.layout)
        if self.file.bits == 32:
            samples, over, levels = total.astype(np.float32), np.abs(total) > 1, total
        else:
            samples, over = clip_to_bits(np.rint(total), self.file.bits)
            levels = total / FULL_SCALE[self.file.bits]
        self._add_statistics(levels, over, position)
        return samples

    def _add_statistics(self, levels: np.ndarray, over: np.ndarray, position: int) -> None:
        if not np.isfinite(levels).all():
            raise RenderError(f"{self.file.description}: an effect made NaN or infinite samples")
        first, count = position // BLOCK_SAMPLES, levels.shape[1]
        starts = np.union1d([0], np.arange(-position % BLOCK_SAMPLES, count, BLOCK_SAMPLES))
        if count:
            blocks = slice(first, first + starts.size)
            loudest = np.maximum.reduceat(np.abs(levels).max(axis=0), starts)
            self.peaks[blocks] = np.maximum(self.peaks[blocks], loudest)
            self.clipped[blocks] += np.add.reduceat(np.count_nonzero(over, axis=0), starts).astype(np.int32)

    def reuse_statistics(self, before: StemStatistics, spans: Iterable[slice]) -> None:
        """Take the statistics of the previous version, except for spans that will be written again.

        Args:
            before: statistics of the previous version.
            spans: in whole blocks.
        """
        self.peaks[:], self.clipped[:] = before.peaks, before.clipped
        for span in spans:
            blocks = slice(span.start // BLOCK_SAMPLES, -(-span.stop // BLOCK_SAMPLES))
            self.peaks[blocks] = self.clipped[blocks] = 0

    def with_pops(self, samples: np.ndarray, position: int) -> np.ndarray:
        """Add the pops.

        Args:
            samples: as :meth:`rendered` or :meth:`summed` returned them.
            position: of the first sample in the file.

        Returns:
            The samples to write, in the same format.
        """
        if self.file.pops is None:
            return samples
        pops = self.file.pops.at(position, samples.shape[1], self.file.layout)
        if pops is None:
            return samples
        if self.file.bits == 32:
            return samples + pops.astype(np.float32)
        return clip_to_bits(samples + np.rint(pops * FULL_SCALE[self.file.bits]), self.file.bits)[0]

    def as_frames(self, samples: np.ndarray) -> np.ndarray:
        """Return samples as ``[n, channels]`` in the format of libsndfile and the meter: full-scale integers."""
        if self.file.bits == 24:
            samples = np.left_shift(samples, 8)
        elif self.file.bits == 16:
            samples = samples.astype(np.int16)
        return np.ascontiguousarray(samples.T)


def sum_stems(stems: list[tuple[np.ndarray, Layout]], layout: Layout) -> np.ndarray:
    """Sum stems into a layout; see :func:`render.project.channel_layout.add_into`.

    Args:
        stems: samples ``[channels, n]`` and their layouts.
        layout: layout of the sum.

    Returns:
        ``[layout.channels, n]`` float64.
    """
    total = np.zeros((layout.channels, stems[0][0].shape[1]))
    for samples, stem_layout in stems:
        add_into(total, layout, samples, stem_layout)
    return total


READ_TYPES = {16: "int16", 24: "int32", 32: "float32"}
"""Bits → sample type of :meth:`StemSamples.as_frames`."""


def read_quantized(file: soundfile.SoundFile, count: int, bits: int) -> np.ndarray:
    """Read the next samples of a file, as :meth:`StemSamples.rendered` returned them.

    Args:
        file: the file.
        count: number of samples.
        bits: 16, 24 or 32.

    Returns:
        ``[channels, count]``.
    """
    samples = file.read(count, READ_TYPES[bits], always_2d=True).T
    return samples if bits == 32 else np.right_shift(samples.astype(np.int32), {16: 0, 24: 8}[bits])
