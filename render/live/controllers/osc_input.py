"""OSC over UDP, from this machine only: ``/pisada/…`` sets controls, any other address can be mapped."""

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
    """A port that is taken; from :meth:`listen` on each message is handed over.

    Args:
        port: UDP, 1..65535; 0 takes any free one.

    Attributes:
        port: the one taken.
        problem: none; it cannot be lost.
        malformed: datagrams and messages that nobody could use.

    Raises:
        DeviceError: the port is taken. MissingExtraError: no python-osc.
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
        self._stopping, self.problem, self._thread = threading.Event(), "", None

    def listen(self, heard: Callable[[str, list], bool]) -> None:
        """Call ``heard(address, arguments)``, which answers whether it could use it, on a thread of its own."""
        self._thread = threading.Thread(target=self._run, args=(heard,), name="pisada-osc", daemon=True)
        self._thread.start()

    def _run(self, heard: Callable[[str, list], bool]) -> None:
        while not self._stopping.is_set():
            try:
                data = self._socket.recv(LONGEST_BYTES + 1)
            except TimeoutError:
                continue
            messages = read(data)
            if not messages:
                self.malformed += 1
            for address, arguments in messages:
                self.malformed += not heard(address, arguments)

    @property
    def told(self) -> str:
        """What it is, in a line."""
        return f"OSC: {HOST}:{self.port}"

    def close(self) -> None:
        """Listen no more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._socket.close()


def read(data: bytes) -> list[tuple[str, list]]:
    """Address and arguments of each message of a datagram; none where it is malformed or too much."""
    from pythonosc.osc_message import OscMessage
    from pythonosc.osc_packet import OscPacket, ParseError

    if len(data) > LONGEST_BYTES:
        return []
    try:
        messages = [timed.message for timed in OscPacket(data).messages]
        told = [(message.address, list(message.params)) for message in messages if isinstance(message, OscMessage)]
    except (ParseError, ValueError, IndexError, OverflowError, RecursionError):  # what its parser lets through
        return []
    usable = all(len(address) <= LONGEST_ADDRESS and address.isprintable() for address, _ in told)
    return told if usable and len(told) <= MOST_MESSAGES else []
