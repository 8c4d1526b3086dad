"""What a command is about to write, looked at before anything is done."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from plugin_backend.errors import OutputError
from plugin_backend.output_files import cannot_write


def check_new(path: Path, overwrite: bool, source: Path | None = None, other: str = "give another name") -> None:
    """Look before anything is done.

    Args:
        path: the file to write.
        overwrite: whether one that is there may be replaced.
        source: what it is made of, which is never replaced.
        other: what else the user can do.

    Raises:
        OutputError: it is there, or is ``source``.
    """
    if not os.path.exists(path):  # which, unlike Path's, a name no file can have does not trouble
        return
    if source is not None and os.path.exists(source) and path.samefile(source):
        raise OutputError(f"{path}: is what is read, and is never replaced; {other}")
    if not overwrite:
        raise OutputError(f"{path}: is there already; {other}, or --overwrite")


def check_folder(path: Path) -> None:
    """Refuse a folder to write into that cannot be one.

    Raises:
        OutputError: it, or what it should be made in, is a file, or may not be written.
    """
    there = next(each for each in (path, *path.absolute().parents) if os.path.exists(each))
    if not os.path.isdir(there):
        raise cannot_write(path, f"{os.strerror(errno.ENOTDIR)}: {there}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise cannot_write(path, os.strerror(errno.EACCES))
