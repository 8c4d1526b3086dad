"""A driver in a process of its own: one that hangs, crashes or loses its server takes nothing else with it.

Sound and MIDI libraries cannot be trusted to come back from a lost device: where a JACK server died, closing
a stream may wait for minutes or abort the process. So they run where they can be killed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection

from plugin_backend import errors
from plugin_backend.errors import DeviceError, PisadaError
from plugin_backend.output_files import hold_signals

OPENED_WITHIN_S, CHECK_EVERY_S = 30.0, 0.1
TOLD_BYTES = 400


class DriverProcess:
    """Runs ``target(pipe, *arguments)`` elsewhere, unless ``stop`` says, before it answered, that nobody waits for it.

    Its first message must be ``("ready", payload)`` or ``("failed", error class name, message)``.

    Attributes:
        pipe: to it.
        ready: the payload.

    Raises:
        PisadaError: what it failed with; :class:`DeviceError` where it died or was silent.
    """

    def __init__(self, target: Callable, *arguments, stop: Callable[[], bool] = lambda: False):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_run, args=(target, theirs, *arguments), daemon=True)
        resource_tracker.ensure_running()  # starting it unblocks signals, so it comes first
        with hold_signals():
            self.process.start()
        theirs.close()
        try:
            self.ready = self._first(stop)
        except BaseException:
            self.close()
            raise

    def _first(self, stop: Callable[[], bool]):
        until = time.monotonic() + OPENED_WITHIN_S
        try:
            while not self.pipe.poll(CHECK_EVERY_S):
                if stop():
                    raise DeviceError("the driver was not waited for")
                if time.monotonic() > until:
                    raise DeviceError(f"the driver did not answer within {OPENED_WITHIN_S:g} s")
            kind, *rest = self.pipe.recv()
        except (EOFError, OSError) as closed:
            raise DeviceError("the driver's process died") from closed
        if kind == "failed":
            name, told = rest
            raise getattr(errors, name)(told)
        return rest[0]

    def close(self) -> None:
        """End it, whatever it is doing."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _run(target: Callable, pipe: Connection, *arguments) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    with open(os.devnull, "w") as nowhere:  # drivers print what they try
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - as long as the process
    try:
        target(pipe, *arguments)
    except PisadaError as problem:
        _say(pipe, ("failed", _class_of(problem), str(problem)))
    except (EOFError, BrokenPipeError, ConnectionResetError):  # the parent is gone
        pass
    os._exit(0)  # never through the drivers' own endings, which may hang


def _class_of(problem: PisadaError) -> str:
    return "DeviceError" if isinstance(problem, errors.MissingExtraError) else type(problem).__name__


def _say(pipe: Connection, message: tuple) -> None:
    try:
        pipe.send(message)
    except OSError:  # the parent is gone
        os._exit(0)
