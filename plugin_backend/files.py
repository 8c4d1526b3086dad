"""Files that appear whole or not at all, and steps that are not cut in two."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plugin_backend.errors import AudioFileError


@contextmanager
def replaced_when_whole(path: Path) -> Iterator[Path]:
    """Give a temporary neighbour of ``path`` to write; rename it on success, remove it on any failure."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def folder_when_whole(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside ``path`` to fill; rename it on success, remove it on any failure."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.mkdir()
    try:
        yield temporary
        os.rename(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


HELD_BACK = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C and the like back until the block is done; processes started in it never get them.

    The mask is what started processes inherit. It is the calling thread's only: another thread, a progress bar's say,
    takes the signal, and Python runs the handler here all the same. So in the main thread handlers are changed too.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    came: list[int] = []
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)
    mine = HELD_BACK if threading.current_thread() is threading.main_thread() else ()
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
