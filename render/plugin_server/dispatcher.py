"""The thread that answers: waits for the bell, looks at every instance, serves what waits."""

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
"""The longest wait for the bell."""

SOON_S = 0.001
"""Between looks whether a message that an offline hop needs has been done."""


class Dispatcher:
    """Answers all instances.

    Args:
        tell: sends a message to the host; it never waits.
        end: gets an instance that is not pushed any more.
        handled: whether all that the host has sent so far has been taken in.
    """

    def __init__(self, tell: SendMessage, end: Callable[[Instance], None], handled: Callable[[], bool]):
        self._tell, self._end, self._handled = tell, end, handled
        self._new: SimpleQueue[Instance] = SimpleQueue()
        self._instances: list[Instance] = []
        self._bell: WakeUp | None = None
        self._changed = threading.Event()
        threading.Thread(target=self._run, name="worker", daemon=True).start()

    def hear(self, bell: WakeUp) -> None:
        """Wait for this bell from now on."""
        before, self._bell = self._bell, bell
        if before is not None:
            before.ring()
        self._changed.set()

    def add(self, instance: Instance) -> None:
        """Answer an instance from now on, until it is closed or fails; its engine is there."""
        self._new.put(instance)
        self.look()

    def look(self) -> None:
        """Something may be otherwise than it was."""
        if (bell := self._bell) is not None:
            bell.ring()

    def _run(self) -> None:
        if remark := request_priority(WORKER_PRIORITY):
            print(f"server {os.getpid()}: {remark}", file=sys.stderr, flush=True)
        while self._bell is None:
            self._changed.wait()
        while True:
            bell = self._bell
            seen = bell.seen()
            self._change()
            pending, later = self._pending()
            if pending:
                self.serve(pending)
            else:
                bell.wait(seen, SOON_S if later else IDLE_S)

    def _change(self) -> None:
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
        """Every instance's next hop, in the order they were submitted; whether one must wait for a message."""
        pending, later = [], False
        for instance in self._instances:
            hop = instance.head()
            if hop is None:
                continue
            if hop.offline and not (self._handled() and instance.asked == instance.done):
                later = True  # an exact answer needs all that was sent before
            else:
                pending.append(hop)
        if len(pending) > 1:
            pending.sort(key=lambda hop: hop.submitted_ns)
        return pending, later

    def serve(self, pending: Sequence[Hop]) -> None:
        """Answer hops of different instances; what they ask of the codec is computed in one call."""
        began_ns = time.monotonic_ns()
        for hop, sound in zip(pending, run_batched([partial(_played, hop) for hop in pending]), strict=True):
            instance = hop.instance
            if isinstance(sound, Exception):  # told, whatever it is; other instances go on
                instance.fail()
                self._tell("problem", id=instance.id, text=one_line(sound))
                self._drop(instance)
                continue
            instance.answer(hop, sound, began_ns)
            send_problems(instance, self._tell)


def _played(hop: Hop) -> np.ndarray:
    engine = hop.instance.engine
    if hop.reset:
        engine.reset()
    sound = engine.push(hop.sound, hop.parameters, hop.events, hop.offline)
    if not np.isfinite(sound).all():
        raise FloatingPointError("the engine made samples that are not finite")
    return sound
