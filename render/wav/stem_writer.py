"""Write a Broadcast-WAV file: RF64 if necessary, bext v2 with exact time and loudness, iXML. Measured while written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any

import numpy as np
import soundfile

from plugin_backend.errors import DiskFullError, OutputError
from plugin_backend.output_files import cannot_write, touch_file
from render.project.channel_layout import Layout
from render.wav import riff as chunks
from render.wav.bext import LOUDNESS_OFFSET, bext, loudness_fields
from render.wav.ixml import ixml
from render.wav.quantize_dither import Dither
from render.wav.r128_meter import R128Meter
from render.wav.stem_samples import StemFile, StemSamples, WrittenStem
from render.wav.stem_statistics import StemStatistics

SET_BROADCAST_INFO, RF64_AUTO_DOWNGRADE, SET_CHANNEL_MAP = 0x10F1, 0x1210, 0x1101
"""libsndfile commands that soundfile only reaches through its private handle."""

SUBTYPES = {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"}
SNDFILE_SPEAKERS = {"L": 2, "R": 3, "C": 4, "Ls": 9, "Rs": 10, "LFE": 11}
"""libsndfile's SF_CHANNEL_MAP_…. The mask 0x3F of 5.1 has its surrounds at the back, as DAWs write it."""

CHUNK_BYTES = 2**20
"""Room for all that is not samples. A file that fits into a RIFF file only without it stays RF64."""


class StemWriter:
    """Writes one file. Use it as a context manager; it writes the last chunks when the block ends without an error.

    Args:
        path: the file; the caller renames it when it is complete.
        file: description of the file.
        dither: for 16 bits; without it samples are only rounded.
        metered: measure the loudness.

    Attributes:
        statistics: of the file, once it is closed; ``None`` if it was not metered.
        measure_s: seconds spent in the meter.

    Raises:
        OutputError, DiskFullError: the file cannot be created.
    """

    def __init__(self, path: Path, file: StemFile, dither: Dither | None = None, metered: bool = True):
        self.path, self.file, self._samples = path, file, StemSamples(file, dither)
        self.measure_s, self._position = 0.0, 0
        self.statistics: StemStatistics | None = None
        self._meter = R128Meter(file.layout, file.sample_rate) if metered else None
        format = file.sample_rate, file.layout.channels, SUBTYPES[file.bits]
        try:
            self._file = soundfile.SoundFile(os.fsencode(touch_file(path)), "w", *format, format="RF64")
        except soundfile.LibsndfileError as problem:
            raise cannot_write(path.parent, problem.error_string) from problem
        self._describe()

    def _describe(self) -> None:
        """Write the chunks that come before the samples."""
        file, null = self.file, soundfile._ffi.NULL
        if file.length_samples * file.layout.channels * file.bits // 8 + CHUNK_BYTES <= chunks.LARGEST_RIFF:
            soundfile._snd.sf_command(self._file._file, RF64_AUTO_DOWNGRADE, null, 1)
        info = bext(file.description, file.time_reference, file.metadata.moment)
        self._command(SET_BROADCAST_INFO, soundfile._ffi.from_buffer(info), len(info), "a bext chunk")
        if file.layout.channels > 1:  # libsndfile already writes mono as front centre
            speakers = soundfile._ffi.new("int[]", [SNDFILE_SPEAKERS[name] for name in file.layout.speakers])
            self._command(SET_CHANNEL_MAP, speakers, 4 * file.layout.channels, f"a channel mask for {file.layout.name}")

    def _command(self, number: int, data: Any, size: int, chunk: str) -> None:
        if soundfile._snd.sf_command(self._file._file, number, data, size) != 1:
            self._file.close()
            raise OutputError(f"{self.path}: this libsndfile cannot write {chunk}")

    def __enter__(self) -> StemWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is None:
            self._finish()

    def _finish(self) -> None:
        if self._meter is not None:
            self.statistics = StemStatistics(self._samples.peaks, self._samples.clipped, self._meter.steps())
        try:
            finish(self.path, self.file, self.statistics)
        except OSError as problem:
            raise self._write_error(chunks.SPARE_BYTES) from problem

    @property
    def written(self) -> WrittenStem:
        """The closed file and its statistics."""
        assert self.statistics is not None
        return WrittenStem(self.file, self.statistics)

    def write(self, block: np.ndarray) -> np.ndarray:
        """Append a block and return it as delivered, without pops.

        Args:
            block: ``[channels, n]`` float.

        Returns:
            ``[channels, n]``: int32 steps for 16 and 24 bits, float32 for 32 bits.

        Raises:
            DiskFullError: the samples did not fit on the disk.
            RenderError: a sample is NaN or infinite.
        """
        samples = self._samples.rendered(block, self._position)
        self._append(samples)
        return samples

    def write_sum(self, stems: list[tuple[np.ndarray, Layout]]) -> None:
        """Append the sum of stems. For integers it is exact unless it clips.

        Args:
            stems: samples as :meth:`write` returned them, and their layouts.

        Raises:
            DiskFullError: the samples did not fit on the disk.
        """
        self._append(self._samples.summed(stems, self._position))

    def _append(self, samples: np.ndarray) -> None:
        position, count = self._position, samples.shape[1]
        self._position += count
        if self._meter is not None:
            began, span = perf_counter(), self.file.measured_span
            measured = samples[:, max(0, span.start - position) : max(0, span.stop - position)]
            if measured.shape[1]:
                self._meter.add(self._samples.as_frames(measured))
            self.measure_s += perf_counter() - began
        frames = self._samples.as_frames(self._samples.with_pops(samples, position))
        try:
            self._file.write(frames)
        except (AssertionError, soundfile.LibsndfileError) as problem:  # soundfile asserts that all was written
            raise self._write_error(frames.nbytes) from problem

    def _write_error(self, wanted_bytes: int) -> DiskFullError | OutputError:
        folder = self.path.parent
        if shutil.disk_usage(folder).free < wanted_bytes:
            return DiskFullError(f"{folder}: the disk is full")
        return OutputError(f"{folder}: writing {self.path.name} failed")


def finish(path: Path, file: StemFile, statistics: StemStatistics | None) -> None:
    """Write the chunks that are known last: the loudness in bext, and iXML at the end of the file.

    Args:
        path: the file; it holds all samples.
        file: description of the file.
        statistics: of the file; without them the loudness fields stay unused.

    Raises:
        OSError: they did not fit on the disk.
    """
    if statistics is not None:
        chunks.patch(path, b"bext", LOUDNESS_OFFSET, loudness_fields(statistics.loudness()))
    body = ixml(file.metadata, file.track, file.note, file.layout, file.sample_rate, file.bits, file.time_reference)
    chunks.append(path, b"iXML", body)
