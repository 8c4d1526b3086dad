"""The dispatcher thread: waits for a wake-up, checks every instance, and processes the hops that wait."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue

import numpy as np

from plugin_backend.models.batched_codec import run_batched
from plugin_backend.processes import WORKER_PRIORITY, request_priority
from render.plugin_server.instance import Hop, Instance
from render.plugin_server.loader import SendMessage, one_line, send_problems
from render.plugin_server.wakeup import WakeUp

IDLE_S = 0.2
"""The longest wait for a wake-up."""

SOON_S = 0.001
"""Time between two checks whether a message that an offline hop needs has been handled."""


class Dispatcher:
    """Processes the hops of all instances.

    Args:
        send: sends a message to the host; it never waits.
        end: receives an instance whose hops are not processed any more.
        handled: returns whether every message that the host has sent so far is handled.
    """

    def __init__(self, send: SendMessage, end: Callable[[Instance], None], handled: Callable[[], bool]):
        self._send, self._end, self._handled = send, end, handled
        self._new: SimpleQueue[Instance] = SimpleQueue()
        self._instances: list[Instance] = []
        self._wakeup: WakeUp | None = None
        self._changed = threading.Event()
        threading.Thread(target=self._run, name="worker", daemon=True).start()

    def use_wakeup(self, wakeup: WakeUp) -> None:
        """Wait for this wake-up from now on."""
        before, self._wakeup = self._wakeup, wakeup
        if before is not None:
            before.notify()
        self._changed.set()

    def add(self, instance: Instance) -> None:
        """Process an instance's hops from now on, until it is closed or fails. It must have its engine."""
        self._new.put(instance)
        self.check_again()

    def check_again(self) -> None:
        """Check all instances again: something may have changed."""
        if (wakeup := self._wakeup) is not None:
            wakeup.notify()

    def _run(self) -> None:
        if remark := request_priority(WORKER_PRIORITY):
            print(f"server {os.getpid()}: {remark}", file=sys.stderr, flush=True)
        while True:
            wakeup = self._wakeup
            if wakeup is None:
                self._changed.wait()
                continue
            seen = wakeup.seen()
            self._update_instances()
            pending, later = self._pending()
            if pending:
                self.process(pending)
            else:
                wakeup.wait(seen, SOON_S if later else IDLE_S)

    def _update_instances(self) -> None:
        while not self._new.empty():  # no other thread takes from it
            instance = self._new.get()
            instance.begin()
            self._instances.append(instance)
        if any(instance.closed for instance in self._instances):
            for instance in [instance for instance in self._instances if instance.closed]:
                self._drop(instance)

    def _drop(self, instance: Instance) -> None:
        self._instances.remove(instance)
        self._end(instance)

    def _pending(self) -> tuple[list[Hop], bool]:
        """Return every instance's next hop in the order of submission, and whether a hop must wait for a message."""
        pending, later = [], False
        for instance in self._instances:
            hop = instance.head()
            if hop is None:
                continue
            if hop.offline and not (self._handled() and instance.sessions_sent == instance.sessions_loaded):
                later = True  # an exact render needs every message sent before it
            else:
                pending.append(hop)
        if len(pending) > 1:
            pending.sort(key=lambda hop: hop.submitted_ns)
        return pending, later

    def process(self, pending: Sequence[Hop]) -> None:
        """Process hops of different instances. Their codec work is computed in one batch."""
        began_ns = time.monotonic_ns()
        for hop, output in zip(pending, run_batched([partial(_play, hop) for hop in pending]), strict=True):
            instance = hop.instance
            if isinstance(output, Exception):  # any error is sent to the host; other instances go on
                instance.fail()
                self._send("problem", id=instance.id, text=one_line(output))
                self._drop(instance)
                continue
            instance.write(hop, output, began_ns)
            send_problems(instance, self._send)


def _play(hop: Hop) -> np.ndarray:
    try:
        return _push(hop)
    except Exception:
        raise
    except BaseException as problem:  # the thread would end without a word
        raise RuntimeError(f"{type(problem).__name__}: {problem}") from problem


def _push(hop: Hop) -> np.ndarray:
    engine = hop.instance.engine
    assert engine is not None
    if hop.reset:
        engine.reset()
    output = engine.push(hop.audio, hop.parameters, hop.events, hop.offline, hop.changes)
    if not np.isfinite(output).all():
        raise FloatingPointError("the engine made samples that are not finite")
    return output
