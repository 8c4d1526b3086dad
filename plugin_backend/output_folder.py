"""The folder that results are written into, and clear errors when the disk refuses."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from plugin_backend.errors import DiskFullError, OutputError


@contextmanager
def made_folder(path: Path) -> Iterator[None]:
    """Make a folder if it does not exist. Afterwards, remove the made folders that are still empty.

    Raises:
        OutputError, DiskFullError: it cannot be made.
    """
    try:
        made = [folder for folder in (path, *path.parents) if not folder.exists()]
        path.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise disk_error(problem, path) from problem
    try:
        yield
    finally:
        for folder in made:
            with suppress(OSError):  # it is not empty, or does not exist
                folder.rmdir()


def create_empty_file(path: Path) -> Path:
    """Create an empty file for libsndfile to open. libsndfile does not say why the system refuses a file.

    Raises:
        OutputError, DiskFullError: it cannot be created.
    """
    try:
        path.touch()
    except OSError as problem:
        raise disk_error(problem, path.parent) from problem
    return path


def disk_error(problem: OSError, folder: Path) -> OutputError | DiskFullError:
    """Return the error to show to the user when writing into a folder fails."""
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"{folder}: the disk is full")
    return OutputError(f"{folder}: cannot write here ({problem.strerror or problem})")
