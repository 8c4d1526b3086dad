"""A stand-in for a DAW: several instances of one backend, by futexes or sockets, and all messages of the backend.

It shares only the tables and the host's memory with the backend's code; it has its own futex calls.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import select
import socket
import sys
import time
from pathlib import Path

import numpy as np

from plugin_backend.daw_plugin import shared_memory as memory
from plugin_backend.daw_plugin.ipc_messages import LONGEST_BYTES, packed, unpacked
from render.plugin_server.client import MODULE, HostMemory, start_backend

FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98}[os.uname().machine]
LIBC = ctypes.CDLL(None)
PATIENCE_S = 60.0
"""A wait as long as this has failed."""

PLAIN = str(Path(__file__).with_name("plain_backend.py"))
RAISE, NOT_FINITE, CRASH, EXIT = 100.0, 200.0, 300.0, 400.0
"""Samples that request a fault from its engine."""

STEP = np.full((2, 512), 0.25, np.float32)


def gone(pid: int) -> bool:
    """Return whether a process has ended, even if its parent has not collected its status."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def ends(pid: int) -> bool:
    for _ in range(2_000):
        if gone(pid):
            return True
        time.sleep(0.01)
    return False


class Host:
    """A backend process and the link to it.

    Args:
        config: its config file.
        socket_bell: whether wake-ups are sockets, not futexes.
        module: the interpreter's arguments that start the supervisor.
        small: whether the link holds only few unread bytes.

    Attributes:
        messages: every message so far, as (verb, values).
        pid: the supervisor's process id.
    """

    def __init__(
        self, config: Path, log: Path, *, socket_bell: bool = False, module=MODULE, small: bool = False, **more: str
    ):
        self.link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if small:
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        printed = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        more = {"PISADA_PLUGIN_CONFIG": str(config)} | more
        self.pid = start_backend(sys.executable, theirs.fileno(), printed, module, **more)
        os.close(printed)
        theirs.close()
        self.log, self.messages, self.socket_bell, self.ended = log, [], socket_bell, False
        self._ids = 0
        if socket_bell:
            self._bell, self._their_bell = socket.socketpair()
        else:
            self._bell_fd = os.memfd_create("bell")
            os.ftruncate(self._bell_fd, 4096)
            self._bell = np.frombuffer(mmap.mmap(self._bell_fd, 4096), np.uint32, 1)

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *problem) -> None:
        self.close()

    def close(self) -> None:
        """Close the link and wait for the supervisor, as a host does at its end."""
        self.link.close()
        if not self.ended:
            os.waitpid(self.pid, 0)
            self.ended = True

    def send(self, verb: str, *descriptors: int, **values: object) -> None:
        socket.send_fds(self.link, [packed(verb, **values)], descriptors)

    def next(self, seconds: float = PATIENCE_S) -> tuple[str, dict[str, str]]:
        """Return the next message; ``("", {})`` if none comes in ``seconds``, or the other side is gone."""
        if not select.select([self.link], [], [], seconds)[0]:
            return "", {}
        try:
            data = self.link.recv(LONGEST_BYTES)
        except ConnectionResetError:
            data = b""
        if data:
            self.messages.append(unpacked(data))
        return self.messages[-1] if data else ("", {})

    def until(self, verb: str, **values: object) -> dict[str, str]:
        """Wait for the next message of a verb with these values."""
        while True:
            message, received = self.next()
            assert message, f"no '{verb}' came; {self.messages[-5:]}; {self.log.read_text()[-2000:]}"
            if message == verb and all(received.get(key) == str(value) for key, value in values.items()):
                return received

    def all(self, verb: str) -> list[dict[str, str]]:
        return [values for message, values in self.messages if message == verb]

    def ready(self) -> int:
        """Wait for a server and send it the wake-up; return its process id."""
        pid = int(self.until("ready")["pid"])
        if self.socket_bell:
            self.send("bell", self._their_bell.fileno(), kind="socket")
        else:
            self.send("bell", self._bell_fd)
        return pid

    def ring(self) -> None:
        if self.socket_bell:
            self._bell.send(b"\0")
        else:
            self._bell += 1
            LIBC.syscall(FUTEX, ctypes.c_void_p(self._bell.ctypes.data), 1, 64, None, None, 0)

    def instance(self, kind: str = "effect", channels: int = 2, rate_hz: int = 48_000, **more: object) -> Instance:
        """Open a new instance."""
        self._ids += 1
        return Instance(self, self._ids, kind, channels, rate_hz, **more)


class Instance(HostMemory):
    """A plug-in instance."""

    def __init__(self, host: Host, number: int, kind: str, channels: int, rate_hz: int, seed: int = 0):
        super().__init__(channels, rate_hz)
        self.host, self.id, self.kind, self.seed = host, number, kind, seed
        self._answered = self.header["answered"]
        self._ours, self._theirs = socket.socketpair() if host.socket_bell else (None, None)
        self.open()

    @property
    def state(self) -> int:
        return int(self.header["state"][0])

    def open(self) -> None:
        more = [self._theirs.fileno()] if self._theirs else []
        self.host.send("open", self.descriptor, *more, id=self.id, kind=self.kind, seed=self.seed)

    def close(self) -> None:
        self.host.send("close", id=self.id)

    def session(self, slot: str, name: str, data: bytes | None) -> None:
        """Send a preset's file as the session's preset; ``None``: there is none."""
        if data is None:
            self.host.send("session", id=self.id, slot=slot, name=name)
            return
        fd = os.memfd_create("session")
        os.write(fd, data)
        self.host.send("session", fd, id=self.id, slot=slot, name=name)
        os.close(fd)

    def submit(self, hop: np.ndarray, *, offline: bool = True, events=(), ring: bool = True) -> int:
        """Submit a hop; return its number."""
        number = self.fill(hop, offline, events)
        if ring:
            self.host.ring()
        return number

    def wait(self, number: int, seconds: float = PATIENCE_S) -> np.ndarray | None:
        """Wait for the output of a hop; ``None`` if the engine failed or it does not come in ``seconds``."""
        end = time.monotonic() + seconds
        while not self.processed(number):
            seen = int(self._answered[0])
            if self.processed(number):
                break
            if self.state == memory.FAILED or time.monotonic() > end:
                return None
            if self._ours:
                if select.select([self._ours], [], [], 0.1)[0]:
                    self._ours.recv(4096)
            else:
                longest = (ctypes.c_long * 2)(0, 100_000_000)
                word = ctypes.c_void_p(self._answered.ctypes.data)
                LIBC.syscall(FUTEX, word, 0, ctypes.c_uint32(seen), longest, None, 0)
        return self.output(number)

    def play(self, hop: np.ndarray, **more: object) -> np.ndarray | None:
        """Submit a hop and wait for its output."""
        return self.wait(self.submit(hop, **more))
