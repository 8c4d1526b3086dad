"""MIDI input ports and their messages, through python-rtmidi in a separate process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from plugin_backend.errors import DeviceError
from render.live.devices.device_list import require_live_extra
from render.live.devices.driver_process import DriverProcess

if TYPE_CHECKING:
    import mido

AGAIN_S, WAKE_S, QUIET_S = 1.0, 0.1, 4.0
LONGEST_BYTES = 3
"""Notes, controllers, programs and bends. Longer messages are system-exclusive and are ignored."""

CONTROLLER, NOTE, BEND, PRESSURE = "cc.{}.{}", "note.{}.{}", "bend.{}", "pressure.{}"


def _ports() -> dict[str, tuple]:
    """Return port name → client that can open it, and its number there. An API without its server has no ports."""
    import rtmidi

    ports: dict[str, tuple] = {}
    for api in rtmidi.get_compiled_api():
        try:
            client = rtmidi.MidiIn(rtapi=api, name="pisada")
            for number, name in enumerate(client.get_ports()):
                ports.setdefault(name, (client, number))
        except (rtmidi.RtMidiError, OSError):
            continue
    return ports


def _send_ports(pipe: Connection) -> None:
    pipe.send(("ready", list(_ports())))


def list_ports() -> list[str]:
    """Return the names of the MIDI inputs.

    Raises:
        MissingExtraError: python-rtmidi is not installed.
    """
    require_live_extra("rtmidi", "pisada live --midi")
    driver = DriverProcess(_send_ports)
    driver.close()
    return driver.ready


def choose_port(names: list[str], wanted: str) -> str:
    """Return the port of that name, or the port whose name contains that text in upper or lower case.

    Raises:
        DeviceError: no port fits, or more than one.
    """
    fits = [name for name in names if name == wanted]
    fits = fits or [name for name in names if wanted.casefold() in name.casefold()]
    if len(fits) == 1:
        return fits[0]
    problem = "more than one fits" if fits else "not there"
    listed = ", ".join((fits or names)[:8]) or "none"
    raise DeviceError(f"MIDI port '{wanted[:80]}': {problem}; there are: {listed}")


def _listen(pipe: Connection, wanted: str) -> None:
    """Send each short message, and empty bytes every second as a heartbeat. The driver's main function."""
    ports = _ports()
    name = choose_port(list(ports), wanted)
    client, number = ports[name]
    client.open_port(number)
    pipe.send(("ready", name))

    def forward(event: tuple, _: object) -> None:
        data, _ = event
        if len(data) <= LONGEST_BYTES:
            pipe.send_bytes(bytes(data))

    client.set_callback(forward)
    while name in client.get_ports():
        pipe.send_bytes(b"")
        time.sleep(AGAIN_S)


class MidiInput:
    """An open MIDI port. :meth:`listen` starts passing messages on; a lost port is opened again when it is back.

    Args:
        wanted: the port's name, or a part of it.

    Attributes:
        name: the port's name.
        problem: why no messages come now; "" if all is well.

    Raises:
        DeviceError: there is no such port.
        MissingExtraError: python-rtmidi is not installed.
    """

    def __init__(self, wanted: str):
        require_live_extra("rtmidi", "pisada live --midi")
        self._stopping, self.problem = threading.Event(), ""
        self._thread: threading.Thread | None = None
        self._driver = DriverProcess(_listen, wanted)
        self.name = self._driver.ready

    def listen(self, on_message: Callable[[mido.Message], None]) -> None:
        """Call ``on_message(mido message)`` for each message, on a separate thread."""
        self._thread = threading.Thread(target=self._run, args=(on_message,), name="pisada-midi", daemon=True)
        self._thread.start()

    def _run(self, on_message: Callable[[mido.Message], None]) -> None:
        import mido

        quiet, data = 0.0, b""
        while not self._stopping.is_set():
            try:
                quiet = 0.0 if self._driver.pipe.poll(WAKE_S) else quiet + WAKE_S
                if quiet == 0:
                    data = self._driver.pipe.recv_bytes(LONGEST_BYTES)
            except (EOFError, OSError):
                quiet = QUIET_S
            if quiet >= QUIET_S:
                self._reopen()
                quiet = 0.0
            elif quiet == 0 and data:
                with suppress(ValueError):  # not a valid MIDI message
                    on_message(mido.Message.from_bytes(data))

    def _reopen(self) -> None:
        self.problem = f"MIDI port {self.name}: it is gone"
        self._driver.close()
        while not self._stopping.wait(AGAIN_S):
            try:
                self._driver = DriverProcess(_listen, self.name, stop=self._stopping.is_set)
            except DeviceError:
                continue
            self.problem = ""
            return

    @property
    def recovery_message(self) -> str:
        """A line for the performer: the port is back."""
        return f"{self.label}: it is back"

    @property
    def label(self) -> str:
        """A line for the performer: which port this is."""
        return f"MIDI: {self.name}"

    def close(self) -> None:
        """Stop listening and close the port."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._driver.close()


def source_of(message: mido.Message) -> tuple[str, float] | None:
    """Return the controller of a mido message and its position 0..1; ``None`` if the message has neither.

    Controllers are named ``cc.1.20``, ``note.10.36``, ``bend.1``, ``pressure.1``.
    """
    kind, channel = message.type, getattr(message, "channel", 0) + 1
    if kind == "control_change":
        return CONTROLLER.format(channel, message.control), message.value / 127
    if kind in ("note_on", "note_off"):
        return NOTE.format(channel, message.note), message.velocity / 127 if kind == "note_on" else 0.0
    if kind == "pitchwheel":
        return BEND.format(channel), (message.pitch + 8192) / 16383
    if kind == "aftertouch":
        return PRESSURE.format(channel), message.value / 127
    return None
