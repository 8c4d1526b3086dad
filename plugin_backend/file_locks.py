"""Lock a file until the process ends.

The library filelock (4.3) is not used, because it leaves the lock file in the folder after the release, and refuses a
lock file that another account owns in a shared folder.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from plugin_backend.platform_calls import BUSY, lock_file

NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
"""Errors of file systems that have no locks."""


class FileLock:
    """A lock on the file at ``path``. :meth:`acquire` makes the file if it is absent.

    A file without a lock means nothing: neither its age nor a process number is checked.
    """

    def __init__(self, path: Path, handle: int):
        self.path, self._handle = path, handle

    @classmethod
    def acquire(cls, path: Path) -> FileLock | None:
        """Take the lock; return ``None`` while a living process has it.

        Raises:
            OSError: the file cannot be made, or the file system has no locks.
        """
        while True:
            handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
            try:
                lock_file(handle)
                if _is_same_file(path, handle):  # otherwise the last owner has removed the file
                    return cls(path, handle)
            except OSError as problem:
                os.close(handle)
                if problem.errno in BUSY:
                    return None
                raise
            os.close(handle)

    def release(self, remove: bool = True) -> None:
        """Release the lock, and remove the file unless ``remove`` is false."""
        if remove:
            with suppress(OSError):
                self.path.unlink()
        os.close(self._handle)


def _is_same_file(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False
