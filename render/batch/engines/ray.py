"""The same jobs on a Ray cluster: orders go out and paths come back, never audio; the journal stays with the driver.

Every actor holds a pool of one worker process, so a job runs as it does on one machine: its codec is loaded once, and
its render processes are forked from a process of one thread, which an actor's own is not. All nodes must see the jobs'
files and the output folder under the same paths.

A cluster is joined only where ``RAY_ADDRESS`` names one: who may talk to a cluster may run code on it. Otherwise one
is started on this machine for this run, at a loopback address, without its dashboard, and with a token that only this
run knows. Some of Ray's own ports still listen on every interface; the token is what keeps others out.
"""

from __future__ import annotations

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
"""What Ray is told unless the environment says otherwise: no report home, and workers of the usual priority."""
ADDRESS_VARIABLE, LOCAL = "RAY_ADDRESS", "local"
POLL_S, CONNECT_S = 0.25, 5.0
LOOPBACK = "127.0.0.2"
"""A loopback address that Ray leaves alone: 127.0.0.1 it would replace by the address others reach us at."""
MOST_BAD_STARTS = 8
"""Actors that may die in a row before one of them was ready."""
STORE_BYTES = 80 * 2**20
"""Ray's shared memory on this machine: next to the least it takes, for nothing large goes through it."""


class Host:
    """What an actor is: a worker process, and what it has said."""

    def __init__(self):
        self._pool = Pool(1)

    def ready(self) -> None:
        """Answers once the actor runs."""

    def run(self, order: bytes) -> None:
        """Begin an order, in JSON."""
        self._pool.submit(msgspec.json.decode(order, type=Order))

    def said(self) -> list[bytes]:
        """Messages in JSON; waits a little for the first."""
        return [msgspec.json.encode(message) for message in self._pool.wait(POLL_S)]


@dataclass(eq=False)
class _Actor:
    """An actor; ``waiting`` is its answer that is due (``ready`` or ``said``), ``order`` the job it is at."""

    handle: Any
    waiting: Any
    is_ready: bool = False
    order: str | None = None


class RayEngine:
    """Up to ``workers`` actors of one core each, wherever there is room; see
    :class:`~render.batch.engines.protocol.Engine`.

    An actor or node that dies fails its order as a killed process does, and is replaced where there is room.

    Raises:
        ModuleNotFoundError: Ray is not installed.
        WorkerError: no cluster answers at ``RAY_ADDRESS``.
    """

    def __init__(self, workers: int):
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        if _address() == LOCAL:  # Ray reads these when it is imported
            os.environ["RAY_AUTH_MODE"] = "token"
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        import ray

        self._ray, self._bad_starts = ray, 0
        self._join(workers)
        self._remote = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(Host)
        self._actors = [self._started() for _ in range(workers)]

    def _join(self, workers: int) -> None:
        address = _address()
        here = {"num_cpus": workers, "include_dashboard": False, "_node_ip_address": LOOPBACK}
        here["object_store_memory"] = STORE_BYTES
        _check_answers(address)
        try:
            self._ray.init(
                address=address,
                log_to_driver=False,
                logging_level="warning",
                **(here if address == LOCAL else {}),
            )
        except (ConnectionError, RuntimeError, ValueError) as problem:
            raise WorkerError(f"no Ray cluster at {ADDRESS_VARIABLE}={address}: {problem}") from problem

    def _started(self) -> _Actor:
        handle = self._remote.remote()
        return _Actor(handle, handle.ready.remote())

    @property
    def slots(self) -> int:
        """Actors that are ready; at least one, whose order then waits for it."""
        return max(1, sum(actor.is_ready for actor in self._actors))

    def submit(self, order: Order) -> None:
        """See :class:`~render.batch.engines.protocol.Engine`."""
        idle = [actor for actor in self._actors if actor.order is None]
        actor = next((actor for actor in idle if actor.is_ready), idle[0])
        actor.order = order.name
        actor.handle.run.remote(msgspec.json.encode(order))
        if actor.is_ready:
            actor.waiting = actor.handle.said.remote()

    def wait(self, timeout_s: float) -> list[Message]:
        """See :class:`~render.batch.engines.protocol.Engine`."""
        due = {actor.waiting: actor for actor in self._actors if actor.waiting is not None}
        ready, _ = self._ray.wait(list(due), num_returns=1, timeout=timeout_s)
        more, _ = self._ray.wait(list(due), num_returns=len(due), timeout=0)
        return [message for answer in {*ready, *more} for message in self._heard(due[answer])]

    def _heard(self, actor: _Actor) -> list[Message]:
        try:
            answer = self._ray.get(actor.waiting)
        except self._ray.exceptions.RayError as problem:
            return self._replaced(actor, problem)
        if not actor.is_ready:
            actor.is_ready, self._bad_starts, answer = True, 0, []
        said = [DECODE.decode(message) for message in answer]
        if any(isinstance(message, Outcome) for message in said):
            actor.order = None
        actor.waiting = actor.handle.said.remote() if actor.order is not None else None
        return said

    def _replaced(self, actor: _Actor, problem: Exception) -> list[Message]:
        self._actors.remove(actor)
        if not actor.is_ready:
            self._bad_starts += 1
            if self._bad_starts > MOST_BAD_STARTS:
                raise WorkerError(f"Ray starts no worker: {_line(problem)}") from problem
        self._actors.append(self._started())
        if actor.order is None:
            return []
        cause = f"its Ray worker or the node it was on is gone: {_line(problem)}"
        return [Outcome(name=actor.order, kind="killed", cause=cause)]

    def close(self) -> None:
        """See :class:`~render.batch.engines.protocol.Engine`."""
        for actor in self._actors:
            self._ray.kill(actor.handle)
        self._actors.clear()
        self._ray.shutdown()


def _address() -> str:
    return os.environ.get(ADDRESS_VARIABLE, LOCAL)


def _check_answers(address: str) -> None:
    """See that something listens at ``HOST:PORT``; Ray itself would try for minutes, without a word."""
    host, _, port = address.rpartition(":")
    if "/" in host or not (host and port.isdecimal()):
        return
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_S).close()
    except (OSError, OverflowError) as problem:
        raise WorkerError(f"no Ray cluster at {ADDRESS_VARIABLE}={address}: {problem}") from problem


def _line(problem: Exception) -> str:
    """The first line that says something."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(problem).__name__
