"""The process that the plug-in starts: tells what there is, warms up, and forks a server whenever there is none.

It has one thread, and never reads the control socket: messages are the server's. So a server that crashes is replaced
by one that has everything imported already.
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
"""The descriptor that is our end of the control socket."""

STEADY_S = 1.0
"""A server that lived so long did not die of how it began."""

EARLY, SHORTEST_S, LONGEST_S = 3, 0.125, 5.0
"""So many early deaths in a row are no reason to wait; then waits double, from the shortest to the longest."""

END_S = 1.0


def pause_s(early: int, longest_s: float = LONGEST_S) -> float:
    """How long to wait after ``early`` servers in a row that died as soon as they were there."""
    return 0.0 if early <= EARLY else min(longest_s, SHORTEST_S * 2.0 ** min(early - EARLY, 32))


def supervise(config: Path, longest_pause_s: float = LONGEST_S) -> int:
    """Serve the socket that is descriptor 3 until its other side is closed; answers the exit status."""
    try:
        link = socket.socket(fileno=INHERITED)
    except OSError:
        print("render.plugin_server: started by a plug-in only: descriptor 3 is no socket", file=sys.stderr)
        return 2
    link.setblocking(True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a host's Ctrl-C is the host's to answer
    try:
        offer = inspect_installation(config)
        for message in capabilities_message(offer):
            link.send(message)
        _warm_up(offer)
        _keep(link, offer, longest_pause_s)
    except (BrokenPipeError, ConnectionResetError):  # the host is gone
        pass
    return 0


def _warm_up(offer: Capabilities) -> None:
    """Import and load, once, what every server needs. What fails here fails again there, and is told there."""
    import render.plugin_server.effect_engine
    import render.plugin_server.instrument_engine
    import render.plugin_server.resampled_engine
    import render.plugin_server.server  # noqa: F401

    try:
        if offer.spec is not None:
            preload_codec(offer.model)
    except Exception as problem:  # noqa: BLE001 - see above
        print(f"keeper: {type(problem).__name__}: {problem}", file=sys.stderr)
    gc.collect()
    gc.freeze()  # neither looked through nor copied in the servers


def _keep(link: socket.socket, offer: Capabilities, longest_pause_s: float) -> None:
    early = 0
    while not _gone(link, pause_s(early, longest_pause_s)):
        began = time.monotonic()
        pid, ended = _forked(link, offer)
        watch = _watch(link.fileno(), ended)
        while not (events := dict(watch.poll())):
            pass
        if link.fileno() in events:
            _watch(ended).poll(1000 * END_S)  # it ends by itself; after us the kernel ends it
            return
        os.close(ended)
        _, status = os.waitpid(pid, 0)
        early = early + 1 if time.monotonic() - began < STEADY_S else 0
        link.send(packed("died", how=_how(os.waitstatus_to_exitcode(status))))


def _forked(link: socket.socket, offer: Capabilities) -> tuple[int, int]:
    """A server's process id, and a descriptor that hangs up when it ends."""
    keeper = os.getpid()
    ended, held = os.pipe()
    pid = os.fork()
    if pid:
        os.close(held)
        return pid, ended
    try:
        from plugin_backend.processes import die_with_parent
        from render.plugin_server.server import serve_link

        die_with_parent(keeper)
        os.close(ended)
        serve_link(link, offer)
    except BaseException as problem:  # noqa: BLE001 - whatever comes up, this process is not the keeper's to go on
        traceback.print_exception(problem)
        sys.stderr.flush()
    os._exit(1)


def _gone(link: socket.socket, seconds: float) -> bool:
    return bool(_watch(link.fileno()).poll(1000 * seconds))


def _watch(*descriptors: int) -> select.poll:
    """For the end of what is on the other side, and nothing else."""
    watch = select.poll()
    for descriptor in descriptors:
        watch.register(descriptor, 0)
    return watch


def _how(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"
