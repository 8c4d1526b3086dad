"""One stem as a Broadcast-WAV file: RF64 where it must be, bext v2 with the exact TimeReference."""

from __future__ import annotations

import shutil
import struct
from datetime import datetime
from pathlib import Path

import numpy as np
import soundfile

from plugin_backend.errors import DiskFullError, OutputError, RenderError

SET_BROADCAST_INFO, RF64_AUTO_DOWNGRADE = 0x10F1, 0x1210
"""libsndfile commands that soundfile reaches only through its private handle."""

CHANNELS = 2
FULL_SCALE_24 = 2**23
SUBTYPES = {24: "PCM_24", 32: "FLOAT"}


def quantise_24(audio: np.ndarray) -> tuple[np.ndarray, int]:
    """Round to 24-bit integers; answers them (int32, −2²³..2²³−1) and how many samples clipped.

    libsndfile would round down; we round to nearest, as silence must stay silent.
    """
    scaled = np.rint(audio.astype(np.float64) * FULL_SCALE_24)
    clipped = int(np.count_nonzero((scaled < -FULL_SCALE_24) | (scaled > FULL_SCALE_24 - 1)))
    return np.clip(scaled, -FULL_SCALE_24, FULL_SCALE_24 - 1).astype(np.int32), clipped


def bext(description: str, time_reference: int, moment: datetime) -> bytes:
    """libsndfile's SF_BROADCAST_INFO, version 2 (EBU Tech 3285), loudness fields unused (0x7FFF)."""

    def text(value: str, size: int) -> bytes:
        return value.encode("ascii", "replace")[:size].ljust(size, b"\0")

    head = text(description, 256) + text("Pisada", 32) + text("", 32)
    head += text(moment.strftime("%Y-%m-%d"), 10) + text(moment.strftime("%H:%M:%S"), 8)
    head += b"\0\0"  # the C struct's padding before its 32-bit fields
    head += struct.pack("<IIh", time_reference & 0xFFFFFFFF, time_reference >> 32, 2)
    head += bytes(64) + struct.pack("<5h", *[0x7FFF] * 5) + bytes(180)
    return head + struct.pack("<I", 0) + bytes(256)


class StemWriter:
    """Writes one stereo stem; a context manager.

    Args:
        path: where (the caller renames it when whole).
        sample_rate: in Hz.
        bits: 24 (integer) or 32 (float).
        time_reference: samples since midnight of the first sample.
        description: bext description.
        moment: bext origination date and time.

    Raises:
        OutputError: the file cannot be created.
    """

    def __init__(
        self, path: Path, sample_rate: int, bits: int, time_reference: int, description: str, moment: datetime
    ):
        self.path, self.bits, self.description = path, bits, description
        self.clipped_samples, self.peak = 0, 0.0
        try:
            self._file = soundfile.SoundFile(str(path), "w", sample_rate, CHANNELS, SUBTYPES[bits], format="RF64")
        except soundfile.LibsndfileError as problem:
            raise OutputError(f"{path.parent}: cannot write here ({problem.error_string})") from problem
        library, handle = soundfile._snd, self._file._file
        library.sf_command(handle, RF64_AUTO_DOWNGRADE, soundfile._ffi.NULL, 1)
        info = bext(description, time_reference, moment)
        if library.sf_command(handle, SET_BROADCAST_INFO, soundfile._ffi.from_buffer(info), len(info)) != 1:
            raise OutputError(f"{path}: this libsndfile cannot write a bext chunk")

    def __enter__(self) -> StemWriter:
        return self

    def __exit__(self, *_) -> None:
        self._file.close()

    def write(self, block: np.ndarray) -> np.ndarray:
        """Append ``[2, n]`` float; answers it as delivered: int32 for 24 bits, float32 for 32.

        Raises:
            DiskFullError: the samples did not fit.
            RenderError: a sample is NaN or infinite.
        """
        if not np.isfinite(block).all():
            raise RenderError(f"{self.description}: an effect made NaN or infinite samples")
        self.peak = max(self.peak, float(np.abs(block).max(initial=0.0)))
        if self.bits == 24:
            delivered, clipped = quantise_24(block)
        else:
            delivered, clipped = block.astype(np.float32), int(np.count_nonzero(np.abs(block) > 1))
        self.clipped_samples += clipped
        self._append(delivered)
        return delivered

    def write_sum(self, stems: list[np.ndarray]) -> None:
        """Append the sum of stems as :meth:`write` answered them; exact in 24 bits, unless it clips.

        Raises:
            DiskFullError: the samples did not fit.
        """
        total = np.sum(stems, axis=0, dtype=np.float64)
        self.write(total / FULL_SCALE_24 if self.bits == 24 else total)

    def _append(self, delivered: np.ndarray) -> None:
        samples = np.left_shift(delivered, 8) if self.bits == 24 else delivered
        try:
            self._file.write(np.ascontiguousarray(samples.T))
        except (AssertionError, soundfile.LibsndfileError) as short:  # soundfile asserts that all was written
            raise self._write_error(samples.nbytes) from short

    def _write_error(self, wanted_bytes: int) -> DiskFullError | OutputError:
        folder = self.path.parent
        if shutil.disk_usage(folder).free < wanted_bytes:
            return DiskFullError(f"{folder}: the disk is full")
        return OutputError(f"{folder}: writing {self.path.name} failed")
