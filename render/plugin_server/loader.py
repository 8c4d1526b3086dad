"""What is slow, in a thread of its own: the codec, an instance's engine, a session's preset."""

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
"""``tell(verb, **values)`` sends a message to the host; it never waits."""


def load(offer: Capabilities) -> Codec:
    """The codec of an offer.

    Raises:
        CheckpointError: it cannot be loaded, or is not any more what was offered.
    """
    if offer.spec is None:
        raise CheckpointError(offer.problems[0])
    codec = load_codec(offer.model)
    if codec.spec != offer.spec:
        raise CheckpointError(
            f"model '{offer.model}' has changed since the plug-in started: remove every instance, and insert them again"
        )
    return codec


def one_line(problem: BaseException) -> str:
    """An error as told to the user; one we did not foresee also goes to the log, with where it came from."""
    if isinstance(problem, PisadaError):
        return str(problem)
    traceback.print_exception(problem)
    return f"{type(problem).__name__}: {problem}"


def send_problems(instance: Instance, tell: SendMessage) -> None:
    """Tell what its engine has found; from any thread."""
    with contextlib.suppress(IndexError):  # none is left; another thread may have told it
        while True:
            tell("problem", id=instance.id, text=instance.engine.problems.pop(0))


class Loader:
    """Does what it is asked, in order.

    Args:
        ready: gets an instance with its engine, to be answered from now on.
    """

    def __init__(self, offer: Capabilities, tell: SendMessage, ready: Callable[[Instance], None]):
        self._offer, self._tell, self._ready = offer, tell, ready
        self._codec, self._shelf = None, PresetPool(offer.bank)
        self._asked: SimpleQueue[tuple] = SimpleQueue()
        threading.Thread(target=self._run, name="loader", daemon=True).start()

    def open(self, instance: Instance) -> None:
        """Make its engine."""
        self._asked.put((self._open, instance))

    def session(self, instance: Instance, slot: str, name: str, descriptor: int | None) -> None:
        """Give its engine the preset in a descriptor, which is closed; or none."""
        self._asked.put((self._session, instance, slot, name, descriptor))

    def end(self, engine: Engine) -> None:
        """Close an engine that nobody pushes any more."""
        self._asked.put((self._end, engine))

    def _run(self) -> None:
        request_priority(BACKGROUND_PRIORITY)  # the worker tells of a refusal
        if self._offer.spec is not None:  # else the keeper has told
            try:
                self._load()
            except Exception as problem:  # noqa: BLE001 - told, whatever it is
                self._tell("problem", id=0, text=one_line(problem))
        while True:
            do, *arguments = self._asked.get()
            do(*arguments)

    def _load(self) -> None:
        began = time.perf_counter()
        self._codec = batched(load(self._offer))
        told = f"codec '{self._offer.model}' loaded in {1000 * (time.perf_counter() - began):.0f} ms"
        print(f"server {os.getpid()}: {told}", file=sys.stderr, flush=True)

    def _open(self, instance: Instance) -> None:
        if instance.closed:
            return
        try:
            if self._codec is None:
                self._load()
            sizes = instance.rate_hz, instance.channels, instance.hop_samples
            instance.engine = make_engine(instance.kind, self._codec, self._shelf, *sizes, instance.seed)
        except Exception as problem:  # noqa: BLE001 - told, whatever it is
            instance.fail()
            self._tell("problem", id=instance.id, text=one_line(problem))
            return
        send_problems(instance, self._tell)
        self._ready(instance)
        self._tell("opened", id=instance.id)

    def _session(self, instance: Instance, slot: str, name: str, descriptor: int | None) -> None:
        try:
            if instance.engine is not None and not instance.closed:
                told = f"the session's preset '{name}'"
                preset = None
                if descriptor is not None:
                    preset = preset_of(_bytes(descriptor, told), f"{name}{SUFFIX}", told)
                instance.engine.session(slot, preset)
                send_problems(instance, self._tell)
        except Exception as problem:  # noqa: BLE001 - told, whatever it is
            self._tell("problem", id=instance.id, text=one_line(problem))
        finally:
            instance.done += 1
            if descriptor is not None:
                os.close(descriptor)

    def _end(self, engine: Engine) -> None:
        try:
            engine.close()
        except Exception as problem:  # noqa: BLE001 - nobody hears it any more
            one_line(problem)


def _bytes(descriptor: int, told: str) -> bytes:
    """What a descriptor's memory holds."""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PluginError(f"{told}: it came in something that is no memory")
        if status.st_size > LONGEST_SESSION_BYTES:
            raise PluginError(f"{told}: {status.st_size} bytes; at most {LONGEST_SESSION_BYTES} are read")
        return os.pread(descriptor, status.st_size, 0)
    except OSError as problem:
        raise PluginError(f"{told}: cannot be read ({problem.strerror})") from problem
