"""The list of sound devices, and the choice of one."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any

from plugin_backend.errors import DeviceError, MissingExtraError
from render.live.devices.driver_process import DriverProcess

INPUT, OUTPUT = "input", "output"
JACK = "JACK Audio Connection Kit"


@dataclass(frozen=True)
class Device:
    """A sound device as PortAudio describes it.

    Attributes:
        number: PortAudio's number.
        name: of the device.
        host: the name of the host API.
        inputs, outputs: how many channels it has.
        rate_hz: its default sample rate.
        default_for: ``input`` and ``output`` if it is its host API's default.
    """

    number: int
    name: str
    host: str
    inputs: int
    outputs: int
    rate_hz: int
    default_for: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """Name and host API; no two devices share it at one time."""
        return f"{self.name} ({self.host})"

    def channels(self, direction: str) -> int:
        """Return the number of channels for ``input`` or ``output``."""
        return self.inputs if direction == INPUT else self.outputs


def require_live_extra(module: str, feature: str) -> None:
    """Check that a library of the extra ``live`` is installed.

    Args:
        module: the library's module.
        feature: what needs it, for the message.

    Raises:
        MissingExtraError: the library is not installed.
    """
    if importlib.util.find_spec(module) is None:
        raise MissingExtraError(feature, "live")


def portaudio() -> ModuleType:
    """Return the ``sounddevice`` module. Call it only in a driver process: the import starts PortAudio.

    Raises:
        DeviceError: PortAudio itself is not installed, or does not start.
    """
    try:
        import sounddevice
    except OSError as problem:  # its text names the missing library file
        raise DeviceError(f"no PortAudio library ({problem}); on Debian: apt-get install libportaudio2") from problem
    return sounddevice


def visible_devices(sounddevice: Any) -> list[Device]:
    """Return the devices that PortAudio lists now."""
    hosts = sounddevice.query_hostapis()
    devices = []
    for number, info in enumerate(sounddevice.query_devices()):
        host = hosts[info["hostapi"]]
        default_for = tuple(direction for direction in (INPUT, OUTPUT) if host[f"default_{direction}_device"] == number)
        inputs, outputs = info["max_input_channels"], info["max_output_channels"]
        rate_hz = round(info["default_samplerate"])
        devices.append(Device(number, info["name"], host["name"], inputs, outputs, rate_hz, default_for))
    return devices


def _send_devices(pipe: Connection) -> None:
    pipe.send(("ready", visible_devices(portaudio())))


def list_devices() -> list[Device]:
    """Return every sound device of every host API, in PortAudio's order.

    Raises:
        DeviceError: PortAudio is not installed.
        MissingExtraError: ``sounddevice`` is not installed.
    """
    require_live_extra("sounddevice", "pisada live with a sound device")
    driver = DriverProcess(_send_devices)
    driver.close()
    return driver.ready


def choose(devices: list[Device], wanted: str | None, direction: str, host: str | None = None) -> Device:
    """Return the device that fits a name or number.

    Args:
        devices: all devices.
        wanted: a number, a name, or a part of ``name (host API)`` in upper or lower case. ``None``: the default device
            of JACK if its server runs, else of the first host API that has one.
        direction: ``input`` or ``output``.
        host: the host API that the device must be of, if another device was chosen already.

    Raises:
        DeviceError: no device fits, or more than one.
    """
    able = [device for device in devices if device.channels(direction) and host in (None, device.host)]
    if wanted is None:
        able.sort(key=lambda device: (device.host != JACK, direction not in device.default_for))
        if able:
            return able[0]
        of_host = f" of {host}" if host else ""
        raise DeviceError(f"no {direction} device{of_host}; `pisada live --list` lists the devices")
    fits = [device for device in able if wanted.isdecimal() and device.number == int(wanted)]
    fits = fits or [device for device in able if wanted in (device.name, device.full_name)]
    fits = fits or [device for device in able if wanted.casefold() in device.full_name.casefold()]
    if len(fits) == 1:
        return fits[0]
    listed = ", ".join(f"{device.number} {device.full_name}" for device in (fits or able)[:8]) or "none"
    problem = "more than one fits" if fits else "not there"
    raise DeviceError(f"{direction} device '{wanted[:80]}': {problem}; there are: {listed}")
