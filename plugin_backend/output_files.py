"""Files that appear whole or not at all, and steps that are not cut in two."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plugin_backend.errors import AudioFileError

NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""What file systems say that have no hard links."""


@contextmanager
def write_atomically(path: Path, *, only_if_free: bool = False, durable: bool = True) -> Iterator[Path]:
    """Give a temporary neighbour of ``path`` to write; rename it on success, remove it on any failure.

    Args:
        only_if_free: never replace what is there by then: FileExistsError.
        durable: wait until it is on disk before it gets its name, so that a power cut leaves the old file or the new.
            Not for caches, whose entries tell by themselves whether they are whole.
    """
    temporary = hidden_path_beside(path)
    try:
        yield temporary
        if durable:
            sync_to_disk(temporary)
        if only_if_free:
            rename_if_free(temporary, path)
        else:
            os.replace(temporary, path)
        if durable:
            sync_to_disk(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def make_folder_atomically(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside ``path`` to fill; rename it on success, remove it on any failure."""
    temporary = hidden_path_beside(path)
    temporary.mkdir()
    try:
        yield temporary
        os.rename(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def hidden_path_beside(path: Path, end: str = "part") -> Path:
    """A hidden name beside ``path`` that nobody else has: two containers may count the same process numbers."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.{end}")


def rename_if_free(source: Path, target: Path) -> None:
    """Name a file ``target`` if that is free; it is called ``source`` too until that is removed.

    Raises:
        FileExistsError: something is there. Only where a file system has no links can two that come at one moment both
            find it free.
        OSError: it cannot be named.
    """
    try:
        os.link(source, target)
    except OSError as problem:
        if problem.errno not in NO_LINKS:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from problem
        os.rename(source, target)


def sync_to_disk(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on disk."""
    folder = path.is_dir()
    if folder and os.name == "nt":  # which opens no folders
        return
    handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


HELD_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def hold_signals() -> Iterator[None]:
    """Hold Ctrl-C and the like back until the block is done; processes started in it never get them.

    The mask is what started processes inherit. It is the calling thread's only: another thread, a progress bar's say,
    takes the signal, and Python runs the handler here all the same. So in the main thread handlers are changed too.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    came: list[int] = []
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD_SIGNALS)
    mine = HELD_SIGNALS if threading.current_thread() is threading.main_thread() else ()
    handlers = {number: signal.signal(number, lambda number, _: came.append(number)) for number in mine}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler or signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number in dict.fromkeys(came):
            signal.raise_signal(number)


def file_digest(path: Path) -> str:
    """32 hex digits (BLAKE2b) of a file's bytes.

    Raises:
        AudioFileError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as problem:
        raise AudioFileError(f"{path}: cannot be read ({problem.strerror})") from problem
