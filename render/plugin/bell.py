"""What the host rings once a hop is submitted, and what it hears once one is answered: a futex, or a socket."""

from __future__ import annotations

import mmap
import os
import select
import socket
import time
from typing import Protocol

import numpy as np

from plugin_backend.errors import PluginError
from render.plugin.futex import Word

PAGE_BYTES = 4096
LONGEST_S = 0.02
"""A wait on a socket: nobody of ours can end it."""


class Bell(Protocol):
    """``seen = bell.seen()``, then look for work, then ``bell.wait(seen, …)``: no ring in between is missed."""

    def seen(self) -> int: ...

    def wait(self, seen: int, seconds: float) -> None:
        """Until it rings, or for so long, or less."""

    def ring(self) -> None:
        """End a wait from this side, where that can be."""


class FutexBell:
    """The first word of a page that the host shares; see :data:`plugin_backend.plugin.messages.TO_BACKEND`.

    Raises:
        PluginError: it is no such memory, or there is no futex here.
    """

    def __init__(self, descriptor: int):
        try:
            page = mmap.mmap(descriptor, PAGE_BYTES)
        except (OSError, ValueError) as problem:
            raise PluginError(f"bell: not a page of memory that can be written ({problem})") from problem
        self._word = Word(np.frombuffer(page, "<u4", 1))

    def seen(self) -> int:
        return self._word.value

    def wait(self, seen: int, seconds: float) -> None:
        self._word.wait(seen, seconds)

    def ring(self) -> None:
        self._word.wake()


class SocketBell:
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
