"""Everything that only some systems have: the calls of Linux, and for each a way that other systems have too.

This is the one module that asks which system it runs on for a system call. ``PISADA_PLATFORM=portable`` chooses the
other ways on Linux as well; the tests do.

| what | Linux | elsewhere |
|---|---|---|
| end with the parent process | ``prctl`` | a thread waits for the parent (:mod:`plugin_backend.processes`) |
| start a process that shares what is loaded | fork | spawn: it loads again |
| memory that two processes map | ``memfd`` | a mapped file without a name |
| wake a process that waits | futex | a byte through a socket (:mod:`render.plugin_server.wakeup`) |
| lock a file | ``flock`` | ``flock``; on Windows ``msvcrt`` |
| real-time priority | ``SCHED_FIFO`` | none |
| more descriptors | ``setrlimit`` | the system's limit stays |
"""

from __future__ import annotations

import errno
import os
import platform
import signal
import sys
import time
from typing import Literal

VARIABLE = "PISADA_PLATFORM"
PORTABLE = "portable"
"""The value of the variable that chooses the ways of other systems."""

BUSY = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
"""Errors of a lock that another process has."""

KILLED_STATUS = -int(getattr(signal, "SIGKILL", 9))
"""The exit status of a process that was killed. On Windows no process has it."""

PR_SET_PDEATHSIG = 1
FUTEX_CALLS = {"x86_64": 202, "aarch64": 98, "riscv64": 98}
"""Number of the futex system call by machine, from Linux's ``unistd.h``."""

_LOCK_PAUSE_S = 0.2


def has_linux_calls() -> bool:
    """Return whether the calls of Linux are used."""
    return sys.platform == "linux" and os.environ.get(VARIABLE) != PORTABLE


def ends_with_parent() -> bool:
    """Ask the kernel to kill this process when its parent ends; return whether the kernel can do that.

    Raises:
        OSError: the kernel refuses.
    """
    if not has_linux_calls():
        return False
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) is refused")
    return True


def start_method() -> Literal["fork", "spawn"]:
    """Return how a process starts another of its kind. Elsewhere fork is unsafe with the system's own threads."""
    return "fork" if has_linux_calls() else "spawn"


def shared_memory(size_bytes: int) -> int:
    """Return the descriptor of new memory without a name that other processes can map. The caller closes it.

    Raises:
        OSError: there is no memory, or no room for the file.
    """
    if has_linux_calls():
        descriptor = os.memfd_create("pisada", os.MFD_CLOEXEC)
    else:
        import tempfile

        with tempfile.TemporaryFile(prefix="pisada-") as file:
            descriptor = os.dup(file.fileno())
    try:
        os.ftruncate(descriptor, size_bytes)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def futex_call() -> int | None:
    """Return the number of the futex system call, or ``None`` if there is none: use a socket."""
    return FUTEX_CALLS.get(platform.machine()) if has_linux_calls() else None


def lock_file(handle: int, wait: bool = False) -> None:
    """Lock an open file until it is closed or its process ends.

    Args:
        handle: of the file.
        wait: whether to wait for another process that has the lock.

    Raises:
        OSError: another process has the lock (its number is in :data:`BUSY`), or the file system has no locks.
    """
    if sys.platform == "win32":
        import msvcrt

        while True:
            try:
                return msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            except OSError as problem:
                if not wait or problem.errno not in BUSY:
                    raise
                time.sleep(_LOCK_PAUSE_S)
    import fcntl

    fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def set_realtime_priority(priority: int) -> str:
    """Give the calling thread real-time scheduling, which its threads and processes do not inherit.

    Args:
        priority: 1 to 99.

    Returns:
        An empty string if it is granted, otherwise the reason.
    """
    if not hasattr(os, "SCHED_FIFO"):
        return "this system has no real-time priority to ask for"
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except OSError as refused:
        return f"real-time priority was refused ({refused.strerror}): allow it by 'rtprio' in limits.conf"
    return ""


def allow_all_descriptors() -> None:
    """Raise this process's limit of open files to what the system allows it."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def can_open_folders() -> bool:
    """Return whether a folder can be opened, to wait until its list of names is on disk. Windows cannot."""
    return sys.platform != "win32"
