"""A stem's samples on their way to a file: rounded, dithered, with pops; and what is noted of them."""

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
    """What a file is, before its samples.

    Attributes:
        track: the stem's name, for iXML.
        description: bext description.
        layout: its channels.
        bits: 16 or 24 (integer) or 32 (float).
        sample_rate: in Hz.
        time_reference: samples from midnight to its first.
        length_samples: how many will come.
        slate: the run's.
        note: for iXML, beside the slate's.
        pops: beeps added to what is written, and to nothing that is measured.
        programme: what loudness is measured of, in samples; all of it if not given.
    """

    track: str
    description: str
    layout: Layout
    bits: int
    sample_rate: int
    time_reference: int
    length_samples: int
    slate: FileMetadata
    note: str = ""
    pops: Pops | None = None
    programme: slice | None = None

    @property
    def heard(self) -> slice:
        """The programme, or all of the file."""
        return self.programme or slice(0, self.length_samples)


@dataclass(frozen=True)
class WrittenStem:
    """A file whose samples are all there, and what was noted of them."""

    file: StemFile
    trail: StemStatistics


class StemSamples:
    """Turns blocks at any position into what is delivered.

    Attributes:
        peaks: highest absolute sample as rendered, of each 512.
        clipped: how many samples of those were above full scale.
    """

    def __init__(self, file: StemFile, dither: Dither | None = None):
        self.file, self._dither = file, dither
        blocks = -(-file.length_samples // BLOCK_SAMPLES)
        self.peaks, self.clipped = np.zeros(blocks, np.float32), np.zeros(blocks, np.int32)

    def rendered(self, block: np.ndarray, position: int) -> np.ndarray:
        """``[channels, n]`` float as delivered, without pops: int32 steps for 16 and 24 bits, float32 for 32.

        Raises:
            RenderError: a sample is NaN or infinite.
        """
        if self.file.bits == 32:
            sound, outside = block.astype(np.float32), np.abs(block) > 1
        else:
            noise = self._dither.at(position, *block.shape) if self._dither and block.any() else None
            sound, outside = quantize(block, self.file.bits, noise)
        self._note(block, outside, position)
        return sound

    def summed(self, stems: list[tuple[np.ndarray, Layout]], position: int) -> np.ndarray:
        """The sum of stems as :meth:`rendered` answered them; of integers, exact unless it clips.

        Raises:
            RenderError: a sample is NaN or infinite.
        """
        total = sum_stems(stems, self.file.layout)
        if self.file.bits == 32:
            sound, outside, levels = total.astype(np.float32), np.abs(total) > 1, total
        else:
            sound, outside = clip_to_bits(np.rint(total), self.file.bits)
            levels = total / FULL_SCALE[self.file.bits]
        self._note(levels, outside, position)
        return sound

    def _note(self, levels: np.ndarray, outside: np.ndarray, position: int) -> None:
        if not np.isfinite(levels).all():
            raise RenderError(f"{self.file.description}: an effect made NaN or infinite samples")
        first, count = position // BLOCK_SAMPLES, levels.shape[1]
        starts = np.union1d([0], np.arange(-position % BLOCK_SAMPLES, count, BLOCK_SAMPLES))
        if count:
            blocks = slice(first, first + starts.size)
            loudest = np.maximum.reduceat(np.abs(levels).max(axis=0), starts)
            self.peaks[blocks] = np.maximum(self.peaks[blocks], loudest)
            self.clipped[blocks] += np.add.reduceat(np.count_nonzero(outside, axis=0), starts).astype(np.int32)

    def go_on_from(self, before: StemStatistics, spans: Iterable[slice]) -> None:
        """Take the notes of an earlier version, but for the stretches that will be written anew."""
        self.peaks[:], self.clipped[:] = before.peaks, before.clipped
        for span in spans:
            blocks = slice(span.start // BLOCK_SAMPLES, -(-span.stop // BLOCK_SAMPLES))
            self.peaks[blocks] = self.clipped[blocks] = 0

    def with_pops(self, sound: np.ndarray, position: int) -> np.ndarray:
        """What is written of ``sound``, as :meth:`rendered` or :meth:`summed` answered it."""
        pops = self.file.pops and self.file.pops.at(position, sound.shape[1], self.file.layout)
        if pops is None:
            return sound
        if self.file.bits == 32:
            return sound + pops.astype(np.float32)
        return clip_to_bits(sound + np.rint(pops * FULL_SCALE[self.file.bits]), self.file.bits)[0]

    def as_frames(self, sound: np.ndarray) -> np.ndarray:
        """``[n, channels]`` as libsndfile and the meter take it: integers of full scale."""
        if self.file.bits == 24:
            sound = np.left_shift(sound, 8)
        elif self.file.bits == 16:
            sound = sound.astype(np.int16)
        return np.ascontiguousarray(sound.T)


def sum_stems(stems: list[tuple[np.ndarray, Layout]], into: Layout) -> np.ndarray:
    """The sum ``[into.channels, n]`` float64 of stems and their layouts; see
    :func:`render.project.channel_layout.add_into`."""
    total = np.zeros((into.channels, stems[0][0].shape[1]))
    for sound, layout in stems:
        add_into(total, into, sound, layout)
    return total


READ_TYPES = {16: "int16", 24: "int32", 32: "float32"}
"""As :meth:`StemSamples.as_frames` has them."""


def read_quantized(file: soundfile.SoundFile, count: int, bits: int) -> np.ndarray:
    """The next samples of a file ``[channels, count]``, as :meth:`StemSamples.rendered` answered them."""
    samples = file.read(count, READ_TYPES[bits], always_2d=True).T
    return samples if bits == 32 else np.right_shift(samples.astype(np.int32), {16: 0, 24: 8}[bits])
