"""The process that the keeper forks: takes the host's messages, and answers the hops of all its instances."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import socket
import sys
import threading
import traceback
from queue import SimpleQueue
from typing import Annotated, Literal, NoReturn

import msgspec

from plugin_backend.daw_plugin.ipc_messages import LONGEST_BYTES, packed, unpacked
from plugin_backend.daw_plugin.parameters import EFFECT, INSTRUMENT
from plugin_backend.errors import PisadaError, PluginError
from plugin_backend.processes import BACKGROUND_PRIORITY, request_priority
from render.live.player import SWITCH_S
from render.plugin_server.capabilities import Capabilities
from render.plugin_server.dispatcher import Dispatcher
from render.plugin_server.instance import Instance
from render.plugin_server.loader import Loader
from render.plugin_server.wakeup import FutexWakeUp, SocketWakeUp, socket_of

MOST_DESCRIPTORS = 8
_ENDED = select.POLLHUP | select.POLLRDHUP | select.POLLERR

Number = Annotated[int, msgspec.Meta(ge=1, lt=2**32)]


class _Bell(msgspec.Struct):
    kind: Literal["futex", "socket"] = "futex"


class _Open(msgspec.Struct):
    id: Number
    kind: Literal[EFFECT, INSTRUMENT]
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**62)]


class _Close(msgspec.Struct):
    id: Number


class _Session(msgspec.Struct):
    id: Number
    slot: Literal["a", "b"]
    name: str = ""


def serve_link(link: socket.socket, offer: Capabilities) -> NoReturn:
    """Serve the other side of a socket until it is closed; the process ends then."""
    threading.excepthook = _end
    sys.setswitchinterval(SWITCH_S)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a mapped memory holds its descriptor
    request_priority(BACKGROUND_PRIORITY)  # the worker tells of a refusal
    Server(link, offer).run()
    sys.stderr.flush()
    os._exit(0)


def _end(failed: threading.ExceptHookArgs) -> None:
    """A thread without which nothing goes on has ended."""
    traceback.print_exception(failed.exc_value)
    sys.stderr.flush()
    os._exit(1)


class Server:
    """Instances by their numbers, and the threads that serve them."""

    def __init__(self, link: socket.socket, offer: Capabilities):
        self._link, self._told = link, SimpleQueue()
        self._instances: dict[int, Instance] = {}
        self._watch, self._glance = select.poll(), select.poll()
        self._watch.register(link, select.POLLIN | select.POLLRDHUP)
        self._glance.register(link, select.POLLIN)
        self._handling = False
        self._do = {"bell": self._bell, "open": self._open, "close": self._close, "session": self._session}
        threading.Thread(target=self._telling, name="teller", daemon=True).start()
        self.tell("ready", pid=os.getpid())
        self._worker = Dispatcher(self.tell, lambda instance: self._loader.end(instance.engine), self.handled)
        self._loader = Loader(offer, self.tell, self._worker.add)

    def tell(self, verb: str, **values: object) -> None:
        """Send a message, soon."""
        self._told.put((verb, values))

    def handled(self) -> bool:
        """Whether all that was sent so far has been taken in; the worker asks."""
        return not self._glance.poll(0) and not self._handling

    def run(self) -> None:
        """Take messages until the other side is closed."""
        while True:
            events = self._watch.poll()[0][1]
            self._handling = True  # before it is taken: see ``handled``
            try:
                data, descriptors, flags, _ = socket.recv_fds(
                    self._link, LONGEST_BYTES, MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
                )
            except ConnectionResetError:
                return
            if not data and events & _ENDED:
                return
            self._take(data, descriptors, flags)
            self._handling = False

    def _take(self, data: bytes, descriptors: list[int], flags: int) -> None:
        number = 0
        try:
            if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
                raise PluginError(f"a message of more than {LONGEST_BYTES} bytes or {MOST_DESCRIPTORS} descriptors")
            verb, values = unpacked(data)
            if verb not in self._do:
                raise PluginError(f"no message '{verb[:40]}'; there are {', '.join(self._do)}")
            number = int(values["id"]) if values.get("id", "").isdecimal() and len(values["id"]) < 11 else 0
            self._do[verb](values, descriptors)
        except msgspec.ValidationError as problem:
            self.tell("problem", id=number, text=f"message '{verb}': {problem}")
        except PisadaError as problem:
            self.tell("problem", id=number, text=problem)
        finally:
            for descriptor in descriptors:
                with contextlib.suppress(OSError):
                    os.close(descriptor)

    def _bell(self, values: dict[str, str], descriptors: list[int]) -> None:
        kind = msgspec.convert(values, _Bell, strict=False).kind
        _need(descriptors, 1, "bell")
        if kind == "socket":
            self._worker.hear(SocketWakeUp(descriptors.pop(0)))
        else:
            self._worker.hear(FutexWakeUp(descriptors[0]))

    def _open(self, values: dict[str, str], descriptors: list[int]) -> None:
        asked = msgspec.convert(values, _Open, strict=False)
        if asked.id in self._instances:  # sent to a server before this one too, which never read it
            return
        _need(descriptors, 1, "open")
        answers = socket_of(descriptors.pop(1), "open") if len(descriptors) > 1 else None
        instance = Instance(asked.id, asked.kind, asked.seed, descriptors[0], answers)
        self._instances[asked.id] = instance
        self._loader.open(instance)

    def _close(self, values: dict[str, str], descriptors: list[int]) -> None:
        instance = self._instances.pop(msgspec.convert(values, _Close, strict=False).id, None)
        if instance is not None:
            instance.closed = True
            self._worker.look()

    def _session(self, values: dict[str, str], descriptors: list[int]) -> None:
        asked = msgspec.convert(values, _Session, strict=False)
        if (instance := self._instances.get(asked.id)) is not None:
            instance.asked += 1
            self._loader.session(instance, asked.slot, asked.name, descriptors.pop(0) if descriptors else None)

    def _telling(self) -> None:
        request_priority(BACKGROUND_PRIORITY)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the host is gone: ``run`` ends
            while True:
                verb, values = self._told.get()
                if verb == "problem":
                    print(f"server {os.getpid()}: instance {values['id']}: {values['text']}", file=sys.stderr)
                    sys.stderr.flush()
                self._link.send(packed(verb, **values))


def _need(descriptors: list[int], count: int, verb: str) -> None:
    if len(descriptors) < count:
        raise PluginError(f"message '{verb}': no descriptor came with it")
