"""The loader thread does the slow work: it loads the codec, engines of instances, and session presets."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import threading
import time
import traceback
from collections.abc import Callable
from queue import SimpleQueue

from plugin_backend.codecs.base import Codec
from plugin_backend.errors import CheckpointError, PisadaError, PluginError
from plugin_backend.models.batched_codec import batched
from plugin_backend.models.registry import load_codec
from plugin_backend.processes import BACKGROUND_PRIORITY, request_priority
from presets.store import SUFFIX, preset_of
from render.plugin_server.capabilities import Capabilities
from render.plugin_server.engine import Engine
from render.plugin_server.engine_factory import make_engine
from render.plugin_server.instance import Instance
from render.plugin_server.preset_slots import PresetPool

LONGEST_SESSION_BYTES = 16 * 2**20

SendMessage = Callable[..., None]
"""``send(verb, **values)`` sends a message to the host; it never waits."""


def load(announced: Capabilities) -> Codec:
    """Load the codec that was announced to the host.

    Raises:
        CheckpointError: the codec cannot be loaded, or has changed since it was announced.
    """
    if announced.spec is None:
        raise CheckpointError(announced.problems[0])
    codec = load_codec(announced.model)
    if codec.spec != announced.spec:
        raise CheckpointError(
            f"model '{announced.model}' has changed since the plug-in started: remove every instance "
            "of the plug-in, and insert them again"
        )
    return codec


def one_line(problem: BaseException) -> str:
    """Return an error as one line for the user. An unexpected error also goes to the log, with its traceback."""
    if isinstance(problem, PisadaError):
        return str(problem)
    traceback.print_exception(problem)
    return f"{type(problem).__name__}: {problem}"


def send_problems(instance: Instance, send: SendMessage) -> None:
    """Send the problems of an instance's engine to the host. Any thread may call it."""
    assert instance.engine is not None
    with contextlib.suppress(IndexError):  # none is left; another thread may have sent the last one
        while True:
            send("problem", id=instance.id, text=instance.engine.problems.pop(0))


class Loader:
    """Handles requests in their order.

    Args:
        announced: model and bank, as announced to the host.
        send: sends a message to the host.
        on_ready: receives an instance once it has its engine.
    """

    def __init__(self, announced: Capabilities, send: SendMessage, on_ready: Callable[[Instance], None]):
        self._announced, self._send, self._on_ready = announced, send, on_ready
        self._codec: Codec | None = None
        self._pool = PresetPool(announced.bank)
        self._requests: SimpleQueue[tuple] = SimpleQueue()
        threading.Thread(target=self._run, name="loader", daemon=True).start()

    def open(self, instance: Instance) -> None:
        """Make an instance's engine."""
        self._requests.put((self._open, instance))

    def load_session_preset(self, instance: Instance, slot: str, name: str, descriptor: int | None) -> None:
        """Load a session preset into an instance's engine.

        Args:
            instance: whose engine.
            slot: ``a`` or ``b``.
            name: of the preset, for messages.
            descriptor: of the memory that holds the preset; it is closed afterwards. ``None``: the session has none.
        """
        self._requests.put((self._load_session_preset, instance, slot, name, descriptor))

    def end(self, engine: Engine) -> None:
        """Close an engine that is not used any more."""
        self._requests.put((self._end, engine))

    def _run(self) -> None:
        request_priority(BACKGROUND_PRIORITY)  # the dispatcher reports a refusal
        if self._announced.spec is not None:  # else the supervisor has reported it
            try:
                self._load()
            except Exception as problem:  # noqa: BLE001 - every error is sent to the host
                self._send("problem", id=0, text=one_line(problem))
        while True:
            do, *arguments = self._requests.get()
            do(*arguments)

    def _load(self) -> Codec:
        began = time.perf_counter()
        self._codec = batched(load(self._announced))
        loaded = f"codec '{self._announced.model}' loaded in {1000 * (time.perf_counter() - began):.0f} ms"
        print(f"server {os.getpid()}: {loaded}", file=sys.stderr, flush=True)
        return self._codec

    def _open(self, instance: Instance) -> None:
        if instance.closed:
            return
        try:
            codec = self._codec or self._load()
            sizes = instance.rate_hz, instance.channels, instance.hop_samples
            instance.engine = make_engine(instance.kind, codec, self._pool, *sizes, instance.seed)
        except Exception as problem:  # noqa: BLE001 - every error is sent to the host
            instance.fail()
            self._send("problem", id=instance.id, text=one_line(problem))
            return
        send_problems(instance, self._send)
        self._on_ready(instance)
        self._send("opened", id=instance.id)

    def _load_session_preset(self, instance: Instance, slot: str, name: str, descriptor: int | None) -> None:
        try:
            if instance.engine is not None and not instance.closed:
                title = f"the session's preset '{name}'"
                preset = None
                if descriptor is not None:
                    preset = preset_of(_read_memory(descriptor, title), f"{name}{SUFFIX}", title)
                instance.engine.load_session_preset(slot, preset)
                send_problems(instance, self._send)
        except Exception as problem:  # noqa: BLE001 - every error is sent to the host
            self._send("problem", id=instance.id, text=one_line(problem))
        finally:
            instance.sessions_loaded += 1
            if descriptor is not None:
                os.close(descriptor)

    def _end(self, engine: Engine) -> None:
        try:
            engine.close()
        except Exception as problem:  # noqa: BLE001 - the instance is closed
            one_line(problem)


def _read_memory(descriptor: int, title: str) -> bytes:
    """Read the memory behind a descriptor; ``title`` names it in messages."""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PluginError(f"{title}: its descriptor is not a memory")
        if status.st_size > LONGEST_SESSION_BYTES:
            raise PluginError(f"{title}: {status.st_size} bytes; at most {LONGEST_SESSION_BYTES} are read")
        return os.pread(descriptor, status.st_size, 0)
    except OSError as problem:
        raise PluginError(f"{title}: cannot be read ({problem.strerror})") from problem
