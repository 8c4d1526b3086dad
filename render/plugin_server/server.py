"""The server process, forked by the supervisor: handles the host's messages, and processes all instances' hops."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
import threading
import traceback
from queue import SimpleQueue
from typing import Annotated, Literal, NoReturn

import msgspec

from plugin_backend.daw_plugin.ipc_messages import LONGEST_BYTES, packed, unpacked
from plugin_backend.errors import PisadaError, PluginError
from plugin_backend.platform_calls import allow_all_descriptors
from plugin_backend.processes import BACKGROUND_PRIORITY, SWITCH_INTERVAL_S, request_priority
from render.plugin_server.capabilities import Capabilities
from render.plugin_server.dispatcher import Dispatcher
from render.plugin_server.instance import Instance
from render.plugin_server.loader import Loader
from render.plugin_server.wakeup import FutexWakeUp, SocketWakeUp, socket_of

MOST_DESCRIPTORS = 8
_CLOSED = select.POLLHUP | select.POLLRDHUP | select.POLLERR

Number = Annotated[int, msgspec.Meta(ge=1, lt=2**32)]


class _Bell(msgspec.Struct):
    kind: Literal["futex", "socket"] = "futex"


class _Open(msgspec.Struct):
    id: Number
    kind: Literal["effect", "instrument"]
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**62)]


class _Close(msgspec.Struct):
    id: Number


class _Session(msgspec.Struct):
    id: Number
    slot: Literal["a", "b"]
    name: str = ""


def serve_link(link: socket.socket, announced: Capabilities) -> NoReturn:
    """Serve a control socket until its other side is closed; then end the process.

    Args:
        link: the socket.
        announced: model and bank, as announced to the host.
    """
    threading.excepthook = _end
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    allow_all_descriptors()  # every mapped memory needs one
    request_priority(BACKGROUND_PRIORITY)  # the dispatcher reports a refusal
    Server(link, announced).run()
    sys.stderr.flush()
    os._exit(0)


def _end(failed: threading.ExceptHookArgs) -> None:
    """End the process because a thread that it needs has failed."""
    traceback.print_exception(failed.exc_value)
    sys.stderr.flush()
    os._exit(1)


class Server:
    """The instances by their numbers, and the threads that serve them."""

    def __init__(self, link: socket.socket, announced: Capabilities):
        self._link = link
        self._messages: SimpleQueue[tuple[str, dict[str, object]]] = SimpleQueue()
        self._instances: dict[int, Instance] = {}
        self._watch, self._peek = select.poll(), select.poll()
        self._watch.register(link, select.POLLIN | select.POLLRDHUP)
        self._peek.register(link, select.POLLIN)
        self._handling = False
        self._handlers = {"bell": self._bell, "open": self._open, "close": self._close, "session": self._session}
        threading.Thread(target=self._send_messages, name="sender", daemon=True).start()
        self.send("ready", pid=os.getpid())
        self._dispatcher = Dispatcher(self.send, self._end_engine, self.handled)
        self._loader = Loader(announced, self.send, self._dispatcher.add)

    def send(self, verb: str, **values: object) -> None:
        """Queue a message to the host."""
        self._messages.put((verb, values))

    def handled(self) -> bool:
        """Return whether every message sent so far is handled. The dispatcher calls it."""
        return not self._peek.poll(0) and not self._handling

    def run(self) -> None:
        """Handle messages until the other side is closed."""
        while True:
            events = self._watch.poll()[0][1]
            self._handling = True  # before the message is taken: see ``handled``
            try:
                data, descriptors, flags, _ = socket.recv_fds(
                    self._link, LONGEST_BYTES, MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
                )
            except ConnectionResetError:
                return
            if not data and events & _CLOSED:
                return
            self._handle(data, descriptors, flags)
            self._handling = False

    def _handle(self, data: bytes, descriptors: list[int], flags: int) -> None:
        number = 0
        try:
            if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
                raise PluginError(f"a message of more than {LONGEST_BYTES} bytes or {MOST_DESCRIPTORS} descriptors")
            verb, values = unpacked(data)
            if verb not in self._handlers:
                raise PluginError(f"no message '{verb[:40]}'; there are {', '.join(self._handlers)}")
            number = int(values["id"]) if values.get("id", "").isdecimal() and len(values["id"]) < 11 else 0
            self._handlers[verb](values, descriptors)
        except msgspec.ValidationError as problem:
            self.send("problem", id=number, text=f"message '{verb}': {problem}")
        except PisadaError as problem:
            self.send("problem", id=number, text=problem)
        finally:
            for descriptor in descriptors:
                with contextlib.suppress(OSError):
                    os.close(descriptor)

    def _bell(self, values: dict[str, str], descriptors: list[int]) -> None:
        kind = msgspec.convert(values, _Bell, strict=False).kind
        _need(descriptors, 1, "bell")
        if kind == "socket":
            self._dispatcher.use_wakeup(SocketWakeUp(descriptors.pop(0)))
        else:
            self._dispatcher.use_wakeup(FutexWakeUp(descriptors[0]))

    def _end_engine(self, instance: Instance) -> None:
        if instance.engine is not None:
            self._loader.end(instance.engine)

    def _open(self, values: dict[str, str], descriptors: list[int]) -> None:
        request = msgspec.convert(values, _Open, strict=False)
        if request.id in self._instances:  # the host sends it again after a crash, and this server has read both
            return
        _need(descriptors, 1, "open")
        wakeups = socket_of(descriptors.pop(1), "open") if len(descriptors) > 1 else None
        instance = Instance(request.id, request.kind, request.seed, descriptors[0], wakeups)
        self._instances[request.id] = instance
        self._loader.open(instance)

    def _close(self, values: dict[str, str], descriptors: list[int]) -> None:
        instance = self._instances.pop(msgspec.convert(values, _Close, strict=False).id, None)
        if instance is not None:
            instance.closed = True
            self._dispatcher.check_again()

    def _session(self, values: dict[str, str], descriptors: list[int]) -> None:
        request = msgspec.convert(values, _Session, strict=False)
        if (instance := self._instances.get(request.id)) is not None:
            instance.sessions_sent += 1
            self._loader.load_session_preset(
                instance, request.slot, request.name, descriptors.pop(0) if descriptors else None
            )

    def _send_messages(self) -> None:
        request_priority(BACKGROUND_PRIORITY)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the host is gone: ``run`` ends too
            while True:
                verb, values = self._messages.get()
                if verb == "problem":
                    print(f"server {os.getpid()}: instance {values['id']}: {values['text']}", file=sys.stderr)
                    sys.stderr.flush()
                self._link.send(packed(verb, **values))


def _need(descriptors: list[int], count: int, verb: str) -> None:
    if len(descriptors) < count:
        raise PluginError(f"message '{verb}': no descriptor came with it")
