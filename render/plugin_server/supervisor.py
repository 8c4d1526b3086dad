"""The supervisor process, which the plug-in starts: announces capabilities, warms up, forks and restarts the server.

It has one thread and never reads the control socket: the messages are for the server. So a server that crashes is
replaced by one that has everything imported already.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import time
import traceback
from pathlib import Path

from plugin_backend.daw_plugin.ipc_messages import packed
from plugin_backend.models.registry import preload_codec
from render.plugin_server.capabilities import Capabilities, capabilities_message, inspect_installation

INHERITED = 3
"""The descriptor of this process's end of the control socket."""

STEADY_S = 1.0
"""A server that lived this long did not die of its start."""

EARLY, SHORTEST_S, LONGEST_S = 3, 0.125, 5.0
"""After this many early deaths in a row the supervisor waits; the wait doubles from the shortest to the longest."""

END_S = 1.0


def pause_s(early: int, longest_s: float = LONGEST_S) -> float:
    """Return how long to wait after ``early`` servers in a row died right after their start."""
    return 0.0 if early <= EARLY else min(longest_s, SHORTEST_S * 2.0 ** min(early - EARLY, 32))


def supervise(config: Path, longest_pause_s: float = LONGEST_S) -> int:
    """Serve the control socket on descriptor 3 until its other side is closed.

    Args:
        config: the plug-in's config file.
        longest_pause_s: the longest wait before a server is started again.

    Returns:
        The exit status.
    """
    try:
        link = socket.socket(fileno=INHERITED)
    except OSError:
        print("render.plugin_server: only a plug-in can start this: descriptor 3 is not a socket", file=sys.stderr)
        return 2
    link.setblocking(True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the host handles its own Ctrl-C
    try:
        announced = inspect_installation(config)
        for message in capabilities_message(announced):
            link.send(message)
        _warm_up(announced)
        _run_servers(link, announced, longest_pause_s)
    except (BrokenPipeError, ConnectionResetError):  # the host is gone
        pass
    return 0


def _warm_up(announced: Capabilities) -> None:
    """Import and load once what every server needs. An error here comes again in the server, which reports it."""
    import render.plugin_server.effect_engine
    import render.plugin_server.instrument_engine
    import render.plugin_server.resampled_engine
    import render.plugin_server.server  # noqa: F401

    try:
        if announced.spec is not None:
            preload_codec(announced.model)
    except Exception as problem:  # noqa: BLE001 - see above
        print(f"supervisor: {type(problem).__name__}: {problem}", file=sys.stderr)
    gc.collect()
    gc.freeze()  # the collector skips these objects, so servers do not copy their pages


def _run_servers(link: socket.socket, announced: Capabilities, longest_pause_s: float) -> None:
    early = 0
    while not _closed(link, pause_s(early, longest_pause_s)):
        began = time.monotonic()
        pid, ended = _fork_server(link, announced)
        watch = _watch(link.fileno(), ended)
        while not (events := dict(watch.poll())):
            pass
        if link.fileno() in events:
            _watch(ended).poll(1000 * END_S)  # it ends by itself; else the kernel ends it after this process
            return
        os.close(ended)
        _, status = os.waitpid(pid, 0)
        early = early + 1 if time.monotonic() - began < STEADY_S else 0
        link.send(packed("died", how=_cause(os.waitstatus_to_exitcode(status))))


def _fork_server(link: socket.socket, announced: Capabilities) -> tuple[int, int]:
    """Fork a server; return its process id, and a descriptor that is closed when it ends."""
    supervisor = os.getpid()
    ended, held = os.pipe()
    pid = os.fork()
    if pid:
        os.close(held)
        return pid, ended
    try:
        from plugin_backend.processes import die_with_parent
        from render.plugin_server.server import serve_link

        die_with_parent(supervisor)
        os.close(ended)
        serve_link(link, announced)
    except BaseException as problem:  # noqa: BLE001 - whatever happens, the child must not run the supervisor's code
        traceback.print_exception(problem)
        sys.stderr.flush()
    os._exit(1)


def _closed(link: socket.socket, seconds: float) -> bool:
    return bool(_watch(link.fileno()).poll(1000 * seconds))


def _watch(*descriptors: int) -> select.poll:
    """Return a poll that reports only that the other side is closed."""
    watch = select.poll()
    for descriptor in descriptors:
        watch.register(descriptor, 0)
    return watch


def _cause(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"
