"""The folder a run writes into, and the one line said when the disk refuses."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from plugin_backend.errors import DiskFullError, OutputError


@contextmanager
def made_folder(path: Path) -> Iterator[None]:
    """Make a folder if need be; what was made and stays empty is taken away again.

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
            with suppress(OSError):  # it holds something, or is gone
                folder.rmdir()


def touched(path: Path) -> Path:
    """Make an empty file for libsndfile to open, which has no words of its own for what the system refuses.

    Raises:
        OutputError, DiskFullError: it cannot be made.
    """
    try:
        path.touch()
    except OSError as problem:
        raise disk_error(problem, path.parent) from problem
    return path


def disk_error(problem: OSError, folder: Path) -> OutputError | DiskFullError:
    """What a failure to write into a folder is to the user."""
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"{folder}: the disk is full")
    return OutputError(f"{folder}: cannot write here ({problem.strerror or problem})")
