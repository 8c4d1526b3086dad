"""Play live: set everything up, play until the end, and close everything in the right order."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path

import click
import numpy as np

from plugin_backend.errors import RenderError
from plugin_backend.models.registry import load_codec
from plugin_backend.output_files import hold_signals
from plugin_backend.processes import WORKER_PRIORITY, request_priority
from presets.bank import Bank
from render.live.controllers.midi_input import MidiInput
from render.live.controllers.midi_learn import ControllerRouter
from render.live.instrument import Instrument
from render.live.player import Player
from render.live.recording.recorder import Recorder
from render.live.rig import Rig
from studio.terminal.live_meter import LiveMeter
from studio.workflows.live_monitor import LiveMonitor
from studio.workflows.live_setup import (
    Controllers,
    Ends,
    check_ends,
    open_controllers,
    open_loop,
    programs_of,
    read_controller_map,
)


def play_live(
    rig: Rig, ends: Ends, record: Path | None, controllers: Controllers, seconds: float | None, metered: bool
) -> None:
    """Play a rig; see ``pisada live --help``.

    Args:
        rig: what is played.
        ends: where audio comes from and goes to.
        record: folder for a recording.
        controllers: MIDI, OSC and the map.
        seconds: stop after this time; ``None``: at Ctrl-C or the end of the input.
        metered: whether a meter is shown.

    Raises:
        InputError: a preset, a model, the map or an input file cannot be used.
        DeviceError: a device or port cannot be opened.
        OutputError: a file exists already, or cannot be written.
        RenderError: playing or recording failed.
    """
    check_ends(ends)
    bank, codec = Bank(rig.bank), load_codec(rig.model)
    instrument = Instrument(rig, codec, bank)
    map_file, live_map = read_controller_map(controllers, instrument)
    with ExitStack() as cleanup:
        view = LiveMeter(metered)
        # this thread needs priority too: if it is stopped while it holds Python's lock, the others wait
        refused = request_priority(WORKER_PRIORITY) if ends.realtime else ""
        inputs = open_controllers(controllers, cleanup)  # what may be missing comes before any file is made
        recorder = Recorder(record, rig, instrument) if record is not None else None

        def play(into: np.ndarray, out: np.ndarray) -> None:
            player.play(into, out)
            while not player.threaded and player.work():
                pass

        loop, sink = open_loop(instrument, ends, play, cleanup, seconds, paced=bool(inputs))
        with hold_signals():  # what it starts must also be closed
            player = Player(
                instrument,
                rig.block_samples,
                rig.ahead,
                recorder,
                threaded=not ends.are_files,
                realtime=ends.realtime,
            )
            cleanup.callback(player.close)
        cleanup.callback(loop.stop)  # before the player is closed
        router = ControllerRouter(
            player.control, instrument.controls, live_map, rig.pads, programs_of(bank), rig.preset, rig.notes
        )
        for control in controllers.learn:
            router.learn(control)
        for controller in inputs:
            if isinstance(controller, MidiInput):
                controller.listen(router.midi)
            else:
                controller.listen(router.osc)
        cleanup.enter_context(view)
        monitor = LiveMonitor(loop, player, router, inputs, rig, view, map_file)
        with suppress(KeyboardInterrupt):
            monitor.print_start()
            if refused:
                view.print_line(f"note: {refused}")
            loop.start()
            monitor.run(None if ends.are_files else seconds)
        with suppress(KeyboardInterrupt), hold_signals():  # a second Ctrl-C changes nothing
            cleanup.close()
    monitor.print_summary()
    for path in (record, sink.path if sink else None):
        if path is not None and path.exists():
            click.echo(path)
    failure = loop.failure or monitor.unsaved
    problem = player.meter().problem or (recorder.problem if recorder else "")
    if failure or problem:
        raise failure or RenderError(problem)
