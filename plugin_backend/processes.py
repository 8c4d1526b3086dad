"""One thread a process: workers share the cores among themselves, and a process of one thread may be forked."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """End this process as soon as its parent, process ``parent``, ends: by the kernel on Linux, else by a thread."""
    if sys.platform == "linux":
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) is refused")
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)
        return
    from multiprocessing import connection, parent_process

    def watch() -> None:
        connection.wait([parent_process().sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


BACKGROUND_PRIORITY, WORKER_PRIORITY, AUDIO_PRIORITY = 5, 10, 20
"""The audio callback comes before the worker it feeds; the threads beside them share Python's lock with
both, and must not be kept from giving it back."""


def request_priority(priority: int) -> str:
    """Ask for real-time scheduling (FIFO) of the calling thread; what it starts is not so scheduled.

    Returns:
        "" where it is granted, else why not.
    """
    if not hasattr(os, "SCHED_FIFO"):
        return "this system has no real-time priority to ask for"
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except OSError as refused:
        return f"real-time priority was refused ({refused.strerror}): allow it by 'rtprio' in limits.conf"
    return ""


THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
ONE_THREAD_VARIABLES = dict.fromkeys(THREAD_VARIABLES, "1")
"""Of the environment; libraries read it as they are imported."""


@contextmanager
def one_thread_per_process() -> Iterator[None]:
    """What is started in the block computes with one thread."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(ONE_THREAD_VARIABLES)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
