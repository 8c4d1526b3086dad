"""What the host rings once a hop is submitted, and what it hears once one is answered: a futex, or a socket."""

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

NUMBERS = {"x86_64": 202, "aarch64": 98, "riscv64": 98}
"""Of the system call, by machine (Linux's ``unistd.h`` of each)."""

_WAIT, _WAKE, _EVERYBODY = ctypes.c_int(0), ctypes.c_int(1), ctypes.c_int(2**31 - 1)
_NOTHING = ctypes.c_void_p()
_EXPECTED = errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT


class _Time(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


class FutexWord:
    """A ``u32`` that processes share.

    Args:
        view: ``[1]`` uint32, of a shared mapping; it is kept as long as this is.

    Raises:
        PluginError: this system has no futex.
    """

    def __init__(self, view: np.ndarray):
        number = NUMBERS.get(platform.machine()) if sys.platform == "linux" else None
        if number is None:
            raise PluginError(f"no futex on {sys.platform} ({platform.machine()}): set PISADA_DOORBELL=socket")
        self._view, self._address = view, ctypes.c_void_p(view.ctypes.data)
        self._number, self._time = ctypes.c_long(number), _Time()
        self._longest = ctypes.byref(self._time)
        self._call = ctypes.CDLL(None, use_errno=True).syscall
        self._call.restype = ctypes.c_long

    @property
    def value(self) -> int:
        """What it is now."""
        return int(self._view[0])

    def wait(self, seen: int, seconds: float) -> None:
        """Until it is woken, but at once if it is not ``seen``; or for so long, or less. One thread only may wait."""
        self._time.seconds, self._time.nanoseconds = divmod(round(seconds * 1e9), 10**9)
        arguments = self._address, _WAIT, ctypes.c_uint32(seen), self._longest, _NOTHING, ctypes.c_int()
        if self._call(self._number, *arguments) < 0 and ctypes.get_errno() not in _EXPECTED:
            raise OSError(ctypes.get_errno(), f"futex: {os.strerror(ctypes.get_errno())}")

    def wake(self) -> None:
        """Wake all that wait."""
        self._call(self._number, self._address, _WAKE, _EVERYBODY, _NOTHING, _NOTHING, ctypes.c_int())


PAGE_BYTES = 4096
LONGEST_S = 0.02
"""A wait on a socket: nobody of ours can end it."""


class WakeUp(Protocol):
    """``seen = bell.seen()``, then look for work, then ``bell.wait(seen, …)``: no ring in between is missed."""

    def seen(self) -> int: ...

    def wait(self, seen: int, seconds: float) -> None:
        """Until it rings, or for so long, or less."""

    def ring(self) -> None:
        """End a wait from this side, where that can be."""


class FutexWakeUp:
    """The first word of a page that the host shares; see :data:`plugin_backend.daw_plugin.ipc_messages.TO_BACKEND`.

    Raises:
        PluginError: it is no such memory, or there is no futex here.
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

    def ring(self) -> None:
        self._word.wake()


class SocketWakeUp:
    """Bytes that come through a socket, whose end stays the sender's: it is neither closed nor set otherwise here.

    Raises:
        PluginError: it is no socket.
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
        if ended:  # nobody will ring: look now and then
            time.sleep(min(seconds, LONGEST_S))

    def ring(self) -> None:
        pass


def socket_of(descriptor: int, what: str) -> socket.socket:
    """The socket that a descriptor is, and belongs to from now on.

    Raises:
        PluginError: it is none; it is closed then.
    """
    try:
        return socket.socket(fileno=descriptor)
    except OSError as problem:
        os.close(descriptor)
        raise PluginError(f"{what}: the descriptor is no socket ({problem.strerror})") from problem
