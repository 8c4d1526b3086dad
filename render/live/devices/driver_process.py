"""Runs a sound or MIDI driver in a separate process, so that a driver that hangs or crashes stops nothing else.

Sound and MIDI libraries do not always survive a lost device: when a JACK server has died, closing a stream may wait
for minutes or abort the process. So they run in a process that can be killed.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from plugin_backend import errors
from plugin_backend.errors import DeviceError, PisadaError
from plugin_backend.processes import spawn_with_pipe

OPENED_WITHIN_S, CHECK_EVERY_S = 30.0, 0.1


class DriverProcess:
    """Runs ``target(pipe, *arguments)`` in a new process.

    Its first message must be ``("ready", payload)`` or ``("failed", error class name, message)``.

    Args:
        target: the driver's main function.
        arguments: its arguments after the pipe.
        stop: while the first message is waited for, ends the wait when it returns true.

    Attributes:
        pipe: to the process.
        ready: the payload.

    Raises:
        PisadaError: the error of the driver; :class:`DeviceError` if it died or sent nothing.
    """

    def __init__(self, target: Callable, *arguments: object, stop: Callable[[], bool] = lambda: False):
        self.process, self.pipe = spawn_with_pipe(_run, lambda pipe: (target, pipe, *arguments), daemon=True)
        try:
            self.ready: Any = self._first_message(stop)
        except BaseException:
            self.close()
            raise

    def _first_message(self, stop: Callable[[], bool]) -> Any:
        until = time.monotonic() + OPENED_WITHIN_S
        try:
            while not self.pipe.poll(CHECK_EVERY_S):
                if stop():
                    raise DeviceError("opening the driver was cancelled")
                if time.monotonic() > until:
                    raise DeviceError(f"the driver did not answer within {OPENED_WITHIN_S:g} s")
            kind, *rest = self.pipe.recv()
        except (EOFError, OSError) as closed:
            raise DeviceError("the driver's process died") from closed
        if kind == "failed":
            name, message = rest
            raise getattr(errors, name)(message)
        return rest[0]

    def close(self) -> None:
        """Kill the process."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _run(target: Callable, pipe: Connection, *arguments: object) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    with open(os.devnull, "w") as nowhere:  # drivers print their attempts
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - stays open as long as the process
    try:
        target(pipe, *arguments)
    except PisadaError as problem:
        _send(pipe, ("failed", _class_of(problem), str(problem)))
    except (EOFError, BrokenPipeError, ConnectionResetError):  # the parent is gone
        pass
    os._exit(0)  # the drivers' own exit code may hang


def _class_of(problem: PisadaError) -> str:
    return "DeviceError" if isinstance(problem, errors.MissingExtraError) else type(problem).__name__


def _send(pipe: Connection, message: tuple) -> None:
    try:
        pipe.send(message)
    except OSError:  # the parent is gone
        os._exit(0)
