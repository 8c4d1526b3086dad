"""MIDI input ports: what is there, and the messages of one, through python-rtmidi in a process of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection

from plugin_backend.errors import DeviceError
from render.live.devices.device_list import require_live_extra
from render.live.devices.driver_process import DriverProcess

AGAIN_S, WAKE_S, QUIET_S = 1.0, 0.1, 4.0
LONGEST_BYTES = 3
"""Notes, controllers, programs and bends; anything longer is system-exclusive and not for us."""

CONTROLLER, NOTE, BEND, PRESSURE = "cc.{}.{}", "note.{}.{}", "bend.{}", "pressure.{}"


def _inputs() -> dict[str, tuple]:
    """Port name → who can open it, and its number there. An API whose server is not there has none."""
    import rtmidi

    found = {}
    for api in rtmidi.get_compiled_api():
        try:
            client = rtmidi.MidiIn(rtapi=api, name="pisada")
            for number, name in enumerate(client.get_ports()):
                found.setdefault(name, (client, number))
        except (rtmidi.RtMidiError, OSError):
            continue
    return found


def _tell_ports(pipe: Connection) -> None:
    pipe.send(("ready", list(_inputs())))


def list_ports() -> list[str]:
    """Names of the MIDI inputs there are.

    Raises:
        MissingExtraError: python-rtmidi is not installed.
    """
    require_live_extra("rtmidi", "pisada live --midi")
    driver = DriverProcess(_tell_ports)
    driver.close()
    return driver.ready


def choose_port(names: list[str], wanted: str) -> str:
    """The port of that name, or that holds that text in any case.

    Raises:
        DeviceError: none, or more than one, fits.
    """
    fits = [name for name in names if name == wanted]
    fits = fits or [name for name in names if wanted.casefold() in name.casefold()]
    if len(fits) == 1:
        return fits[0]
    told = ", ".join((fits or names)[:8]) or "none"
    raise DeviceError(f"MIDI port '{wanted[:80]}': {'more than one fits' if fits else 'not there'}; there are: {told}")


def _listen(pipe: Connection, wanted: str) -> None:
    """The driver's main function: sends the bytes of each short message, and nothing, to say that it lives."""
    inputs = _inputs()
    name = choose_port(list(inputs), wanted)
    client, number = inputs[name]
    client.open_port(number)
    pipe.send(("ready", name))
    client.set_callback(lambda told, _: pipe.send_bytes(bytes(told[0])) if len(told[0]) <= LONGEST_BYTES else None)
    while name in client.get_ports():
        pipe.send_bytes(b"")
        time.sleep(AGAIN_S)


class MidiInput:
    """A port that is open; from :meth:`listen` on each message is handed over, and a lost port is looked for again.

    Attributes:
        name: the port's.
        problem: why nothing comes now ("": it may).

    Raises:
        DeviceError: there is no such port. MissingExtraError: no python-rtmidi.
    """

    def __init__(self, wanted: str):
        require_live_extra("rtmidi", "pisada live --midi")
        self._stopping, self.problem, self._thread = threading.Event(), "", None
        self._driver = DriverProcess(_listen, wanted)
        self.name = self._driver.ready

    def listen(self, heard: Callable) -> None:
        """Call ``heard(mido message)`` for each message, on a thread of its own."""
        self._thread = threading.Thread(target=self._run, args=(heard,), name="pisada-midi", daemon=True)
        self._thread.start()

    def _run(self, heard: Callable) -> None:
        import mido

        quiet = 0.0
        while not self._stopping.is_set():
            try:
                quiet = 0.0 if self._driver.pipe.poll(WAKE_S) else quiet + WAKE_S
                if quiet == 0:
                    told = self._driver.pipe.recv_bytes(LONGEST_BYTES)
            except (EOFError, OSError):
                quiet = QUIET_S
            if quiet >= QUIET_S:
                self._again()
                quiet = 0.0
            elif quiet == 0 and told:
                with suppress(ValueError):  # no message that MIDI knows
                    heard(mido.Message.from_bytes(told))

    def _again(self) -> None:
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
    def back(self) -> str:
        """That it is there again, in a line."""
        return f"{self.told}: it is back"

    @property
    def told(self) -> str:
        """What it is, in a line."""
        return f"MIDI: {self.name}"

    def close(self) -> None:
        """Listen no more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._driver.close()


def source_of(message) -> tuple[str, float] | None:
    """What a mido message moved and how far, 0..1: ``cc.1.20``, ``note.10.36``, ``bend.1``, ``pressure.1``."""
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
