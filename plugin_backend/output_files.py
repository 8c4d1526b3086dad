"""Write files that appear complete or not at all, make output folders, and name the reason when the disk refuses."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from plugin_backend.errors import AudioFileError, DiskFullError, OutputError
from plugin_backend.platform_calls import can_open_folders

NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""Errors of file systems that have no hard links."""


@contextmanager
def write_atomically(path: Path, *, only_if_free: bool = False, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` to write to. Rename the file on success, remove it on any failure.

    Args:
        path: the file's final path.
        only_if_free: raise FileExistsError, and replace nothing, if ``path`` exists by then.
        durable: sync the file to disk before it is renamed, so that after a power cut either the old or the new file is
            there. Not needed for caches, whose entries show by themselves whether they are complete.
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
    """Yield a temporary folder beside ``path`` to fill. Rename it on success, remove it on any failure."""
    temporary = hidden_path_beside(path)
    temporary.mkdir()
    try:
        yield temporary
        os.rename(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def hidden_path_beside(path: Path, end: str = "part") -> Path:
    """Return a hidden path beside ``path`` that no one else uses. Process numbers may be equal in two containers."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.{end}")


def rename_if_free(source: Path, target: Path) -> None:
    """Name a file ``target`` if that name is free. The file is called ``source`` too until that name is removed.

    Raises:
            FileExistsError: ``target`` exists. Only on a file system without links can two processes at the same moment
            both
            find the name free.
        OSError: the file cannot be renamed.
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
    """Wait until a file, or the list of names in a folder, is on disk."""
    is_folder = path.is_dir()
    if is_folder and not can_open_folders():
        return
    handle = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


HELD_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def hold_signals() -> Iterator[None]:
    """Hold back Ctrl-C and similar signals until the block ends. Processes that are started in it never receive them.

    Started processes inherit the signal mask. The mask holds for the calling thread only: another thread, for example
    of
    a progress bar, receives the signal, and Python still runs the handler in the main thread. So in the main thread the
    handlers are changed too.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    received: list[int] = []
    mask_before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD_SIGNALS)
    numbers = HELD_SIGNALS if threading.current_thread() is threading.main_thread() else ()
    handlers = {number: signal.signal(number, lambda number, _: received.append(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler or signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask_before)
        for number in dict.fromkeys(received):
            signal.raise_signal(number)


def file_digest(path: Path) -> str:
    """Return 32 hexadecimal digits (BLAKE2b) of a file's bytes.

    Raises:
        AudioFileError: the file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as problem:
        raise AudioFileError(f"{path}: cannot be read ({problem.strerror})") from problem


@contextmanager
def make_folder(path: Path) -> Iterator[None]:
    """Make a folder, and its parents, if they are absent. Remove those of them that are still empty at the end.

    Raises:
        OutputError: the folder cannot be made.
        DiskFullError: the disk is full.
    """
    try:
        new = [folder for folder in (path, *path.parents) if not folder.exists()]
        path.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise disk_error(problem, path) from problem
    try:
        yield
    finally:
        for folder in new:
            with suppress(OSError):  # it holds something, or it is gone
                folder.rmdir()


def touch_file(path: Path) -> Path:
    """Make an empty file for libsndfile to open, because libsndfile does not say why the system refuses a file.

    Raises:
        OutputError: the file cannot be made.
        DiskFullError: the disk is full.
    """
    try:
        path.touch()
    except OSError as problem:
        raise disk_error(problem, path.parent) from problem
    return path


def disk_error(problem: OSError, folder: Path) -> OutputError | DiskFullError:
    """Return the error to raise when a file cannot be written into ``folder``."""
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"{folder}: the disk is full")
    return cannot_write(folder, problem.strerror or problem)


def cannot_write(path: Path | str, reason: object) -> OutputError:
    """Return the error that says that ``path`` cannot be written, and why."""
    return OutputError(f"{path}: cannot write here ({reason})")
