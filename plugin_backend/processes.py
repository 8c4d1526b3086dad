"""Start processes with one thread each, end them with their parent, and request real-time priority.

Workers share the cores among themselves. A process with one thread may be forked.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from plugin_backend.output_files import hold_signals
from plugin_backend.platform_calls import ends_with_parent, set_realtime_priority


def die_with_parent(parent: int) -> None:
    """End this process as soon as its parent, process ``parent``, ends.

    Linux does this in the kernel, other systems by a thread.
    """
    if ends_with_parent():
        if os.getppid() != parent:  # the parent ended before the request
            os._exit(1)
        return
    from multiprocessing import connection, parent_process

    this_parent = parent_process()
    if this_parent is None:
        return

    def watch() -> None:
        connection.wait([this_parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


BACKGROUND_PRIORITY, WORKER_PRIORITY, AUDIO_PRIORITY = 5, 10, 20
"""Priorities.

The audio callback is above the worker that feeds it. Background threads share Python's lock with both, and must get
processor time to release it.
"""


def request_priority(priority: int) -> str:
    """Request real-time scheduling (SCHED_FIFO) for the calling thread.

    Threads and processes that it starts do not inherit it.

    Args:
        priority: 1 to 99.

    Returns:
        An empty string if the request is granted, otherwise the reason.
    """
    return set_realtime_priority(priority)


THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Environment variables of the number of threads."""
ONE_THREAD_VARIABLES = dict.fromkeys(THREAD_VARIABLES, "1")
"""The environment of one thread. Libraries read it when they are imported."""


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables while the block runs."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def one_thread_per_process() -> AbstractContextManager[None]:
    """Let every process that is started in the block compute with one thread."""
    return environment(ONE_THREAD_VARIABLES)


SWITCH_INTERVAL_S = 5e-4
"""For ``sys.setswitchinterval``: how soon a thread that computes in Python gives way to the audio thread."""


def spawn_with_pipe(
    target: Callable[..., None],
    arguments: Callable[[Connection], tuple],
    *,
    name: str | None = None,
    daemon: bool = False,
    duplex: bool = True,
    method: str = "spawn",
) -> tuple[BaseProcess, Connection]:
    """Start a process that has one end of a pipe. It never receives Ctrl-C: its parent stops it.

    Args:
        target: the process's main function.
        arguments: given the process's end of the pipe, returns the arguments of ``target``.
        name: of the process.
        daemon: whether the process is killed when its parent exits.
        duplex: whether both ends send; if not, only the process sends.
        method: the start method of ``multiprocessing``.

    Returns:
        The process, and the parent's end of the pipe.

    Raises:
        OSError: the process cannot be started.
    """
    context = multiprocessing.get_context(method)
    pipe, theirs = context.Pipe(duplex=duplex)
    process = context.Process(target=target, args=arguments(theirs), daemon=daemon, name=name)  # type: ignore[attr-defined]
    resource_tracker.ensure_running()  # starting it unblocks signals, so it comes first
    with hold_signals():
        process.start()
    theirs.close()
    return process, pipe
