"""OSC over UDP, from this machine only. ``/pisada/…`` sets controls; other addresses can be mapped."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from plugin_backend.errors import DeviceError
from render.live.devices.device_list import require_live_extra

HOST = "127.0.0.1"
LONGEST_BYTES = 4096
MOST_MESSAGES = 64
LONGEST_ADDRESS = 128
WAKE_S = 0.1


class OscInput:
    """An open UDP port. :meth:`listen` starts passing messages on.

    Args:
        port: UDP, 1..65535; 0 takes any free one.

    Attributes:
        port: the open port.
        problem: always "": the port cannot be lost.
        malformed: the number of datagrams and messages that could not be used.

    Raises:
        DeviceError: the port is in use.
        MissingExtraError: python-osc is not installed.
    """

    def __init__(self, port: int):
        require_live_extra("pythonosc", "pisada live --osc")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((HOST, port))
        except OSError as problem:
            self._socket.close()
            raise DeviceError(f"OSC port {port}: {problem.strerror}") from problem
        self._socket.settimeout(WAKE_S)
        self.port, self.malformed = self._socket.getsockname()[1], 0
        self._stopping, self.problem = threading.Event(), ""
        self._thread: threading.Thread | None = None

    def listen(self, on_message: Callable[[str, list], bool]) -> None:
        """Call ``on_message(address, arguments)`` for each message, on a separate thread.

        It returns whether it could use the message.
        """
        self._thread = threading.Thread(target=self._run, args=(on_message,), name="pisada-osc", daemon=True)
        self._thread.start()

    def _run(self, on_message: Callable[[str, list], bool]) -> None:
        while not self._stopping.is_set():
            try:
                data = self._socket.recv(LONGEST_BYTES + 1)
            except TimeoutError:
                continue
            messages = read(data)
            if not messages:
                self.malformed += 1
            for address, arguments in messages:
                self.malformed += not on_message(address, arguments)

    @property
    def recovery_message(self) -> str:
        """A line for the performer, as other inputs have; the port is never lost."""
        return f"{self.label}: it is back"

    @property
    def label(self) -> str:
        """A line for the performer: where this listens."""
        return f"OSC: {HOST}:{self.port}"

    def close(self) -> None:
        """Stop listening and close the port."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._socket.close()


def read(data: bytes) -> list[tuple[str, list]]:
    """Return address and arguments of each message of a datagram; nothing if it is malformed or too large."""
    from pythonosc.osc_message import OscMessage
    from pythonosc.osc_packet import OscPacket, ParseError

    if len(data) > LONGEST_BYTES:
        return []
    try:
        messages = [timed.message for timed in OscPacket(data).messages]
        contents = [(message.address, list(message.params)) for message in messages if isinstance(message, OscMessage)]
    except (ParseError, ValueError, IndexError, OverflowError, RecursionError):  # its parser raises all of these
        return []
    usable = all(len(address) <= LONGEST_ADDRESS and address.isprintable() for address, _ in contents)
    return contents if usable and len(contents) <= MOST_MESSAGES else []
