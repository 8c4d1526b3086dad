"""Lock the output folder for one run. The lock ends with its process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plugin_backend.errors import OutputError
from plugin_backend.file_locks import FileLock

NAME = "batch.lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock ``folder`` for this run. The file ``batch.lock`` stays there; without the lock it means nothing.

    Raises:
        OutputError: another run has locked it, or the system cannot lock files there.
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
