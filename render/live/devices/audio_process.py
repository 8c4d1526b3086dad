"""The process that opens the sound devices and runs their stream until they are gone."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from plugin_backend.errors import DeviceError
from render.live.devices.audio_callback import AudioCallback
from render.live.devices.device_list import INPUT, JACK, OUTPUT, Device, choose, portaudio, visible_devices

JACK_HIDDEN_BLOCKS = 2
"""PortAudio's JACK backend leaves this many blocks out of its latency. Measured from client to client, where the
server's period is the block."""

QUIET_S = 1.0
"""A device that asks for no block for this long is gone."""

CHECK_EVERY_S = 0.1
RATES_HZ = (48_000, 44_100, 96_000, 88_200, 192_000, 32_000, 16_000)


@dataclass(frozen=True)
class StreamRequest:
    """The stream to open.

    Attributes:
        input, output: as :func:`~render.live.devices.device_list.choose` takes them; ``None``: the default.
        rate_hz: of the model; used if the devices support it.
        block_samples: of the device.
        channels: how many are wanted; a device with fewer gives what it has.
        input_channels, output_channels: the device's channel numbers, from 0; empty: the first ones.
        no_input, no_output: open no such device (a file takes its place).
        realtime: request real-time priority.
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
    """An open stream: device names, rate, block size, channels in and out, and the device's own latency."""

    input: str
    output: str
    host: str
    rate_hz: int
    block_samples: int
    input_channels: int
    output_channels: int
    latency_s: float


def host(pipe: Connection, request: StreamRequest) -> None:
    """Open the devices, and stream until they or the parent are gone. The main function of the driver process.

    Args:
        pipe: to the parent.
        request: the devices to open.

    Raises:
        DeviceError: the devices cannot be opened.
    """
    sounddevice = portaudio()
    ends = _ends(visible_devices(sounddevice), request)
    picks = {direction: _picks(device, direction, request) for direction, device in ends.items()}
    callback = AudioCallback(pipe, picks, request.realtime)
    try:
        stream = _open(sounddevice, request, ends, picks, callback)
        stream.start()
    except sounddevice.PortAudioError as problem:
        names = " and ".join(device.name for device in ends.values())
        raise DeviceError(f"{names}: {problem.args[0]}") from problem
    delays = stream.latency if len(ends) == 2 else (stream.latency,)
    api = next(iter(ends.values())).host
    latency_s = sum(_plausible(delay, stream.samplerate) for delay in delays)
    if api == JACK:
        latency_s += JACK_HIDDEN_BLOCKS * request.block_samples / stream.samplerate
    info = StreamInfo(
        input=ends[INPUT].name if INPUT in ends else "",
        output=ends[OUTPUT].name if OUTPUT in ends else "",
        host=api,
        rate_hz=round(stream.samplerate),
        block_samples=request.block_samples,
        input_channels=len(picks.get(INPUT, ())),
        output_channels=len(picks.get(OUTPUT, ())),
        latency_s=latency_s,
    )
    pipe.send(("ready", info))
    callback.begin(pipe.recv(), request.channels, request.block_samples, round(stream.samplerate))
    last, since = -1, time.monotonic()
    while stream.active and not callback.ended:
        time.sleep(CHECK_EVERY_S)
        if callback.number != last:
            last, since = callback.number, time.monotonic()
        elif time.monotonic() - since > QUIET_S:
            break
    os._exit(0)  # closing a stream whose server died may hang


def _plausible(delay_s: float, rate_hz: float) -> float:
    """Undo a wrap: PortAudio's JACK backend computes latencies in unsigned 32 bits, and negative ones wrap."""
    samples = round(delay_s * rate_hz) % 2**32
    return (samples - 2**32 if samples >= 2**31 else samples) / rate_hz


def _ends(devices: list[Device], request: StreamRequest) -> dict[str, Device]:
    first = OUTPUT if request.no_input or (request.input is None and request.output is not None) else INPUT
    second = INPUT if first == OUTPUT else OUTPUT
    wanted = {INPUT: request.input, OUTPUT: request.output}
    ends = {first: choose(devices, wanted[first], first)}
    if not (request.no_input or request.no_output):
        try:
            ends[second] = choose(devices, wanted[second], second, ends[first].host)
        except DeviceError as problem:
            if wanted[second] is not None:
                choose(devices, wanted[second], second)  # if no such device exists at all, this error is clearer
            raise DeviceError(f"{problem}; both devices must be of one host API") from problem
    return ends


def _picks(device: Device, direction: str, request: StreamRequest) -> list[int]:
    """Return the device's channels to use, from 0."""
    listed = request.input_channels if direction == INPUT else request.output_channels
    least = request.channels if direction == INPUT else max(2, request.channels)  # mono plays on both sides
    picks = list(listed) or list(range(min(least, device.channels(direction))))
    if max(picks) >= device.channels(direction):
        raise DeviceError(
            f"{device.name}: no {direction} channel {max(picks) + 1}; it has {device.channels(direction)}"
        )
    return picks


def _open(
    sounddevice: Any,
    request: StreamRequest,
    ends: dict[str, Device],
    picks: dict[str, list[int]],
    callback: AudioCallback,
) -> Any:
    """Open a PortAudio stream at the first rate that the devices accept."""
    kinds = {(INPUT, OUTPUT): sounddevice.Stream, (INPUT,): sounddevice.InputStream}
    directions = tuple(direction for direction in (INPUT, OUTPUT) if direction in ends)
    kind = kinds.get(directions, sounddevice.OutputStream)
    numbers = [ends[direction].number for direction in directions]
    widths = [max(picks[direction]) + 1 for direction in directions]
    device, channels = (numbers, widths) if len(ends) == 2 else (numbers[0], widths[0])
    on_block = {1: callback.one_way(INPUT in ends), 2: callback.both_ways}[len(ends)]
    problem: Exception | None = None
    for rate_hz in dict.fromkeys((request.rate_hz, *(end.rate_hz for end in ends.values()), *RATES_HZ)):
        try:
            return kind(
                samplerate=rate_hz, blocksize=request.block_samples, device=device, channels=channels, dtype="float32",
                latency="low", callback=on_block,
            )  # fmt: skip
        except sounddevice.PortAudioError as refused:
            problem = problem or refused
            if len(refused.args) > 1 and refused.args[1] != -9997:  # paInvalidSampleRate
                break
    assert problem is not None
    raise problem
