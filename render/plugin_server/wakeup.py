"""Wake-ups between host and server: the host signals a submitted hop, the server a processed one. Futex or socket."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import platform
import select
import socket
import sys
import time
from typing import Protocol

import numpy as np

from plugin_backend.errors import PluginError
from plugin_backend.platform_calls import futex_call

_WAIT, _WAKE, _EVERYBODY = ctypes.c_int(0), ctypes.c_int(1), ctypes.c_int(2**31 - 1)
_NOTHING = ctypes.c_void_p()
_EXPECTED = errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT


class _Time(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


class FutexWord:
    """A ``u32`` in shared memory on which processes wait.

    Args:
        view: ``[1]`` uint32 in a shared mapping, which stays mapped as long as this object exists.

    Raises:
        PluginError: this system has no futex.
    """

    def __init__(self, view: np.ndarray):
        number = futex_call()
        if number is None:
            raise PluginError(f"no futex on {sys.platform} ({platform.machine()}): set PISADA_DOORBELL=socket")
        self._view, self._address = view, ctypes.c_void_p(view.ctypes.data)
        self._number, self._time = ctypes.c_long(number), _Time()
        self._longest = ctypes.byref(self._time)
        self._call = ctypes.CDLL(None, use_errno=True).syscall
        self._call.restype = ctypes.c_long

    @property
    def value(self) -> int:
        """The current value."""
        return int(self._view[0])

    def wait(self, seen: int, seconds: float) -> None:
        """Wait until woken, at most ``seconds``; return at once if the value is not ``seen``. Only one thread may wait.

        It may return early.
        """
        self._time.seconds, self._time.nanoseconds = divmod(round(seconds * 1e9), 10**9)
        arguments = self._address, _WAIT, ctypes.c_uint32(seen), self._longest, _NOTHING, ctypes.c_int()
        if self._call(self._number, *arguments) < 0 and ctypes.get_errno() not in _EXPECTED:
            raise OSError(ctypes.get_errno(), f"futex: {os.strerror(ctypes.get_errno())}")

    def wake(self) -> None:
        """Wake all waiting threads."""
        self._call(self._number, self._address, _WAKE, _EVERYBODY, _NOTHING, _NOTHING, ctypes.c_int())


PAGE_BYTES = 4096
LONGEST_S = 0.02
"""The longest wait on a socket, because this side cannot end it."""


class WakeUp(Protocol):
    """A wake-up. Call ``seen = wakeup.seen()``, look for work, then ``wakeup.wait(seen, …)``: no signal is missed."""

    def seen(self) -> int:
        """Return the current state, for :meth:`wait`."""
        ...

    def wait(self, seen: int, seconds: float) -> None:
        """Wait for a signal since ``seen``, at most ``seconds``; it may return early."""

    def notify(self) -> None:
        """End a wait from this side, if that is possible."""


class FutexWakeUp:
    """A futex on the first word of a page that the host shares.

    See :data:`plugin_backend.daw_plugin.ipc_messages.TO_BACKEND`.

    Raises:
        PluginError: the descriptor is not such a page, or this system has no futex.
    """

    def __init__(self, descriptor: int):
        try:
            page = mmap.mmap(descriptor, PAGE_BYTES)
        except (OSError, ValueError) as problem:
            raise PluginError(f"bell: not a page of memory that can be written ({problem})") from problem
        self._word = FutexWord(np.frombuffer(page, "<u4", 1))

    def seen(self) -> int:
        return self._word.value

    def wait(self, seen: int, seconds: float) -> None:
        self._word.wait(seen, seconds)

    def notify(self) -> None:
        self._word.wake()


class SocketWakeUp:
    """Bytes through a socket. The sender owns its end: it is neither closed nor changed here.

    Raises:
        PluginError: the descriptor is not a socket.
    """

    def __init__(self, descriptor: int):
        self._socket = socket_of(descriptor, "bell")
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def seen(self) -> int:
        return 0

    def wait(self, seen: int, seconds: float) -> None:
        if not self._poll.poll(1000 * min(seconds, LONGEST_S)):
            return
        try:
            ended = not self._socket.recv(PAGE_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            ended = False
        except OSError:
            ended = True
        if ended:  # no signal will come: check from time to time
            time.sleep(min(seconds, LONGEST_S))

    def notify(self) -> None:
        pass


def socket_of(descriptor: int, what: str) -> socket.socket:
    """Return the socket of a descriptor, which it owns from now on.

    Args:
        descriptor: of the socket.
        what: the message that brought it, for the error.

    Raises:
        PluginError: the descriptor is not a socket; it is closed.
    """
    try:
        return socket.socket(fileno=descriptor)
    except OSError as problem:
        os.close(descriptor)
        raise PluginError(f"{what}: the descriptor is not a socket ({problem.strerror})") from problem
