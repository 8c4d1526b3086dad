"""Locks that a living process holds on a file: they end with the process, whatever ends it."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

BUSY = (errno.EAGAIN, errno.EACCES)
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
"""What systems say that lock no files there."""


class FileLock:
    """A lock on the file at ``path``, made if need be; :meth:`take` gives one, or none while somebody holds it.

    A file that stays behind means nothing without its lock: no age and no process number is looked at.
    """

    def __init__(self, path: Path, handle: int):
        self.path, self._handle = path, handle

    @classmethod
    def take(cls, path: Path) -> FileLock | None:
        """The lock, or ``None`` while a living process has it.

        Raises:
            OSError: the file cannot be made, or the system locks no files there.
        """
        while True:
            handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
            try:
                _lock(handle)
                if _is(path, handle):  # else the holder before removed it meanwhile
                    return cls(path, handle)
            except OSError as problem:
                os.close(handle)
                if problem.errno in BUSY:
                    return None
                raise
            os.close(handle)

    def release(self, remove: bool = True) -> None:
        """Let go, and remove the file unless it shall stay."""
        if remove:
            with suppress(OSError):
                self.path.unlink()
        os.close(self._handle)


def _lock(handle: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False
