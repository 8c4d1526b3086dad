"""A float WAV file being written, of any length."""

from __future__ import annotations

import os
from pathlib import Path

import soundfile

from plugin_backend.output_files import touch_file
from render.wav.stem_writer import RF64_AUTO_DOWNGRADE


def float_file(path: Path, rate_hz: int, channels: int) -> soundfile.SoundFile:
    """Open it; it is an RF64 file where a plain one has no room.

    Raises:
        OutputError, DiskFullError: it cannot be made. LibsndfileError: it cannot be written.
    """
    file = soundfile.SoundFile(os.fsencode(touch_file(path)), "w", rate_hz, channels, "FLOAT", format="RF64")
    soundfile._snd.sf_command(file._file, RF64_AUTO_DOWNGRADE, soundfile._ffi.NULL, 1)
    return file
