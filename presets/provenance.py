"""The recordings that a preset was captured from: stored by name and content, and found again."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from plugin_backend.output_files import file_digest
from presets.preset import Recording


def recordings_of(files: Iterable[Path]) -> list[Recording]:
    """Return name and digest of files, in order, each once.

    Raises:
        AudioFileError: a file cannot be read.
    """
    return list(dict.fromkeys(Recording(Path(file).name, file_digest(file)) for file in files))


def recordings_in(recordings: Sequence[Recording], folders: Iterable[Path]) -> list[Path] | None:
    """Find recordings in folders, at any depth.

    Args:
        recordings: name and digest of each.
        folders: where to search.

    Returns:
        Their files in order, or ``None`` if one is missing or has changed.

    Raises:
        AudioFileError: a file of a recording's name cannot be read.
    """
    wanted = {recording.name for recording in recordings}
    files: dict[Recording, Path] = {}
    for folder in folders:
        for parent, _, names in os.walk(folder):
            for name in sorted(wanted.intersection(names)):
                path = Path(parent, name)
                files.setdefault(Recording(name, file_digest(path)), path)
    if not recordings or any(recording not in files for recording in recordings):
        return None
    return [files[recording] for recording in recordings]
