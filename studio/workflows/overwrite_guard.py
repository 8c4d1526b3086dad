"""Checks of files and folders that a command will write, before it does anything."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from plugin_backend.errors import OutputError


def check_new(path: Path, overwrite: bool, source: Path | None = None, other: str = "give another name") -> None:
    """Check that a file may be written.

    Args:
        path: the file to write.
        overwrite: whether an existing file may be replaced.
        source: the file that is read; it is never replaced.
        other: what else the user can do, for the message.

    Raises:
        OutputError: the file exists and may not be replaced, or it is ``source``.
    """
    if not os.path.exists(path):  # unlike Path.exists, it accepts a name that no file can have
        return
    if source is not None and os.path.exists(source) and path.samefile(source):
        raise OutputError(f"{path}: this is the input file, which is never replaced; {other}")
    if not overwrite:
        raise OutputError(f"{path}: is there already; {other}, or --overwrite")


def check_folder(path: Path) -> None:
    """Check that a folder can be written into, or be made.

    Raises:
        OutputError: the folder or the one above it is a file, or may not be written.
    """
    existing = next(folder for folder in (path, *path.absolute().parents) if os.path.exists(folder))
    if not os.path.isdir(existing):
        raise OutputError(f"{path}: cannot write here ({os.strerror(errno.ENOTDIR)}: {existing})")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: cannot write here ({os.strerror(errno.EACCES)})")
