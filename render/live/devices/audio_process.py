"""The device's side of a stream: what is opened, in a process of its own, until it is gone."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

from plugin_backend.errors import DeviceError
from render.live.devices.audio_callback import AudioCallback
from render.live.devices.device_list import INPUT, JACK, OUTPUT, Device, choose, portaudio, visible_devices

JACK_HIDDEN_BLOCKS = 2
"""PortAudio's JACK part leaves so many out of its latency: measured from client to client, period and block alike."""

QUIET_S = 1.0
"""A device that asks for no block so long is gone."""

CHECK_EVERY_S = 0.1
RATES_HZ = (48_000, 44_100, 96_000, 88_200, 192_000, 32_000, 16_000)


@dataclass(frozen=True)
class StreamRequest:
    """What to open.

    Attributes:
        input, output: as :func:`~render.live.devices.device_list.choose` takes them; ``None``: the default.
        rate_hz: of the model: taken where the devices can.
        block_samples: of the device.
        channels: wanted; a device with fewer gives what it has.
        input_channels, output_channels: numbers of the device's, from 0; empty: the first.
        no_input, no_output: open none (a file stands in).
        realtime: at real-time priority, where allowed.
    """

    input: str | None
    output: str | None
    rate_hz: int
    block_samples: int
    channels: int
    input_channels: tuple[int, ...] = ()
    output_channels: tuple[int, ...] = ()
    no_input: bool = False
    no_output: bool = False
    realtime: bool = False


@dataclass(frozen=True)
class StreamInfo:
    """What was opened: names, rate, channels handed over and taken, and the device's own latency."""

    input: str
    output: str
    host: str
    rate_hz: int
    block_samples: int
    input_channels: int
    output_channels: int
    latency_s: float


def host(pipe: Connection, wish: StreamRequest) -> None:
    """A driver's main function: opens the devices and streams until they are gone or the parent is.

    Raises:
        DeviceError: they cannot be opened.
    """
    sounddevice = portaudio()
    ends = _ends(visible_devices(sounddevice), wish)
    picks = {way: _picks(device, way, wish) for way, device in ends.items()}
    exchange = AudioCallback(pipe, picks, wish.realtime)
    try:
        stream = _open(sounddevice, wish, ends, picks, exchange)
        stream.start()
    except sounddevice.PortAudioError as problem:
        names = " and ".join(device.name for device in ends.values())
        raise DeviceError(f"{names}: {problem.args[0]}") from problem
    delays = stream.latency if len(ends) == 2 else (stream.latency,)
    api = next(iter(ends.values())).host
    latency_s = sum(_plausible(delay, stream.samplerate) for delay in delays)
    if api == JACK:
        latency_s += JACK_HIDDEN_BLOCKS * wish.block_samples / stream.samplerate
    names = [ends[way].name if way in ends else "" for way in (INPUT, OUTPUT)]
    counts = [len(picks.get(way, ())) for way in (INPUT, OUTPUT)]
    pipe.send(("ready", StreamInfo(*names, api, round(stream.samplerate), wish.block_samples, *counts, latency_s)))
    exchange.begin(pipe.recv(), wish.channels, wish.block_samples, round(stream.samplerate))
    last, since = -1, time.monotonic()
    while stream.active and not exchange.ended:
        time.sleep(CHECK_EVERY_S)
        if exchange.number != last:
            last, since = exchange.number, time.monotonic()
        elif time.monotonic() - since > QUIET_S:
            break
    os._exit(0)  # closing a stream whose server died may hang


def _plausible(delay_s: float, rate_hz: float) -> float:
    """PortAudio's JACK part reckons latencies in unsigned 32 bits, and a negative one wraps."""
    samples = round(delay_s * rate_hz) % 2**32
    return (samples - 2**32 if samples >= 2**31 else samples) / rate_hz


def _ends(devices: list[Device], wish: StreamRequest) -> dict[str, Device]:
    first = OUTPUT if wish.no_input or (wish.input is None and wish.output is not None) else INPUT
    second = INPUT if first == OUTPUT else OUTPUT
    meant = {INPUT: wish.input, OUTPUT: wish.output}
    ends = {first: choose(devices, meant[first], first)}
    if not (wish.no_input or wish.no_output):
        try:
            ends[second] = choose(devices, meant[second], second, ends[first].host)
        except DeviceError as problem:
            if meant[second] is not None:
                choose(devices, meant[second], second)  # another host API's, or none at all: that is told first
            raise DeviceError(f"{problem}; both devices must be of one host API") from problem
    return ends


def _picks(device: Device, way: str, wish: StreamRequest) -> list[int]:
    listed = wish.input_channels if way == INPUT else wish.output_channels
    least = wish.channels if way == INPUT else max(2, wish.channels)  # what is mono is heard on both sides
    picks = list(listed) or list(range(min(least, device.channels(way))))
    if max(picks) >= device.channels(way):
        raise DeviceError(f"{device.name}: no {way} channel {max(picks) + 1}; it has {device.channels(way)}")
    return picks


def _open(
    sounddevice, wish: StreamRequest, ends: dict[str, Device], picks: dict[str, list[int]], exchange: AudioCallback
):
    kinds = {(INPUT, OUTPUT): sounddevice.Stream, (INPUT,): sounddevice.InputStream}
    kind = kinds.get(tuple(way for way in (INPUT, OUTPUT) if way in ends), sounddevice.OutputStream)
    numbers = [ends[way].number for way in (INPUT, OUTPUT) if way in ends]
    widths = [max(picks[way]) + 1 for way in (INPUT, OUTPUT) if way in ends]
    device, channels = (numbers, widths) if len(ends) == 2 else (numbers[0], widths[0])
    callback = {1: exchange.one_way(INPUT in ends), 2: exchange.both_ways}[len(ends)]
    problem = None
    for rate_hz in dict.fromkeys((wish.rate_hz, *(end.rate_hz for end in ends.values()), *RATES_HZ)):
        try:
            return kind(
                samplerate=rate_hz, blocksize=wish.block_samples, device=device, channels=channels, dtype="float32",
                latency="low", callback=callback,
            )  # fmt: skip
        except sounddevice.PortAudioError as refused:
            problem = problem or refused
            if len(refused.args) > 1 and refused.args[1] != -9997:  # paInvalidSampleRate
                break
    raise problem
