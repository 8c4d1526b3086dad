"""The supervisor process, which the plug-in starts: announces capabilities, warms up, forks and restarts the server.

It has one thread and never reads the control socket: the messages are for the server. So a server that crashes is
replaced by one that has everything imported already. A spare supervisor, forked too, waits beside it. If the supervisor
is killed, its server ends with it, and the spare takes over: nothing has to be imported or loaded again.
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
from collections.abc import Callable
from functools import partial
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
    """Keep a server and a spare supervisor running until the link is closed."""
    alive = os.pipe()  # its second end is held by this process and its servers only
    early, spare = 0, _Spare(partial(_stand_by, link, announced, longest_pause_s, alive))
    while not _closed(link, pause_s(early, longest_pause_s)):
        began = time.monotonic()
        pid, ended = _fork(partial(_serve, link, announced, os.getpid()))
        spare.start()
        while True:
            events = dict(_watch(link.fileno(), ended, *spare.ended).poll())
            if link.fileno() in events:
                _watch(ended).poll(1000 * END_S)  # it ends by itself; else the kernel ends it after this process
                return
            if ended in events:
                break
            spare.replace()
        os.close(ended)
        _, status = os.waitpid(pid, 0)
        early = early + 1 if time.monotonic() - began < STEADY_S else 0
        link.send(packed("died", how=_cause(os.waitstatus_to_exitcode(status))))


def _serve(link: socket.socket, announced: Capabilities, supervisor: int) -> None:
    from plugin_backend.processes import die_with_parent
    from render.plugin_server.server import serve_link

    die_with_parent(supervisor)
    serve_link(link, announced)


def _stand_by(link: socket.socket, announced: Capabilities, longest_pause_s: float, alive: tuple[int, int]) -> None:
    """Wait until the supervisor and its server have ended, then take over; end at once if the link is closed."""
    os.close(alive[1])
    while not (events := dict(_watch(link.fileno(), alive[0]).poll())):
        pass
    os.close(alive[0])
    if link.fileno() not in events:
        link.send(packed("died", how="its supervisor was killed"))
        _run_servers(link, announced, longest_pause_s)
    os._exit(0)


class _Spare:
    """A process that waits to take over from this one.

    Args:
        stand_by: what it does.

    Attributes:
        ended: a descriptor that is closed when it ends; none if no spare runs.
    """

    def __init__(self, stand_by: Callable[[], None]):
        self._stand_by, self._pid, self._began = stand_by, 0, 0.0
        self.ended: list[int] = []

    def start(self) -> None:
        """Start a spare if none runs. Without the means for one, the supervisor runs without a spare."""
        if self.ended:
            return
        try:
            self._pid, ended = _fork(self._stand_by)
        except OSError as problem:
            print(f"supervisor: no spare ({problem.strerror})", file=sys.stderr, flush=True)
            return
        self.ended, self._began = [ended], time.monotonic()

    def replace(self) -> None:
        """Start another after one has ended; after one that lived shortly only together with the next server."""
        os.close(self.ended.pop())
        os.waitpid(self._pid, 0)
        if time.monotonic() - self._began >= STEADY_S:
            self.start()


def _fork(run: Callable[[], None]) -> tuple[int, int]:
    """Fork a process that runs ``run``; return its process id, and a descriptor that is closed when it ends."""
    ended, held = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(ended)
        os.close(held)
        raise
    if pid:
        os.close(held)
        return pid, ended
    try:
        os.close(ended)
        run()
    except (BrokenPipeError, ConnectionResetError):  # the host is gone
        os._exit(0)
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
