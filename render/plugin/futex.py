"""Waiting for a word of shared memory to change, and waking who waits for it: Linux's futex, by its number."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys

import numpy as np

from plugin_backend.errors import PluginError

NUMBERS = {"x86_64": 202, "aarch64": 98, "riscv64": 98}
"""Of the system call, by machine (Linux's ``unistd.h`` of each)."""

_WAIT, _WAKE, _EVERYBODY = ctypes.c_int(0), ctypes.c_int(1), ctypes.c_int(2**31 - 1)
_NOTHING = ctypes.c_void_p()
_EXPECTED = errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT


class _Time(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


class Word:
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
