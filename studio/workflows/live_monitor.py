"""Watch live playing: show the meter, report problems, save learned bindings, and print the summary."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

import click

from plugin_backend.errors import PisadaError
from render.live.controllers.controller_map import write_map
from render.live.controllers.midi_input import MidiInput
from render.live.controllers.midi_learn import ControllerRouter
from render.live.controllers.osc_input import OscInput
from render.live.devices.audio_loop import AudioLoop
from render.live.level_meter import LevelMeter
from render.live.player import Player
from render.live.rig import Rig
from studio.terminal.live_meter import Reading

CHECK_EVERY_S = 0.1
SHED_MESSAGE = (
    "more held textures than this machine can play: the quietest were ended, of equally quiet ones the oldest"
)
MANY_LATE = 0.01


class View(Protocol):
    """Where readings and messages are shown: :class:`studio.terminal.live_meter.LiveMeter`."""

    def show(self, reading: Reading) -> None:
        """Show a reading."""

    def print_line(self, line: str) -> None:
        """Print a line."""


class LiveMonitor:
    """Watches live playing while it runs.

    Args:
        loop: plays.
        player: gives the meter.
        router: learns bindings.
        inputs: MIDI and OSC ports.
        rig: what is played.
        view: where readings and messages are shown.
        map_file: where learned bindings are saved.

    Attributes:
        seconds: how long it has played.
        unsaved: why the learned bindings could not be saved.
    """

    def __init__(
        self,
        loop: AudioLoop,
        player: Player,
        router: ControllerRouter,
        inputs: list[MidiInput | OscInput],
        rig: Rig,
        view: View,
        map_file: Path,
    ):
        self.loop, self.player, self.router, self.inputs, self.view = loop, player, router, inputs, view
        self.map_file, self.seconds = map_file, 0.0
        self.unsaved: PisadaError | None = None
        self.block_s, self.ahead = rig.block_samples / loop.rate_hz, rig.ahead
        self._second_preset, self._saved, self._reported = rig.to, 0, 0
        self._problems: dict[object, str] = {}
        self._cpu = (0.0, 0.0, 0.0)

    def print_start(self) -> None:
        """Print devices, latency, controllers and the first control to learn."""
        loop, opened = self.loop, self.loop.opened
        self.view.print_line(
            f"{loop.name}: {opened.rate_hz} Hz, blocks of {opened.block_samples}, {loop.latency_ms:.2f} ms late"
        )
        if loop.resampled:
            self.view.print_line(
                "note: the device runs at another rate than the model; both directions are resampled, "
                "which adds about 50 ms"
            )
        for controller in self.inputs:
            self.view.print_line(controller.label)
        if self.router.learning:
            self.view.print_line(f"move a controller for {self.router.learning[0]}")

    def run(self, seconds: float | None) -> None:
        """Watch until playing ends, the time is up (``None``: no limit), or Ctrl-C."""
        began = time.monotonic()
        while not self.loop.ended.wait(CHECK_EVERY_S):
            self.check(time.monotonic() - began)
            if seconds is not None and self.seconds >= seconds:
                return
        self.seconds = time.monotonic() - began

    def check(self, seconds: float) -> None:
        """Show the meter, report new problems, and save what was learned; ``seconds`` were played."""
        self.seconds = seconds
        problems = [self._check_connection(part) for part in (self.loop, *self.inputs)]
        meter = self.player.meter()
        if meter.problem and "player" not in self._problems:  # the player does not recover
            self._problems["player"] = meter.problem
            self.view.print_line(f"note: {meter.problem}")
        if meter.shed and "shed" not in self._problems:  # reported once; the summary has the number
            self._problems["shed"] = SHED_MESSAGE
            self.view.print_line(f"note: {SHED_MESSAGE}")
        for problem in self.router.problems[self._reported :]:
            self.view.print_line(f"note: {problem}")
            self._reported += 1
        self.save_learned()
        self.view.show(self._reading(meter, next(filter(None, problems), "")))

    def _check_connection(self, part: AudioLoop | MidiInput | OscInput) -> str:
        """Return the problem of a device or port; report it when it changes."""
        before, problem = self._problems.get(part, ""), part.problem
        self._problems[part] = problem
        if problem and problem != before:
            self.view.print_line(problem if before else f"{problem}; looking for it every second, Ctrl-C ends")
        elif before and not problem:
            self.view.print_line(part.recovery_message)
        return problem

    def save_learned(self) -> None:
        """Save the map if a binding was learned. If it cannot be saved, playing goes on."""
        if self.router.learned == self._saved:
            return
        self._saved, self.unsaved = self.router.learned, None
        try:
            write_map(self.map_file, self.router.live_map)
        except PisadaError as problem:
            self.unsaved = problem
            self.view.print_line(f"note: {problem}; what was learned is not saved")
            return
        binding = self.router.live_map.binding[-1]
        more = f"; move a controller for {self.router.learning[0]}" if self.router.learning else ""
        self.view.print_line(
            f"{self.map_file}: {binding.source} moves {binding.control} {binding.text}".rstrip() + more
        )

    def _reading(self, meter: LevelMeter, problem: str) -> Reading:
        wall, busy, share = self._cpu
        now, used = time.monotonic(), time.process_time()
        if now - wall >= 1:
            share = (used - busy) / (now - wall) if wall else 0.0
            self._cpu = now, used, share
        loop = self.loop
        return Reading(
            seconds=self.seconds,
            player=meter,
            latency_ms=loop.latency_ms,
            cpu_share=share,
            lost=loop.device_errors,
            missed=loop.missed,
            reopened=loop.reopened,
            names=" → ".join(name for name in (self.router.preset, self._second_preset) if name),
            device=loop.name,
            last=self.router.last,
            problem=problem,
        )

    def print_summary(self) -> None:
        """Print how long was played, what was late and lost, and hints. Call it when everything is closed."""
        meter, loop = self.player.meter(), self.loop
        self.save_learned()
        click.echo(
            f"{meter.blocks * self.block_s / 60:.1f} min played, {meter.late_blocks} of {meter.blocks} blocks late, "
            f"{meter.restarts} restarts, {loop.device_errors} lost and {loop.missed} missed by the device, "
            f"{loop.latency_ms:.2f} ms latency"
        )
        if hint := late_hint(meter, self.ahead):
            click.echo(f"note: {hint}", err=True)
        if meter.shed:
            click.echo(f"note: {meter.shed} held textures were ended: the machine is too slow for them", err=True)
        malformed = sum(getattr(controller, "malformed", 0) for controller in self.inputs)
        if malformed or self.router.refused:
            click.echo(f"note: {max(malformed, self.router.refused)} controller messages could not be used", err=True)


def late_hint(meter: LevelMeter, ahead: int) -> str:
    """Return what helps if more than one block in a hundred was late; "" otherwise."""
    if meter.late_blocks <= MANY_LATE * meter.blocks:
        return ""
    share = f"{meter.late_blocks / meter.blocks:.0%} of the blocks were late: the machine is too busy"
    return f"{share}; close other programs, or give --ahead {ahead + 1} or --realtime"
