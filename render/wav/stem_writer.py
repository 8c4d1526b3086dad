"""One Broadcast-WAV file: RF64 where it must be, bext v2 with exact time and loudness, iXML; measured as written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from time import perf_counter

import numpy as np
import soundfile

from plugin_backend.errors import DiskFullError, OutputError
from plugin_backend.output_files import touch_file
from render.project.channel_layout import Layout
from render.wav import riff as chunks
from render.wav.bext import LOUDNESS_OFFSET, bext, loudness_fields
from render.wav.ixml import ixml
from render.wav.quantize_dither import Dither
from render.wav.r128_meter import R128Meter
from render.wav.stem_samples import StemFile, StemSamples
from render.wav.stem_statistics import StemStatistics

SET_BROADCAST_INFO, RF64_AUTO_DOWNGRADE, SET_CHANNEL_MAP = 0x10F1, 0x1210, 0x1101
"""libsndfile commands that soundfile reaches only through its private handle."""

SUBTYPES = {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"}
SNDFILE_SPEAKERS = {"L": 2, "R": 3, "C": 4, "Ls": 9, "Rs": 10, "LFE": 11}
"""SF_CHANNEL_MAP_…; the mask 0x3F of 5.1 has its surrounds at the back, as DAWs write it."""

CHUNK_BYTES = 2**20
"""Room for all that is not samples: a file that fits a RIFF only without it stays RF64."""


class StemWriter:
    """Writes one file; a context manager. Left without an exception, it gives the file its last chunks.

    Args:
        path: where (the caller renames it when whole).
        file: what it is.
        dither: for 16 bits; without it they are only rounded.
        metered: whether loudness is measured.

    Attributes:
        trail: what was noted, once it is closed; ``None`` if it was not metered.
        measure_s: seconds spent in the meter.

    Raises:
        OutputError, DiskFullError: the file cannot be created.
    """

    def __init__(self, path: Path, file: StemFile, dither: Dither | None = None, metered: bool = True):
        self.path, self.file, self._samples = path, file, StemSamples(file, dither)
        self.measure_s, self._position = 0.0, 0
        self.trail: StemStatistics | None = None
        self._meter = R128Meter(file.layout, file.sample_rate) if metered else None
        shape = file.sample_rate, file.layout.channels, SUBTYPES[file.bits]
        try:
            self._file = soundfile.SoundFile(os.fsencode(touch_file(path)), "w", *shape, format="RF64")
        except soundfile.LibsndfileError as problem:
            raise OutputError(f"{path.parent}: cannot write here ({problem.error_string})") from problem
        self._describe()

    def _describe(self) -> None:
        file, null = self.file, soundfile._ffi.NULL
        if file.length_samples * file.layout.channels * file.bits // 8 + CHUNK_BYTES <= chunks.LARGEST_RIFF:
            soundfile._snd.sf_command(self._file._file, RF64_AUTO_DOWNGRADE, null, 1)
        info = bext(file.description, file.time_reference, file.slate.moment)
        self._command(SET_BROADCAST_INFO, soundfile._ffi.from_buffer(info), len(info), "a bext chunk")
        if file.layout.channels > 1:  # mono is front centre by itself
            speakers = soundfile._ffi.new("int[]", [SNDFILE_SPEAKERS[name] for name in file.layout.speakers])
            self._command(SET_CHANNEL_MAP, speakers, 4 * file.layout.channels, f"a channel mask for {file.layout.name}")

    def _command(self, number: int, data, size: int, what: str) -> None:
        if soundfile._snd.sf_command(self._file._file, number, data, size) != 1:
            self._file.close()
            raise OutputError(f"{self.path}: this libsndfile cannot write {what}")

    def __enter__(self) -> StemWriter:
        return self

    def __exit__(self, kind, *_) -> None:
        self._file.close()
        if kind is None:
            self._finish()

    def _finish(self) -> None:
        if self._meter is not None:
            self.trail = StemStatistics(self._samples.peaks, self._samples.clipped, self._meter.steps())
        try:
            finish(self.path, self.file, self.trail)
        except OSError as short:
            raise self._write_error(chunks.SPARE_BYTES) from short

    def write(self, block: np.ndarray) -> np.ndarray:
        """Append ``[channels, n]`` float; answers it as delivered, without pops.

        Returns:
            int32 steps for 16 and 24 bits, float32 for 32.

        Raises:
            DiskFullError: the samples did not fit.
            RenderError: a sample is NaN or infinite.
        """
        sound = self._samples.rendered(block, self._position)
        self._append(sound)
        return sound

    def write_sum(self, stems: list[tuple[np.ndarray, Layout]]) -> None:
        """Append the sum of stems as :meth:`write` answered them; of integers, exact unless it clips.

        Raises:
            DiskFullError: the samples did not fit.
        """
        self._append(self._samples.summed(stems, self._position))

    def _append(self, sound: np.ndarray) -> None:
        position, count = self._position, sound.shape[1]
        self._position += count
        if self._meter is not None:
            began, heard = perf_counter(), self.file.heard
            heard = sound[:, max(0, heard.start - position) : max(0, heard.stop - position)]
            if heard.shape[1]:
                self._meter.add(self._samples.as_frames(heard))
            self.measure_s += perf_counter() - began
        samples = self._samples.as_frames(self._samples.with_pops(sound, position))
        try:
            self._file.write(samples)
        except (AssertionError, soundfile.LibsndfileError) as short:  # soundfile asserts that all was written
            raise self._write_error(samples.nbytes) from short

    def _write_error(self, wanted_bytes: int) -> DiskFullError | OutputError:
        folder = self.path.parent
        if shutil.disk_usage(folder).free < wanted_bytes:
            return DiskFullError(f"{folder}: the disk is full")
        return OutputError(f"{folder}: writing {self.path.name} failed")


def finish(path: Path, file: StemFile, trail: StemStatistics | None) -> None:
    """Give a file that holds all of its samples what is known last: loudness in bext, and iXML at its end.

    Raises:
        OSError: it did not fit.
    """
    if trail is not None:
        chunks.patch(path, b"bext", LOUDNESS_OFFSET, loudness_fields(trail.loudness()))
    words = ixml(file.slate, file.track, file.note, file.layout, file.sample_rate, file.bits, file.time_reference)
    chunks.append(path, b"iXML", words)
