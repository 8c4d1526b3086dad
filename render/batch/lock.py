"""One batch, one run: a lock on the output folder that dies with its process."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plugin_backend.errors import OutputError

BUSY = (errno.EAGAIN, errno.EACCES)
NAME = "batch.lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for this run; the file ``batch.lock`` stays, and is nothing without its lock.

    Raises:
        OutputError: another run holds it, or the system locks no files there.
    """
    handle = os.open(folder / NAME, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
    try:
        _lock(handle, folder)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    try:
        try:
            import fcntl
        except ImportError:  # Windows
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        if problem.errno in BUSY:
            raise OutputError(f"{folder}: another batch is running into this folder") from problem
        raise OutputError(
            f"{folder}: it cannot be locked ({problem.strerror}); use a disk of this machine"
        ) from problem
