"""A client of the backend in Python: speaks to it as the plug-in does, for ``pisada plugin doctor``. Linux only.

Wake-ups are sockets here, as on systems without a futex; memory and messages are the same.
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
from plugin_backend.daw_plugin.parameters import EXACT, INDEX
from plugin_backend.errors import PluginError
from plugin_backend.platform_calls import shared_memory

INHERITED = 3
MODULE = ("-m", "render.plugin_server")


def start_backend(
    interpreter: str, link: int, log: int | None = None, module: Sequence[str] = MODULE, **variables: str
) -> int:
    """Start a backend.

    Args:
        interpreter: the Python that runs ``module``.
        link: the descriptor of the backend's end of the control socket.
        log: the descriptor for its standard error; ``None``: this process's standard error.
        module: the interpreter's arguments that name the module.
        variables: added to its environment.

    Returns:
        The process id.

    Raises:
        OSError: it cannot be started.
    """
    dropped = "PYTHON", "LD_PRELOAD", "LD_LIBRARY_PATH"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(dropped)} | variables
    files: list[tuple] = [(os.POSIX_SPAWN_DUP2, log, 2)] if log is not None else []  # first: it may be descriptor 3
    files += [(os.POSIX_SPAWN_DUP2, link, INHERITED), (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    return os.posix_spawn(
        interpreter,
        [interpreter, "-E", "-P", *module],
        environment,
        file_actions=files,
        setpgroup=0,
        setsigmask=(),
        setsigdef=signal.valid_signals(),
    )


class HostMemory:
    """The shared memory of an instance, on the host's side.

    Attributes:
        descriptor: of the memory; the caller closes it.
        hop: the hop in samples.
        header, slots: see :mod:`plugin_backend.daw_plugin.shared_memory`.
        parameters: of the next hop, in the order of ``PLUGIN_PARAMETERS``; see :meth:`set`.
        count: submitted hops.
    """

    def __init__(self, channels: int, rate_hz: int):
        self.channels, self.rate_hz, self.hop = channels, rate_hz, memory.hop_of(rate_hz)
        size = memory.memory_bytes(channels, self.hop)
        self.descriptor = shared_memory(size)
        whole = mmap.mmap(self.descriptor, size)
        self.header = np.ndarray((1,), memory.HEADER, whole)
        self.slots = np.ndarray((memory.SLOTS,), memory.slot_dtype(channels, self.hop), whole, memory.HEADER_BYTES)
        values = {"magic": memory.MAGIC, "version": memory.VERSION, "channels": channels, "hop_samples": self.hop}
        for name, value in (values | {"rate_hz": rate_hz, "host_pid": os.getpid()}).items():
            self.header[name] = value
        self.parameters = memory.parameter_row()
        self.count, self._reset = 0, True

    def set(self, **values: float) -> None:
        """Set parameters by their ids, in their units."""
        for name, value in values.items():
            self.parameters[INDEX[name]] = value

    def reset(self) -> None:
        """Mark the next hop as the first of a sound."""
        self._reset = True

    def fill(
        self,
        hop: np.ndarray,
        offline: bool = True,
        events: Sequence[tuple[int, bytes]] = (),
        changes: Sequence[tuple[int, str, float]] = (),
    ) -> int:
        """Submit a hop. The backend processes it after a wake-up.

        Args:
            hop: ``[channels, hop]`` float32.
            offline: whether the host waits for the output.
            events: MIDI messages, each with its sample in the hop.
            changes: new values within the hop: sample, the id of a parameter of ``EXACT``, and value.

        Returns:
            The hop's number.
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
        slot["curves"] = self.parameters[[INDEX[name] for name in EXACT], None]
        for sample, name, value in changes:
            slot["curves"][EXACT.index(name), sample:] = value
            self.set(**{name: value})
        slot["input"] = hop
        slot["in_tag"] = number + 1
        self.count = number + 1
        self.header["submitted"] = self.count & 0xFFFFFFFF
        return number

    def processed(self, number: int) -> bool:
        """Return whether the output of a hop is there."""
        return int(self.slots["out_tag"][number % memory.SLOTS]) == number + 1

    def output(self, number: int) -> np.ndarray:
        """Return the output of a hop, ``[channels, hop]`` float32."""
        return self.slots["output"][number % memory.SLOTS].copy()


HELLO_S, READY_S, OUTPUT_S, END_S = 10.0, 120.0, 30.0, 5.0


class PluginClient:
    """Starts a backend and speaks to it. A context manager: the backend ends with it.

    Args:
        interpreter: the Python that runs ``render.plugin_server``.
        log: a file descriptor for its standard error; ``None``: this process's standard error.

    Attributes:
        hello: the values of the first message.
        latencies: kind and rate in Hz → latency in samples.
        presets: the announced presets.
        problems: the problems, in the order they came.

    Raises:
        PluginError: the backend cannot be started.
    """

    def __init__(self, interpreter: str, log: int | None = None):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._pid = start_backend(interpreter, theirs.fileno(), log)
            except OSError as problem:
                ours.close()
                raise PluginError(f"{interpreter}: cannot be started ({problem.strerror})") from problem
        self._socket, self._ids = ours, 0
        self.hello: dict[str, str] = {}
        self.latencies: dict[tuple[str, int], int] = {}
        self.presets: list[dict[str, str]] = []
        self.problems: list[str] = []
        self._wakeup, theirs = socket.socketpair()
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
        """End the backend. It ends when its socket is closed; after 5 s it is killed."""
        self._socket.close()
        self._wakeup.close()
        until = time.monotonic() + END_S
        while os.waitpid(self._pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > until:
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
                return
            time.sleep(0.01)

    def send(self, verb: str, descriptors: Sequence[int] = (), **values: object) -> None:
        """Send a message.

        Args:
            verb: of the message.
            descriptors: sent with it.
            values: of the message.

        Raises:
            PluginError: the backend is gone.
        """
        try:
            socket.send_fds(self._socket, [packed(verb, **values)], list(descriptors))
        except OSError as problem:
            raise PluginError(f"the backend is gone ({problem.strerror})") from problem

    def until(self, verb: str, seconds: float) -> dict[str, str]:
        """Wait for a message, at most ``seconds``; return its values. Messages before it are kept.

        Raises:
            PluginError: the message does not come in time, or the backend ended.
        """
        return self._until(lambda received, values: received == verb, f"'{verb}'", seconds)

    def wait_for_hello(self) -> None:
        """Wait until the backend has announced its model and presets.

        Raises:
            PluginError: it does not in 10 s, or it has another version.
        """
        self.until("hello", HELLO_S)
        if self.hello.get("version") != str(memory.VERSION):
            raise PluginError(f"the backend has version {self.hello.get('version')}, this program has {memory.VERSION}")
        count = int(self.hello.get("presets", "0"))
        if count > len(self.presets):
            self._until(lambda *_: len(self.presets) >= count, f"{count} presets", HELLO_S)

    def open_instance(self, kind: str, channels: int = 1, rate_hz: int = 48_000) -> Instance:
        """Open an instance. The server must be ready.

        Args:
            kind: ``effect`` or ``instrument``.
            channels: 1 or 2.
            rate_hz: the host's.

        Returns:
            The instance.

        Raises:
            PluginError: it cannot be opened.
        """
        self._ids += 1
        instance = Instance(self, self._ids, kind, channels, rate_hz)

        def done(verb: str, values: dict[str, str]) -> bool:
            about_it = values.get("id") == str(instance.id)
            if about_it and verb == "problem":
                raise PluginError(values.get("text", ""))
            return about_it and verb == "opened"

        self._until(done, "'opened'", OUTPUT_S)
        return instance

    def wake(self) -> None:
        """Wake the backend: a hop was submitted."""
        self._wakeup.send(b"\0")

    def _until(self, done: Callable[[str, dict[str, str]], bool], what: str, seconds: float) -> dict[str, str]:
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                raise PluginError("; ".join([f"the backend did not send {what} in {seconds:g} s", *self.problems]))
            verb, values = self._receive()
            if verb == "died":
                raise PluginError("; ".join([f"the backend's server died ({values.get('how')})", *self.problems]))
            if done(verb, values):
                return values

    def _receive(self) -> tuple[str, dict[str, str]]:
        try:
            data = self._socket.recv(LONGEST_BYTES)
        except OSError as problem:
            raise PluginError(f"the backend is gone ({problem.strerror})") from problem
        if not data:
            raise PluginError("the backend ended: " + ("; ".join(self.problems) or "see its log"))
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
    """An instance in a client's backend."""

    def __init__(self, client: PluginClient, number: int, kind: str, channels: int, rate_hz: int):
        super().__init__(channels, rate_hz)
        self.id, self._client = number, client
        self._processed, theirs = socket.socketpair()
        with theirs:
            client.send("open", [self.descriptor, theirs.fileno()], id=number, kind=kind, seed=0)
        os.close(self.descriptor)

    def play(self, hop: np.ndarray) -> np.ndarray:
        """Submit a hop and wait for its output, as an offline render does.

        Args:
            hop: ``[channels, hop]`` float32.

        Returns:
            ``[channels, hop]`` float32.

        Raises:
            PluginError: no output comes in 30 s.
        """
        number, end = self.fill(hop), time.monotonic() + OUTPUT_S
        self._client.wake()
        while not self.processed(number):
            if not select.select([self._processed], [], [], max(0.0, end - time.monotonic()))[0]:
                raise PluginError(f"hop {number} was not processed in {OUTPUT_S:g} s")
            if not self._processed.recv(4096) and not self.processed(number):
                raise PluginError(f"the server ended before it processed hop {number}")
        return self.output(number)
