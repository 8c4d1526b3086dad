"""A stand-in for a DAW: several instances of one backend, by futexes or sockets, and all that the backend told.

Nothing here is the backend's own code but the shared tables and a host's side. Its futex calls are its own.
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
RAISE, NOT_FINITE, CRASH = 100.0, 200.0, 300.0
"""Samples that ask something of its engine."""

STEP = np.full((2, 512), 0.25, np.float32)


def gone(pid: int) -> bool:
    """Whether a process has ended, be it that nobody has asked how."""
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
        socket_bell: doorbells are sockets, not futexes.
        module: how Python runs the keeper.
        small: bytes that the link holds unread, few.

    Attributes:
        told: every message so far, as (verb, values).
        pid: the keeper's.
    """

    def __init__(
        self, config: Path, log: Path, *, socket_bell: bool = False, module=MODULE, small: bool = False, **more: str
    ):
        self.link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if small:
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        more = {"PISADA_PLUGIN_CONFIG": str(config)} | more
        self.pid = start_backend(sys.executable, theirs.fileno(), said, module, **more)
        os.close(said)
        theirs.close()
        self.log, self.told, self.socket_bell, self.ended = log, [], socket_bell, False
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
        """As a host that ends: the link is closed, the keeper waited for."""
        self.link.close()
        if not self.ended:
            os.waitpid(self.pid, 0)
            self.ended = True

    def send(self, verb: str, *descriptors: int, **values: object) -> None:
        socket.send_fds(self.link, [packed(verb, **values)], descriptors)

    def next(self, seconds: float = PATIENCE_S) -> tuple[str, dict[str, str]]:
        """The next message; ``("", {})`` if none comes so long, or the other side is gone."""
        if not select.select([self.link], [], [], seconds)[0]:
            return "", {}
        try:
            data = self.link.recv(LONGEST_BYTES)
        except ConnectionResetError:
            data = b""
        if data:
            self.told.append(unpacked(data))
        return self.told[-1] if data else ("", {})

    def until(self, verb: str, **values: object) -> dict[str, str]:
        """The next message of a verb and, where they are given, values."""
        while True:
            told, came = self.next()
            assert told, f"no '{verb}' came; {self.told[-5:]}; {self.log.read_text()[-2000:]}"
            if told == verb and all(came.get(key) == str(value) for key, value in values.items()):
                return came

    def all(self, verb: str) -> list[dict[str, str]]:
        return [values for told, values in self.told if told == verb]

    def ready(self) -> int:
        """Wait for a server, give it the bell; answers its process id."""
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
        """A new instance, opened."""
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
        """Send a preset's file, or that there is none."""
        if data is None:
            self.host.send("session", id=self.id, slot=slot, name=name)
            return
        fd = os.memfd_create("session")
        os.write(fd, data)
        self.host.send("session", fd, id=self.id, slot=slot, name=name)
        os.close(fd)

    def submit(self, hop: np.ndarray, *, offline: bool = True, events=(), ring: bool = True) -> int:
        """Put a hop; answers its number."""
        number = self.fill(hop, offline, events)
        if ring:
            self.host.ring()
        return number

    def wait(self, number: int, seconds: float = PATIENCE_S) -> np.ndarray | None:
        """The answer to a hop; ``None``: the engine failed, or it does not come so long."""
        end = time.monotonic() + seconds
        while not self.answered(number):
            seen = int(self._answered[0])
            if self.answered(number):
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
        return self.answer(number)

    def play(self, hop: np.ndarray, **more: object) -> np.ndarray | None:
        """Submit a hop and wait for its answer."""
        return self.wait(self.submit(hop, **more))
