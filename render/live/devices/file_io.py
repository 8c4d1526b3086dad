"""Files in place of devices: a recording as the input, and a new WAV file as the output."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from plugin_backend.audio_files import inspect_recording
from plugin_backend.errors import OutputError
from plugin_backend.output_files import cannot_write, disk_error
from render.live.devices.rate_adapter import upmix
from render.live.recording.offline_player import blocks_from
from render.wav.float_wav import float_file

INPUT_SUFFIXES = (".wav", ".flac", ".aif", ".aiff", ".ogg", ".mp3", ".w64", ".rf64", ".bwf", ".caf")
OUTPUT_SUFFIX = ".wav"


def is_input_file(wanted: str | None) -> bool:
    """Return whether an input is a file's path, not a device's name."""
    return wanted is not None and (wanted.lower().endswith(INPUT_SUFFIXES) or os.path.isfile(wanted))


def is_output_file(wanted: str | None) -> bool:
    """Return whether an output is a file's path, not a device's name."""
    return wanted is not None and wanted.lower().endswith(OUTPUT_SUFFIX)


def file_input(path: Path, channels: int, block_samples: int, rate_hz: int, tail_samples: int) -> Iterator[np.ndarray]:
    """Return a recording as blocks, followed by silence until its end has been played.

    Args:
        path: the recording.
        channels: of each block; fewer or more in the file are repeated or averaged.
        block_samples: of each block.
        rate_hz: of the blocks; another rate in the file is resampled.
        tail_samples: of silence at the end, at least.

    Returns:
        Blocks ``[channels, block_samples]`` float32.

    Raises:
        AudioFileError: the file cannot be used; raised at once.
    """
    guide = inspect_recording(path)
    blocks = blocks_from(path, guide.channels, block_samples, rate_hz, tail_samples)
    return (np.ascontiguousarray(upmix(block, channels), np.float32) for block in blocks)


def check_output(path: Path) -> None:
    """Check that a file does not exist.

    Raises:
        OutputError: it exists.
    """
    if path.exists():
        raise OutputError(f"{path}: is there already; give another name")


class FileOutput:
    """A float WAV file (RF64 if it is long) of the output. When playing stops, the file is complete.

    If nothing was played, no file stays.

    Args:
        path: the new file.
        channels: of the output.
        rate_hz: of the output.

    Raises:
        OutputError: the file exists already, or cannot be written.
    """

    def __init__(self, path: Path, channels: int, rate_hz: int):
        check_output(path)
        self.path, self._written = path, False
        try:
            self._file = float_file(path, rate_hz, channels)
        except soundfile.LibsndfileError as problem:
            raise cannot_write(path, problem.error_string) from problem

    def write(self, block: np.ndarray) -> None:
        """Write a block ``[channels, n]``.

        Raises:
            OutputError, DiskFullError: it cannot be written.
        """
        self._written = True
        try:
            self._file.write(block.T)
        except OSError as problem:
            raise disk_error(problem, self.path.parent) from problem
        except (AssertionError, soundfile.LibsndfileError) as problem:  # soundfile asserts that all was written
            raise OutputError(f"{self.path}: cannot write ({problem})") from problem

    def close(self) -> None:
        """Close the file; remove it if nothing was written."""
        self._file.close()
        if not self._written:
            self.path.unlink(missing_ok=True)
