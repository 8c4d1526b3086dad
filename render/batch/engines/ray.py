"""Run the jobs on a Ray cluster. Orders go out and paths come back, never audio; the journal stays with the driver.

Every actor holds a pool of one worker process. So a job runs as on one machine: its codec is loaded once, and its
render processes are forked from a process with one thread; the actor's own process has several. All nodes must see the
jobs' files and the output folder under the same paths.

A cluster is joined only if ``RAY_ADDRESS`` names one, because everyone who can reach a cluster can run code on it.
Otherwise one is started on this machine for this run, at a loopback address, without its dashboard, and with a token
that only this run knows. Some of Ray's own ports still listen on every interface; the token keeps others out.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
from dataclasses import dataclass
from typing import Any

import msgspec

from plugin_backend.errors import WorkerError
from render.batch.engines.pool import DECODE, Pool
from render.batch.engines.protocol import Message, Order, Outcome

SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
"""Ray's settings unless the environment sets them: no usage reports, and workers with the usual priority."""
ADDRESS_VARIABLE, LOCAL = "RAY_ADDRESS", "local"
POLL_S, CONNECT_S = 0.25, 5.0
LOOPBACK = "127.0.0.2"
"""A loopback address that Ray does not replace; it replaces 127.0.0.1 by the machine's outside address."""
MOST_BAD_STARTS = 8
"""How many actors in a row may die before one was ready."""
STORE_BYTES = 80 * 2**20
"""Ray's shared memory on this machine: close to its minimum, because only small messages go through it."""


class Host:
    """The class of the actors: a worker process and its messages."""

    def __init__(self) -> None:
        self._pool = Pool(1)

    def ready(self) -> None:
        """Return as soon as the actor runs."""

    def run(self, order: bytes) -> None:
        """Begin an order, given as JSON."""
        self._pool.submit(msgspec.json.decode(order, type=Order))

    def messages(self) -> list[bytes]:
        """Return messages as JSON; wait a little for the first."""
        return [msgspec.json.encode(message) for message in self._pool.wait(POLL_S)]


@dataclass(eq=False)
class _Actor:
    """An actor. ``pending`` is the reply it owes (``ready`` or ``messages``), ``order`` the name of its job."""

    handle: Any
    pending: Any
    is_ready: bool = False
    order: str | None = None


class RayEngine:
    """An engine of up to ``workers`` actors with one core each, on any node with a free core.

    See :class:`~render.batch.engines.protocol.Engine`. If an actor or node dies, its order fails as with a killed
    process, and the actor is replaced where a core is free.

    Raises:
        ModuleNotFoundError: Ray is not installed.
        WorkerError: no cluster is reachable at ``RAY_ADDRESS``.
    """

    def __init__(self, workers: int) -> None:
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        if _address() == LOCAL:  # Ray reads these variables at import
            os.environ["RAY_AUTH_MODE"] = "token"
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        import ray

        self._ray, self._bad_starts = ray, 0
        self._connect(workers)
        as_actor: Any = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)
        self._remote = as_actor(Host)
        self._actors = [self._start_actor() for _ in range(workers)]

    def _connect(self, workers: int) -> None:
        address = _address()
        local_settings: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False, "_node_ip_address": LOOPBACK}
        local_settings["object_store_memory"] = STORE_BYTES
        _check_reachable(address)
        try:
            self._ray.init(
                address=address,
                log_to_driver=False,
                logging_level=logging.WARNING,
                **(local_settings if address == LOCAL else {}),
            )
        except (ConnectionError, RuntimeError, ValueError) as problem:
            raise WorkerError(f"no Ray cluster at {ADDRESS_VARIABLE}={address}: {problem}") from problem

    def _start_actor(self) -> _Actor:
        handle = self._remote.remote()
        return _Actor(handle, handle.ready.remote())

    @property
    def slots(self) -> int:
        """Return the number of actors that are ready; at least one, whose order then waits for it."""
        return max(1, sum(actor.is_ready for actor in self._actors))

    def submit(self, order: Order) -> None:
        """See :class:`~render.batch.engines.protocol.Engine`."""
        idle = [actor for actor in self._actors if actor.order is None]
        actor = next((actor for actor in idle if actor.is_ready), idle[0])
        actor.order = order.name
        actor.handle.run.remote(msgspec.json.encode(order))
        if actor.is_ready:
            actor.pending = actor.handle.messages.remote()

    def wait(self, timeout_s: float) -> list[Message]:
        """See :class:`~render.batch.engines.protocol.Engine`."""
        due = {actor.pending: actor for actor in self._actors if actor.pending is not None}
        ready, _ = self._ray.wait(list(due), num_returns=1, timeout=timeout_s)
        more, _ = self._ray.wait(list(due), num_returns=len(due), timeout=0)
        return [message for reply in {*ready, *more} for message in self._receive(due[reply])]

    def _receive(self, actor: _Actor) -> list[Message]:
        try:
            reply = self._ray.get(actor.pending)
        except self._ray.exceptions.RayError as problem:
            return self._replace(actor, problem)
        if not actor.is_ready:
            actor.is_ready, self._bad_starts, reply = True, 0, []
        messages = [DECODE.decode(message) for message in reply]
        if any(isinstance(message, Outcome) for message in messages):
            actor.order = None
        actor.pending = actor.handle.messages.remote() if actor.order is not None else None
        return messages

    def _replace(self, actor: _Actor, problem: Exception) -> list[Message]:
        self._actors.remove(actor)
        if not actor.is_ready:
            self._bad_starts += 1
            if self._bad_starts > MOST_BAD_STARTS:
                raise WorkerError(f"Ray starts no worker: {_first_line(problem)}") from problem
        self._actors.append(self._start_actor())
        if actor.order is None:
            return []
        cause = f"its Ray worker or the node it was on is gone: {_first_line(problem)}"
        return [Outcome(name=actor.order, kind="killed", cause=cause)]

    def close(self) -> None:
        """See :class:`~render.batch.engines.protocol.Engine`."""
        for actor in self._actors:
            self._ray.kill(actor.handle)
        self._actors.clear()
        self._ray.shutdown()


def _address() -> str:
    return os.environ.get(ADDRESS_VARIABLE, LOCAL)


def _check_reachable(address: str) -> None:
    """Check that something listens at ``HOST:PORT``; Ray itself would try for minutes without a message."""
    host, _, port = address.rpartition(":")
    if "/" in host or not (host and port.isdecimal()):
        return
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_S).close()
    except (OSError, OverflowError) as problem:
        raise WorkerError(f"no Ray cluster at {ADDRESS_VARIABLE}={address}: {problem}") from problem


def _first_line(problem: Exception) -> str:
    """Return the first line that is not blank."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(problem).__name__
