"""What a preset was captured from: remembered by name and content, and found again."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from plugin_backend.output_files import file_digest
from presets.preset import Recording


def recordings_of(files: Iterable[Path]) -> list[Recording]:
    """Files by name and digest, in their order, each once.

    Raises:
        AudioFileError: one cannot be read.
    """
    return list(dict.fromkeys(Recording(Path(file).name, file_digest(file)) for file in files))


def recordings_in(recordings: Sequence[Recording], folders: Iterable[Path]) -> list[Path] | None:
    """Where recordings are, in their order, wherever they lie in the folders; ``None`` if one is not there as it was.

    Raises:
        AudioFileError: a file of such a name cannot be read.
    """
    wanted = {recording.name for recording in recordings}
    there: dict[Recording, Path] = {}
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in sorted(wanted.intersection(names)):
                path = Path(place, name)
                there.setdefault(Recording(name, file_digest(path)), path)
    found = [there.get(recording) for recording in recordings]
    return None if None in found or not found else found
