"""The default engine: spawned worker processes on this machine that stay ready for the next job."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import connection
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from plugin_backend.platform_calls import KILLED_STATUS
from plugin_backend.processes import die_with_parent, one_thread_per_process, spawn_with_pipe
from render.batch.engines.protocol import Message, Order, Outcome


def serve(pipe: Connection, parent: int) -> None:
    """Run the worker process: execute orders from the pipe until it closes."""
    die_with_parent(parent)
    os.dup2(2, 1)  # libraries print; standard output belongs to the parent
    import msgspec

    import render.delivery.waveform_plot  # noqa: F401
    from render.batch.engines.execute import execute
    from render.batch.engines.protocol import Order

    while True:
        try:
            order = msgspec.json.decode(pipe.recv_bytes(), type=Order)
        except EOFError:
            return
        outcome = execute(order, lambda progress: pipe.send_bytes(msgspec.json.encode(progress)))
        pipe.send_bytes(msgspec.json.encode(outcome))


DECODE = msgspec.json.Decoder(Message)
EXIT_S = 2.0
"""Seconds that a process may take to exit after it has closed its pipe."""


class _Worker:
    """One worker process, idle or running an order."""

    def __init__(self) -> None:
        with one_thread_per_process():
            self.process, self.pipe = spawn_with_pipe(serve, lambda pipe: (pipe, os.getpid()), name="pisada-batch")
        self.order: Order | None = None

    def submit(self, order: Order) -> None:
        self.order = order
        with suppress(OSError):  # it died while idle; wait() will notice
            self.pipe.send_bytes(msgspec.json.encode(order))

    def messages(self) -> Iterator[Message]:
        """Yield the messages received. Raises EOFError or OSError if the process is gone."""
        while self.pipe.poll():
            yield DECODE.decode(self.pipe.recv_bytes())

    def death(self) -> Outcome | None:
        """Return the outcome that the process's death means for its order; None if it was idle."""
        self.process.join(EXIT_S)
        self.stop()
        if self.order is None:
            return None
        status = self.process.exitcode
        if status == KILLED_STATUS:
            return Outcome(name=self.order.name, kind="killed", cause="its worker was killed (SIGKILL)")
        status_text = f"exit status {status}" if status is None or status >= 0 else signal.Signals(-status).name
        return Outcome(name=self.order.name, kind="crash", cause=f"its worker died ({status_text})")

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


class Pool:
    """An engine of ``workers`` processes. A process that dies fails its order and is replaced."""

    def __init__(self, workers: int) -> None:
        self.slots = workers
        self._workers: list[_Worker] = []
        self._unstarted: list[Outcome] = []

    def submit(self, order: Order) -> None:
        """See :class:`~render.batch.engines.protocol.Engine`."""
        idle = next((each for each in self._workers if each.order is None and each.process.is_alive()), None)
        if idle is None:
            try:
                idle = _Worker()
            except OSError as problem:  # no memory, processes or handles left: a transient failure
                cause = f"no worker could be started ({problem.strerror or problem})"
                self._unstarted.append(Outcome(name=order.name, kind="killed", cause=cause))
                return
            self._workers.append(idle)
        idle.submit(order)

    def wait(self, timeout_s: float) -> list[Message]:
        """See :class:`~render.batch.engines.protocol.Engine`."""
        by_handle: dict[Any, _Worker] = {worker.pipe: worker for worker in self._workers}
        by_handle |= {worker.process.sentinel: worker for worker in self._workers}
        messages_so_far: list[Message] = [*self._unstarted]
        self._unstarted = []
        ready = connection.wait(list(by_handle), 0 if messages_so_far else timeout_s) if by_handle else []
        ready_workers = {by_handle[handle] for handle in ready}
        # a process that a plug-in started may outlive its worker and keep the worker's handles open
        for worker in [each for each in self._workers if each in ready_workers or not each.process.is_alive()]:
            messages_so_far += self._receive(worker)
        return messages_so_far

    def _receive(self, worker: _Worker) -> list[Message]:
        messages_so_far = []
        try:
            for message in worker.messages():
                messages_so_far.append(message)
            ended = not worker.process.is_alive()
        except (EOFError, OSError):
            ended = True
        if any(isinstance(message, Outcome) for message in messages_so_far):
            worker.order = None
        if ended:
            self._workers.remove(worker)
            messages_so_far += filter(None, [worker.death()])
        return messages_so_far

    def close(self) -> None:
        """See :class:`~render.batch.engines.protocol.Engine`."""
        for worker in self._workers:
            worker.stop()
        self._workers.clear()
