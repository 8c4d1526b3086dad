"""Sound devices: what is there, and the one meant."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from multiprocessing.connection import Connection

from plugin_backend.errors import DeviceError, MissingExtraError
from render.live.devices.driver_process import DriverProcess

INPUT, OUTPUT = "input", "output"
JACK = "JACK Audio Connection Kit"


@dataclass(frozen=True)
class Device:
    """A sound device as PortAudio tells of it; ``default_for``: ``input``, ``output``, as its host's default."""

    number: int
    name: str
    host: str
    inputs: int
    outputs: int
    rate_hz: int
    default_for: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """No two of one time share it."""
        return f"{self.name} ({self.host})"

    def channels(self, way: str) -> int:
        """How many it has of ``input`` or ``output``."""
        return self.inputs if way == INPUT else self.outputs


def require_live_extra(module: str, what: str) -> None:
    """Raises MissingExtraError if a library of the extra ``live`` is not installed."""
    if importlib.util.find_spec(module) is None:
        raise MissingExtraError(what, "live")


def portaudio():
    """The ``sounddevice`` module. Only a driver's process may ask for it: it starts PortAudio.

    Raises:
        DeviceError: PortAudio itself is absent, or does not start.
    """
    try:
        import sounddevice
    except OSError as problem:  # its words: which file was looked for
        raise DeviceError(f"no PortAudio library ({problem}); on Debian: apt-get install libportaudio2") from problem
    return sounddevice


def visible_devices(sounddevice) -> list[Device]:
    """What PortAudio tells now."""
    hosts = sounddevice.query_hostapis()
    devices = []
    for number, told in enumerate(sounddevice.query_devices()):
        host = hosts[told["hostapi"]]
        default_for = tuple(way for way in (INPUT, OUTPUT) if host[f"default_{way}_device"] == number)
        numbers = told["max_input_channels"], told["max_output_channels"], round(told["default_samplerate"])
        devices.append(Device(number, told["name"], host["name"], *numbers, default_for))
    return devices


def _tell_devices(pipe: Connection) -> None:
    pipe.send(("ready", visible_devices(portaudio())))


def list_devices() -> list[Device]:
    """Every sound device of every host API, in PortAudio's order.

    Raises:
        DeviceError: PortAudio is absent. MissingExtraError: so is ``sounddevice``.
    """
    require_live_extra("sounddevice", "pisada live with a sound device")
    driver = DriverProcess(_tell_devices)
    driver.close()
    return driver.ready


def choose(devices: list[Device], wanted: str | None, way: str, host: str | None = None) -> Device:
    """The device meant.

    Args:
        devices: there are.
        wanted: its number, its name, or a part of it or of ``name (host API)``, in any case; ``None``: the default, of
            JACK where its server runs, else of the first host API that has one.
        way: ``input`` or ``output``.
        host: the host API it must be of, where another device was chosen.

    Raises:
        DeviceError: none, or more than one, fits.
    """
    able = [device for device in devices if device.channels(way) and host in (None, device.host)]
    if wanted is None:
        able.sort(key=lambda device: (device.host != JACK, way not in device.default_for))
        if able:
            return able[0]
        raise DeviceError(f"no {way} device{f' of {host}' if host else ''}; `pisada live --list` tells what is there")
    fits = [device for device in able if wanted.isdecimal() and device.number == int(wanted)]
    fits = fits or [device for device in able if wanted in (device.name, device.full_name)]
    fits = fits or [device for device in able if wanted.casefold() in device.full_name.casefold()]
    if len(fits) == 1:
        return fits[0]
    told = ", ".join(f"{device.number} {device.full_name}" for device in (fits or able)[:8]) or "none"
    problem = "fits more than one" if fits else "there is none such"
    raise DeviceError(f"{way} device '{wanted[:80]}': {problem}; {'these' if fits else 'there are'}: {told}")
