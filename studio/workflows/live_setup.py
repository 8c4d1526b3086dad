"""Open what live playing needs: devices or files, controllers, and the map of the controllers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from math import ceil
from pathlib import Path

import click
import numpy as np

from plugin_backend.audio_files import inspect_recording
from presets.bank import Bank
from render.live.controllers.controller_map import FILE, LiveMap, check, read_map
from render.live.controllers.midi_input import MidiInput
from render.live.controllers.midi_learn import parse_binding
from render.live.controllers.osc_input import OscInput
from render.live.devices.audio_loop import AudioLoop
from render.live.devices.audio_process import StreamRequest
from render.live.devices.file_io import FileOutput, check_output, file_input, is_input_file, is_output_file
from render.live.instrument import Instrument


@dataclass(frozen=True)
class Ends:
    """Where audio comes from and goes to.

    Attributes:
        input, output: a device's name or number, or a file; ``None``: the default device.
        input_channels, output_channels: of the devices, from 0; empty: the first ones.
        realtime: request real-time priority.
    """

    input: str | None = None
    output: str | None = None
    input_channels: tuple[int, ...] = ()
    output_channels: tuple[int, ...] = ()
    realtime: bool = False

    @property
    def input_file(self) -> Path | None:
        """The file in place of an input device."""
        return Path(self.input) if self.input is not None and is_input_file(self.input) else None

    @property
    def output_file(self) -> Path | None:
        """The file in place of an output device."""
        return Path(self.output) if self.output is not None and is_output_file(self.output) else None

    @property
    def are_files(self) -> bool:
        """Whether both ends are files. Then no device waits for a block, and none can be late."""
        return self.input_file is not None and self.output_file is not None


@dataclass(frozen=True)
class Controllers:
    """The performer's controllers: a MIDI port, a UDP port for OSC, the map file, and the controls to learn."""

    midi: str | None = None
    osc: int | None = None
    map_file: Path | None = None
    learn: tuple[str, ...] = ()


def check_ends(ends: Ends) -> None:
    """Check the files in place of devices. Call it before a model is loaded.

    Raises:
        AudioFileError: the input cannot be used.
        OutputError: the output exists already.
    """
    if ends.input_file is not None:
        for remark in inspect_recording(ends.input_file).remarks:
            click.echo(f"note: {remark}", err=True)
    if ends.output_file is not None:
        check_output(ends.output_file)


def open_loop(
    instrument: Instrument,
    ends: Ends,
    play: Callable[[np.ndarray, np.ndarray], None],
    cleanup: ExitStack,
    seconds: float | None,
    paced: bool,
) -> tuple[AudioLoop, FileOutput | None]:
    """Open the devices or files.

    Args:
        instrument: what is played.
        ends: where audio comes from and goes to.
        play: ``play(into, out)`` of the player.
        cleanup: closes everything.
        seconds: with files at both ends, how much sound is played; ``None``: all.
        paced: whether files at both ends follow the clock.

    Returns:
        The audio loop, and the output file if there is one.

    Raises:
        DeviceError: a device cannot be opened.
        OutputError: the output file cannot be written.
    """
    rig = instrument.rig
    latency, rate_hz = rig.ahead * rig.block_samples + instrument.latency_samples, instrument.sample_rate
    source = sink = None
    if ends.input_file is not None:
        source = file_input(ends.input_file, rig.channels, rig.block_samples, rate_hz, latency)
        if ends.are_files and seconds is not None:  # of sound, however long it takes
            source = islice(source, ceil(seconds * rate_hz / rig.block_samples))
    if ends.output_file is not None:
        sink = FileOutput(ends.output_file, rig.channels, rate_hz)
        cleanup.callback(sink.close)
    request = StreamRequest(
        None if source else ends.input,
        None if sink else ends.output,
        rate_hz,
        rig.block_samples,
        rig.channels,
        ends.input_channels,
        ends.output_channels,
        realtime=ends.realtime,
    )
    loop = AudioLoop(play, latency, request, source, sink.write if sink else None, paced)
    cleanup.callback(loop.stop)
    return loop, sink


def read_controller_map(controllers: Controllers, instrument: Instrument) -> tuple[Path, LiveMap]:
    """Return the map file's path and the map; the map is empty if the file may be absent and is.

    Raises:
        ProjectError: the map cannot be read, or a control to learn does not exist.
    """
    for wanted in controllers.learn:
        check(parse_binding("cc.1.0", wanted), instrument.controls)
    path = controllers.map_file or Path(FILE)
    if path.exists() or (controllers.map_file is not None and not controllers.learn):
        return path, read_map(path, instrument.controls)
    return path, LiveMap()


def programs_of(bank: Bank) -> dict[int, str]:
    """Return MIDI program number → preset. If no preset has a program number, the bank's order decides."""
    return bank.programs() or dict(enumerate(bank.names[:128]))


def open_controllers(controllers: Controllers, cleanup: ExitStack) -> list[MidiInput | OscInput]:
    """Open the MIDI port and the OSC port.

    Raises:
        DeviceError: a port cannot be opened.
        MissingExtraError: a library is not installed.
    """
    inputs: list[MidiInput | OscInput] = []
    if controllers.midi is not None:
        inputs.append(MidiInput(controllers.midi))
        cleanup.callback(inputs[-1].close)
    if controllers.osc is not None:
        inputs.append(OscInput(controllers.osc))
        cleanup.callback(inputs[-1].close)
    return inputs
