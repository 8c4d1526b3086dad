"""Speaks to a backend as the plug-in does, from Python: for ``pisada plugin doctor``. Linux.

Doorbells are sockets here, as on systems without a futex; memory and messages are the same.
"""

from __future__ import annotations

import mmap
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence

import numpy as np

from plugin_backend.daw_plugin import shared_memory as memory
from plugin_backend.daw_plugin.ipc_messages import LONGEST_BYTES, packed, unpacked
from plugin_backend.daw_plugin.parameters import INDEX
from plugin_backend.errors import PluginError

INHERITED = 3
MODULE = ("-m", "render.plugin_server")


def start_backend(
    interpreter: str, link: int, log: int | None = None, module: Sequence[str] = MODULE, **more: str
) -> int:
    """Start a backend; answers its process id.

    Args:
        interpreter: runs ``module``.
        link: the descriptor of its end of the control socket.
        log: of its standard error; ``None``: where this process's goes.
        more: variables of its environment.

    Raises:
        OSError: it cannot be started.
    """
    dropped = "PYTHON", "LD_PRELOAD", "LD_LIBRARY_PATH"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(dropped)} | more
    files = [(os.POSIX_SPAWN_DUP2, log, 2)] if log is not None else []  # first: it may be what is number 3 here
    files += [(os.POSIX_SPAWN_DUP2, link, INHERITED), (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    words, how = [interpreter, "-E", "-P", *module], {"setsigmask": (), "setsigdef": signal.valid_signals()}
    return os.posix_spawn(interpreter, words, environment, file_actions=files, setpgroup=0, **how)


class HostMemory:
    """An instance's memory.

    Attributes:
        descriptor: of the memory; who made this closes it.
        hop: samples of one.
        header, slots: see :mod:`plugin_backend.daw_plugin.shared_memory`.
        parameters: of the next hop, in the order of ``PLUGIN_PARAMETERS``; see :meth:`set`.
        count: hops submitted.
    """

    def __init__(self, channels: int, rate_hz: int):
        self.channels, self.rate_hz, self.hop = channels, rate_hz, memory.hop_of(rate_hz)
        size = memory.memory_bytes(channels, self.hop)
        self.descriptor = os.memfd_create("pisada", os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, size)
        whole = mmap.mmap(self.descriptor, size)
        self.header = np.ndarray((1,), memory.HEADER, whole)
        self.slots = np.ndarray((memory.SLOTS,), memory.slot_dtype(channels, self.hop), whole, memory.HEADER_BYTES)
        values = {"magic": memory.MAGIC, "version": memory.VERSION, "channels": channels, "hop_samples": self.hop}
        for name, value in (values | {"rate_hz": rate_hz, "host_pid": os.getpid()}).items():
            self.header[name] = value
        self.parameters = memory.parameter_row()
        self.count, self._reset = 0, True

    def set(self, **values: float) -> None:
        """Set parameters by id, in their units."""
        for name, value in values.items():
            self.parameters[INDEX[name]] = value

    def reset(self) -> None:
        """The next hop is the first of a sound."""
        self._reset = True

    def fill(self, hop: np.ndarray, offline: bool = True, events: Sequence[tuple[int, bytes]] = ()) -> int:
        """Submit ``[channels, hop]`` float32 and MIDI messages by their samples; answers the hop's number.

        The backend looks at it once the bell is rung.
        """
        number, slot = self.count, self.slots[self.count % memory.SLOTS]
        slot["flags"] = (memory.OFFLINE if offline else 0) | (memory.RESET if self._reset else 0)
        self._reset = False
        slot["event_count"] = len(events)
        for place, (offset, data) in zip(slot["events"], events, strict=False):
            place["offset_samples"], place["count"] = offset, len(data)
            place["data"][: len(data)] = list(data)
        slot["position_samples"], slot["submitted_ns"] = number * self.hop, time.monotonic_ns()
        slot["parameters"] = self.parameters
        slot["input"] = hop
        slot["in_tag"] = number + 1
        self.count = number + 1
        self.header["submitted"] = self.count & 0xFFFFFFFF
        return number

    def answered(self, number: int) -> bool:
        """Whether there is an answer to a hop."""
        return int(self.slots["out_tag"][number % memory.SLOTS]) == number + 1

    def answer(self, number: int) -> np.ndarray:
        """The answer to a hop."""
        return self.slots["output"][number % memory.SLOTS].copy()


HELLO_S, READY_S, OUTPUT_S, END_S = 10.0, 120.0, 30.0, 5.0


class PluginClient:
    """A backend started and spoken to; a context: it is ended at the end.

    Args:
        interpreter: runs ``render.plugin_server``.
        log: a file descriptor for its standard error; ``None``: where this process's goes.

    Raises:
        PluginError: it cannot be started.

    Attributes:
        hello: the values of the first message.
        latencies: kind, rate in Hz → samples.
        presets: of the bank, as told.
        problems: lines, as they came.
    """

    def __init__(self, interpreter: str, log: int | None = None):
        mine, own = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with own:
            try:
                self._pid = start_backend(interpreter, own.fileno(), log)
            except OSError as problem:
                mine.close()
                raise PluginError(f"{interpreter}: cannot be started ({problem.strerror})") from problem
        self._socket, self._ids = mine, 0
        self.hello: dict[str, str] = {}
        self.latencies: dict[tuple[str, int], int] = {}
        self.presets: list[dict[str, str]] = []
        self.problems: list[str] = []
        self._bell, theirs = socket.socketpair()
        with theirs:
            try:
                self.send("bell", [theirs.fileno()], kind="socket")
            except PluginError:
                self.close()
                raise

    def __enter__(self) -> PluginClient:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def close(self) -> None:
        """End it: it ends by itself when its socket does, and is killed if it has not after 5 s."""
        self._socket.close()
        self._bell.close()
        until = time.monotonic() + END_S
        while os.waitpid(self._pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > until:
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
                return
            time.sleep(0.01)

    def send(self, verb: str, descriptors: list[int] = (), **values: object) -> None:
        """Send a message.

        Raises:
            PluginError: nobody is there any more.
        """
        try:
            socket.send_fds(self._socket, [packed(verb, **values)], list(descriptors))
        except OSError as problem:
            raise PluginError(f"the backend is gone ({problem.strerror})") from problem

    def until(self, verb: str, seconds: float) -> dict[str, str]:
        """Wait for a message; what comes before it is kept.

        Raises:
            PluginError: it does not come in time, or the backend ended.
        """
        return self._until(lambda told, values: told == verb, f"'{verb}'", seconds)

    def greeted(self) -> None:
        """Wait for what it says of itself.

        Raises:
            PluginError: it does not in 10 s, or it is of another version.
        """
        self.until("hello", HELLO_S)
        if self.hello.get("version") != str(memory.VERSION):
            raise PluginError(f"the backend is of version {self.hello.get('version')}, this is {memory.VERSION}")
        count = int(self.hello.get("presets", "0"))
        if count > len(self.presets):
            self._until(lambda *_: len(self.presets) >= count, f"{count} presets", HELLO_S)

    def opened(self, kind: str, channels: int = 1, rate_hz: int = 48_000) -> Instance:
        """Open an instance, once the server is ready.

        Raises:
            PluginError: it cannot be.
        """
        self._ids += 1
        instance = Instance(self, self._ids, kind, channels, rate_hz)

        def done(verb: str, values: dict[str, str]) -> bool:
            mine = values.get("id") == str(instance.id)
            if mine and verb == "problem":
                raise PluginError(values.get("text", ""))
            return mine and verb == "opened"

        self._until(done, "'opened'", OUTPUT_S)
        return instance

    def ring(self) -> None:
        """A hop was submitted."""
        self._bell.send(b"\0")

    def _until(self, done: Callable[[str, dict[str, str]], bool], what: str, seconds: float) -> dict[str, str]:
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                raise PluginError("; ".join([f"the backend did not say {what} in {seconds:g} s", *self.problems]))
            verb, values = self._take()
            if verb == "died":
                raise PluginError("; ".join([f"the backend's server died ({values.get('how')})", *self.problems]))
            if done(verb, values):
                return values

    def _take(self) -> tuple[str, dict[str, str]]:
        try:
            data = self._socket.recv(LONGEST_BYTES)
        except OSError as problem:
            raise PluginError(f"the backend is gone ({problem.strerror})") from problem
        if not data:
            raise PluginError("the backend ended: " + ("; ".join(self.problems) or "its log says why"))
        verb, values = unpacked(data)
        if verb == "hello":
            self.hello = values
        elif verb == "latency":
            self.latencies[values["kind"], int(float(values["rate_hz"]))] = int(values["samples"])
        elif verb == "preset":
            self.presets.append(values)
        elif verb == "problem":
            self.problems.append(values.get("text", ""))
        return verb, values


class Instance(HostMemory):
    """An instance of a caller's backend."""

    def __init__(self, caller: PluginClient, number: int, kind: str, channels: int, rate_hz: int):
        super().__init__(channels, rate_hz)
        self.id, self._caller = number, caller
        self._answers, theirs = socket.socketpair()
        with theirs:
            caller.send("open", [self.descriptor, theirs.fileno()], id=number, kind=kind, seed=0)
        os.close(self.descriptor)

    def play(self, hop: np.ndarray) -> np.ndarray:
        """Submit ``[channels, hop]`` float32, wait for the answer, as an offline render does.

        Raises:
            PluginError: none comes in 30 s.
        """
        number, end = self.fill(hop), time.monotonic() + OUTPUT_S
        self._caller.ring()
        while not self.answered(number):
            if not select.select([self._answers], [], [], max(0.0, end - time.monotonic()))[0]:
                raise PluginError(f"hop {number} was not answered in {OUTPUT_S:g} s")
            if not self._answers.recv(4096) and not self.answered(number):
                raise PluginError(f"the server ended before it answered hop {number}")
        return self.answer(number)
