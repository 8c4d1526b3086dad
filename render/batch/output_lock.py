"""One batch, one run: a lock on the output folder that dies with its process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plugin_backend.errors import OutputError
from plugin_backend.file_locks import FileLock

NAME = "batch.lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for this run; the file ``batch.lock`` stays, and is nothing without its lock.

    Raises:
        OutputError: another run holds it, or the system locks no files there.
    """
    try:
        lock = FileLock.acquire(folder / NAME)
    except OSError as problem:
        raise OutputError(
            f"{folder}: it cannot be locked ({problem.strerror}); use a disk of this machine"
        ) from problem
    if lock is None:
        raise OutputError(f"{folder}: another batch is running into this folder")
    try:
        yield
    finally:
        lock.release(remove=False)
