"""Play live, show the meter, and say what was played and kept."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import islice
from math import ceil
from pathlib import Path

import click
import numpy as np

from plugin_backend.audio_files import inspect_recording
from plugin_backend.errors import MissingExtraError, PisadaError, RenderError
from plugin_backend.models.registry import load_codec
from plugin_backend.output_files import hold_signals
from plugin_backend.processes import WORKER_PRIORITY, request_priority
from presets.bank import Bank
from render.live.controllers.controller_map import FILE, LiveMap, check, read_map, write_map
from render.live.controllers.midi_input import MidiInput, list_ports
from render.live.controllers.midi_learn import ControllerRouter, parse_binding
from render.live.controllers.osc_input import OscInput
from render.live.devices.audio_loop import AudioLoop
from render.live.devices.audio_process import StreamRequest
from render.live.devices.device_list import list_devices
from render.live.devices.file_io import FileOutput, check_output, file_input, is_input_file, is_output_file
from render.live.instrument import Instrument
from render.live.level_meter import LevelMeter
from render.live.player import Player
from render.live.recording.recorder import Recorder
from render.live.rig import Rig
from studio.terminal.live_meter import LiveMeter, Reading

LOOK_EVERY_S = 0.1
SHED_TOLD = "more held textures than this machine can carry: the quietest were let go, of those as quiet the oldest"
MANY_LATE = 0.01


@dataclass(frozen=True)
class Ends:
    """Where sound comes from and goes: devices' names or files, the devices' channels, from 0, and the priority."""

    input: str | None = None
    output: str | None = None
    input_channels: tuple[int, ...] = ()
    output_channels: tuple[int, ...] = ()
    realtime: bool = False

    @property
    def are_files(self) -> bool:
        """Whether no device is there to wait for an answer: then no answer is late."""
        return is_input_file(self.input) and is_output_file(self.output)


@dataclass(frozen=True)
class Controllers:
    """What a performer's hands are on: a MIDI port, a UDP port for OSC, the map's file, and what is to be learned."""

    midi: str | None = None
    osc: int | None = None
    map_file: Path | None = None
    learn: tuple[str, ...] = ()


def print_devices() -> None:
    """List sound devices and MIDI inputs on standard output."""
    devices = list_devices()
    if not devices:
        click.echo("no sound devices were found")
    for device in devices:
        marks = "".join("*" if way in device.default_for else " " for way in ("input", "output"))
        click.echo(
            f"{device.number:>3} {marks} {device.name} ({device.host}): "
            f"{device.inputs} in, {device.outputs} out, {device.rate_hz} Hz"
        )
    try:
        ports = list_ports()
        if not ports:
            click.echo("no MIDI inputs were found")
        for name in ports:
            click.echo(f"MIDI   {name}")
    except MissingExtraError as missing:
        click.echo(f"note: {missing}", err=True)


def play_live(
    rig: Rig, ends: Ends, record: Path | None, controllers: Controllers, seconds: float | None, metered: bool
) -> None:
    """See ``pisada live --help``."""
    _check_ends(ends)
    bank, codec = Bank(rig.bank), load_codec(rig.model)
    instrument = Instrument(rig, codec, bank)
    map_file, live_map = _map(controllers, instrument)
    with ExitStack() as held:
        view = LiveMeter(metered)
        refused = (
            request_priority(WORKER_PRIORITY) if ends.realtime else ""
        )  # who waits while holding Python makes others wait
        inputs = _inputs(controllers, held)  # what may be missing comes before what is made
        recorder = Recorder(record, rig, instrument) if record is not None else None

        def play(into: np.ndarray, out: np.ndarray) -> None:
            player.play(into, out)
            while not player.threaded and player.work():
                pass

        loop, sink = _loop(rig, instrument, ends, play, held, seconds, paced=bool(inputs))
        with hold_signals():  # what it begins is ended, too
            own = {"threaded": not ends.are_files, "realtime": ends.realtime}
            player = Player(instrument, rig.block_samples, rig.ahead, recorder, **own)
            held.callback(player.close)
        held.callback(loop.stop)  # before what it plays through ends
        desk = ControllerRouter(player.control, instrument.controls, live_map, rig.pads, _programs(bank), rig.preset)
        for wanted in controllers.learn:
            desk.learn(wanted)
        for one in inputs:
            one.listen(desk.midi if isinstance(one, MidiInput) else desk.osc)
        held.enter_context(view)
        show = Show(loop, player, desk, inputs, rig, view, map_file)
        with suppress(KeyboardInterrupt):
            _tell_begin(loop, inputs, desk, view)
            if refused:
                view.say(f"note: {refused}")
            loop.start()
            show.run(None if ends.are_files else seconds)
        with suppress(KeyboardInterrupt), hold_signals():  # one more asks for what is being done
            held.close()
    _tell_end(show, record, sink, recorder)


def _check_ends(ends: Ends) -> None:
    """What is wrong with files in place of devices, before a model is loaded."""
    if is_input_file(ends.input):
        for remark in inspect_recording(Path(ends.input)).remarks:
            click.echo(f"note: {remark}", err=True)
    if is_output_file(ends.output):
        check_output(Path(ends.output))


def _loop(
    rig: Rig, instrument: Instrument, ends: Ends, play, held: ExitStack, seconds: float | None, paced: bool
) -> tuple[AudioLoop, FileOutput | None]:
    latency, rate_hz = rig.ahead * rig.block_samples + instrument.latency_samples, instrument.sample_rate
    source = sink = None
    if is_input_file(ends.input):
        source = file_input(Path(ends.input), rig.channels, rig.block_samples, rate_hz, latency)
        if ends.are_files and seconds is not None:  # of sound, however long it takes
            source = islice(source, ceil(seconds * rate_hz / rig.block_samples))
    if is_output_file(ends.output):
        sink = FileOutput(Path(ends.output), rig.channels, rate_hz)
        held.callback(sink.close)
    devices = None if source else ends.input, None if sink else ends.output
    picks = ends.input_channels, ends.output_channels
    wish = StreamRequest(*devices, rate_hz, rig.block_samples, rig.channels, *picks, realtime=ends.realtime)
    loop = AudioLoop(play, latency, wish, source, sink.take if sink else None, paced)
    held.callback(loop.stop)
    return loop, sink


def _map(controllers: Controllers, instrument: Instrument) -> tuple[Path, LiveMap]:
    for wanted in controllers.learn:
        check(parse_binding("cc.1.0", wanted), instrument.controls)
    path = controllers.map_file or Path(FILE)
    if path.exists() or (controllers.map_file is not None and not controllers.learn):
        return path, read_map(path, instrument.controls)
    return path, LiveMap()


def _programs(bank: Bank) -> dict[int, str]:
    """Numbers that presets claim; of a bank where none does, its order."""
    return bank.programs() or dict(enumerate(bank.names[:128]))


def _inputs(controllers: Controllers, held: ExitStack) -> list[MidiInput | OscInput]:
    inputs: list[MidiInput | OscInput] = []
    for kind, wanted in ((MidiInput, controllers.midi), (OscInput, controllers.osc)):
        if wanted is not None:
            inputs.append(kind(wanted))
            held.callback(inputs[-1].close)
    return inputs


def _tell_begin(loop: AudioLoop, inputs: list, desk: ControllerRouter, view: LiveMeter) -> None:
    opened = loop.opened
    view.say(f"{loop.name}: {opened.rate_hz} Hz, blocks of {opened.block_samples}, {loop.latency_ms:.2f} ms late")
    if loop.resampled:
        view.say("note: the device runs at another rate than the model; both ways are resampled, about 50 ms more")
    for one in inputs:
        view.say(one.told)
    if desk.learning:
        view.say(f"move a controller for {desk.learning[0]}")


class Show:
    """Looks after everything while sound runs."""

    def __init__(
        self, loop: AudioLoop, player: Player, desk: ControllerRouter, inputs: list, rig: Rig, view, map_file: Path
    ):
        self.loop, self.player, self.desk, self.inputs, self.view = loop, player, desk, inputs, view
        self.map_file, self.learned, self.seconds, self.unsaved = map_file, 0, 0.0, None
        self.block_s, self.ahead = rig.block_samples / loop.rate_hz, rig.ahead
        self._rig, self._told, self._gone, self._cpu = rig, 0, {}, (0.0, 0.0, 0.0)

    def run(self, seconds: float | None) -> None:
        """Until the sound ends, the time is up, or Ctrl-C."""
        began = time.monotonic()
        while not self.loop.ended.wait(LOOK_EVERY_S):
            self.look(time.monotonic() - began)
            if seconds is not None and self.seconds >= seconds:
                return
        self.seconds = time.monotonic() - began

    def look(self, seconds: float) -> None:
        """Show the meter, tell what is new, keep what was learned."""
        self.seconds = seconds
        problems = [self._lost(one) for one in (self.loop, *self.inputs)]
        player = self.player.meter()
        if player.problem and "player" not in self._gone:  # it does not come back
            self._gone["player"] = player.problem
            self.view.say(f"note: {player.problem}")
        if player.shed and "shed" not in self._gone:  # told once; the end tells how many
            self._gone["shed"] = SHED_TOLD
            self.view.say(f"note: {SHED_TOLD}")
        for told in self.desk.problems[self._told :]:
            self.view.say(f"note: {told}")
            self._told += 1
        self.keep_learned()
        self.view.show(self._reading(player, next(filter(None, problems), "")))

    def _lost(self, one: AudioLoop | MidiInput | OscInput) -> str:
        """What a device or port is lost by, told when that changes."""
        before, problem = self._gone.get(one, ""), one.problem
        self._gone[one] = problem
        if problem and problem != before:
            self.view.say(problem if before else f"{problem}; looking for it every second, Ctrl-C ends")
        elif before and not problem:
            self.view.say(one.back)
        return problem

    def keep_learned(self) -> None:
        """Save the map, where it grew; playing goes on where that cannot be."""
        if self.desk.learned == self.learned:
            return
        self.learned, self.unsaved = self.desk.learned, None
        try:
            write_map(self.map_file, self.desk.live_map)
        except PisadaError as problem:
            self.unsaved = problem
            self.view.say(f"note: {problem}; what was learned is not saved")
            return
        binding = self.desk.live_map.binding[-1]
        more = f"; move a controller for {self.desk.learning[0]}" if self.desk.learning else ""
        self.view.say(f"{self.map_file}: {binding.source} moves {binding.control} {binding.text}".rstrip() + more)

    def _reading(self, player: LevelMeter, problem: str) -> Reading:
        wall, busy, share = self._cpu
        now, used = time.monotonic(), time.process_time()
        if now - wall >= 1:
            share = (used - busy) / (now - wall) if wall else 0.0
            self._cpu = now, used, share
        loop, names = self.loop, " → ".join(name for name in (self.desk.preset, self._rig.to) if name)
        return Reading(
            self.seconds, player, loop.latency_ms, share, loop.troubles, loop.missed, loop.reopened,
            names, loop.name, self.desk.last, problem,
        )  # fmt: skip


def late_hint(meter: LevelMeter, ahead: int) -> str:
    """What helps, where more than one block in a hundred was late; else nothing."""
    if meter.late_blocks <= MANY_LATE * meter.blocks:
        return ""
    share = f"{meter.late_blocks / meter.blocks:.0%} of the blocks were late: the machine is too busy"
    return f"{share}; close other programs, or give --ahead {ahead + 1} or --realtime"


def _tell_end(show: Show, record: Path | None, sink: FileOutput | None, recorder: Recorder | None) -> None:
    player, loop = show.player.meter(), show.loop
    show.keep_learned()
    played_s = player.blocks * show.block_s
    click.echo(
        f"{played_s / 60:.1f} min played, {player.late_blocks} of {player.blocks} blocks late, "
        f"{player.restarts} restarts, {loop.troubles} lost and {loop.missed} missed by the device, "
        f"{loop.latency_ms:.2f} ms latency"
    )
    if hint := late_hint(player, show.ahead):
        click.echo(f"note: {hint}", err=True)
    if player.shed:
        click.echo(f"note: {player.shed} held textures were let go: the machine could not carry them", err=True)
    unused = sum(getattr(one, "malformed", 0) for one in show.inputs)
    if unused or show.desk.refused:
        click.echo(f"note: {max(unused, show.desk.refused)} controller messages could not be used", err=True)
    for path in (record, sink.path if sink else None):
        if path is not None and path.exists():
            click.echo(path)
    failure = loop.failure or show.unsaved
    problem = player.problem or (recorder.problem if recorder else "")
    if failure or problem:
        raise failure or RenderError(problem)
