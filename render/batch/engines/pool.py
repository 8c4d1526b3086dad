"""The default engine: spawned worker processes on this machine, each warm for the next job."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection

import msgspec

from plugin_backend.output_files import hold_signals
from plugin_backend.processes import die_with_parent, one_thread_per_process
from render.batch.engines.protocol import Message, Order, Outcome


def serve(pipe: Connection, parent: int) -> None:
    """The process's main function."""
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
"""How long a process that has closed its pipe may take to end as it likes."""


class _Worker:
    """One process: idle, or at an order."""

    def __init__(self):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, os.getpid()), name="pisada-batch")
        resource_tracker.ensure_running()  # starting it unblocks signals, so it comes first
        with one_thread_per_process(), hold_signals():  # a Ctrl-C goes to the whole group; the parent stops its workers
            self.process.start()
        theirs.close()
        self.order: Order | None = None

    def submit(self, order: Order) -> None:
        self.order = order
        with suppress(OSError):  # it died idle; wait() finds it so
            self.pipe.send_bytes(msgspec.json.encode(order))

    def messages(self) -> Iterator[Message]:
        """What it has said; ends with EOFError or OSError when it is gone."""
        while self.pipe.poll():
            yield DECODE.decode(self.pipe.recv_bytes())

    def death(self) -> Outcome | None:
        """What its death means to its order."""
        self.process.join(EXIT_S)
        self.stop()
        if self.order is None:
            return None
        status = self.process.exitcode
        if status == -signal.SIGKILL:
            return Outcome(name=self.order.name, kind="killed", cause="its worker was killed (SIGKILL)")
        how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        return Outcome(name=self.order.name, kind="crash", cause=f"its worker died ({how})")

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


class Pool:
    """``workers`` processes; one that dies fails its order and is replaced."""

    def __init__(self, workers: int):
        self.slots = workers
        self._workers: list[_Worker] = []
        self._unstarted: list[Outcome] = []

    def submit(self, order: Order) -> None:
        """See :class:`~render.batch.engines.protocol.Engine`."""
        idle = next((each for each in self._workers if each.order is None and each.process.is_alive()), None)
        if idle is None:
            try:
                idle = _Worker()
            except OSError as problem:  # no memory, no processes, no handles: that may pass
                cause = f"no worker could be started ({problem.strerror or problem})"
                self._unstarted.append(Outcome(name=order.name, kind="killed", cause=cause))
                return
            self._workers.append(idle)
        idle.submit(order)

    def wait(self, timeout_s: float) -> list[Message]:
        """See :class:`~render.batch.engines.protocol.Engine`."""
        by_handle = {worker.pipe: worker for worker in self._workers}
        by_handle |= {worker.process.sentinel: worker for worker in self._workers}
        said: list[Message] = self._unstarted
        self._unstarted = []
        ready = connection.wait(list(by_handle), 0 if said else timeout_s) if by_handle else []
        speaking = {by_handle[handle] for handle in ready}
        # what a plug-in started may outlive its worker, and hold the worker's handles
        for worker in [each for each in self._workers if each in speaking or not each.process.is_alive()]:
            said += self._heard(worker)
        return said

    def _heard(self, worker: _Worker) -> list[Message]:
        said = []
        try:
            for message in worker.messages():
                said.append(message)
            gone = not worker.process.is_alive()
        except (EOFError, OSError):
            gone = True
        if any(isinstance(message, Outcome) for message in said):
            worker.order = None
        if gone:
            self._workers.remove(worker)
            said += filter(None, [worker.death()])
        return said

    def close(self) -> None:
        """See :class:`~render.batch.engines.protocol.Engine`."""
        for worker in self._workers:
            worker.stop()
        self._workers.clear()
