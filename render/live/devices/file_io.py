"""Files in place of devices: a recording played as if into the microphone, and a WAV that takes what is heard."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from plugin_backend.audio_files import inspect_recording
from plugin_backend.errors import OutputError
from plugin_backend.output_files import disk_error
from render.live.devices.rate_adapter import upmix
from render.live.recording.offline_player import blocks_from
from render.wav.float_wav import float_file

INPUT_SUFFIXES = (".wav", ".flac", ".aif", ".aiff", ".ogg", ".mp3", ".w64", ".rf64", ".bwf", ".caf")
OUTPUT_SUFFIX = ".wav"


def is_input_file(wanted: str | None) -> bool:
    """Whether an input is a file's path, not a device's name."""
    return wanted is not None and (wanted.lower().endswith(INPUT_SUFFIXES) or os.path.isfile(wanted))


def is_output_file(wanted: str | None) -> bool:
    """Whether an output is a file's path, not a device's name."""
    return wanted is not None and wanted.lower().endswith(OUTPUT_SUFFIX)


def file_input(path: Path, channels: int, block_samples: int, rate_hz: int, tail_samples: int) -> Iterator[np.ndarray]:
    """A recording as blocks ``[channels, block_samples]`` at ``rate_hz``, then silence until its end is heard.

    Raises:
        AudioFileError: it cannot be used; at once.
    """
    guide = inspect_recording(path)
    blocks = blocks_from(path, guide.channels, block_samples, rate_hz, tail_samples)
    return (np.ascontiguousarray(upmix(block, channels), np.float32) for block in blocks)


def check_output(path: Path) -> None:
    """Refuse a file that is there.

    Raises:
        OutputError: it is.
    """
    if path.exists():
        raise OutputError(f"{path}: is there already; give another name")


class FileOutput:
    """A float WAV file (RF64 where it must be) of what is heard; what is there when playing stops is whole.

    Where nothing was heard there is no file.

    Raises:
        OutputError: it is there already, or cannot be written.
    """

    def __init__(self, path: Path, channels: int, rate_hz: int):
        check_output(path)
        self.path, self._taken = path, False
        try:
            self._file = float_file(path, rate_hz, channels)
        except soundfile.LibsndfileError as problem:
            raise OutputError(f"{path}: cannot write here ({problem.error_string})") from problem

    def take(self, block: np.ndarray) -> None:
        """Write ``[channels, n]``.

        Raises:
            OutputError, DiskFullError: it cannot be written.
        """
        self._taken = True
        try:
            self._file.write(block.T)
        except OSError as problem:
            raise disk_error(problem, self.path.parent) from problem
        except (AssertionError, soundfile.LibsndfileError) as problem:  # soundfile asserts that all was written
            raise OutputError(f"{self.path}: cannot write ({problem})") from problem

    def close(self) -> None:
        """No more comes."""
        self._file.close()
        if not self._taken:
            self.path.unlink(missing_ok=True)
