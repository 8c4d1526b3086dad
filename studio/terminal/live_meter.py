"""The meter of live playing: bars in a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

from rich.console import Group
from rich.live import Live
from rich.text import Text

from render.live.level_meter import LevelMeter
from studio.terminal.safe_print import console as drawing

WIDTH, FLOOR_DB, HOLD_S, LINE_S = 40, -60.0, 1.5, 10.0
HOT_DB, CLIPPED_DB = -6.0, 0.0


@dataclass(frozen=True)
class Reading:
    """All the meter shows.

    Attributes:
        seconds: played.
        player: the player's own meter.
        latency_ms: from plug to plug.
        cpu_share: of one core, by the whole process.
        lost, missed: blocks the device lost or repeated; those whose answer came too late for it.
        reopened: how often the devices were opened again.
        names: the preset, and the second one.
        device: what is played through.
        last: what was moved last.
        problem: why there is no sound.
    """

    seconds: float
    player: LevelMeter
    latency_ms: float
    cpu_share: float
    lost: int
    missed: int
    reopened: int
    names: str
    device: str
    last: str
    problem: str


def status_line(reading: Reading) -> str:
    """One line."""
    player = reading.player
    counts = f"late {player.late_blocks}, restarts {player.restarts}, device {reading.lost}+{reading.missed}"
    peaks = f"in {_peaks(player.input_peak_db)} out {_peaks(player.output_peak_db)} dBFS"
    shares = f"worker {player.worker_share:.0%}, cpu {reading.cpu_share:.0%}"
    line = f"{_clock(reading.seconds)} {peaks} | {reading.latency_ms:.1f} ms | {counts} | {shares}"
    return f"{line} | {reading.last}" if reading.last else line


def _highest(readings: list[LevelMeter]) -> LevelMeter:
    """The last reading with the highest peaks of all."""
    peaks = {
        name: tuple(map(max, zip(*(getattr(reading, name) for reading in readings), strict=True)))
        for name in ("input_peak_db", "output_peak_db")
    }
    return replace(readings[-1], **peaks)


def _peaks(peaks_db: tuple[float, ...]) -> str:
    return " ".join(f"{peak:.0f}" for peak in peaks_db)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class LiveMeter:
    """A context: shows readings on standard error while it is open."""

    def __init__(self, drawn: bool = True):
        console = drawing()
        self._live = (
            Live(console=console, auto_refresh=False, transient=True) if drawn and console.is_terminal else None
        )
        self._console, self._drawn = console, drawn
        self._told_at = time.monotonic()
        self._held: dict[tuple[str, int], tuple[float, float]] = {}
        self._peaks: list[LevelMeter] = []

    def __enter__(self) -> LiveMeter:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_) -> None:
        if self._live:
            self._live.stop()

    def show(self, reading: Reading) -> None:
        """Draw it, or tell it when it is time."""
        if self._live:
            self._live.update(self._picture(reading), refresh=True)
            return
        self._peaks.append(reading.player)
        if time.monotonic() - self._told_at >= LINE_S:
            self._told_at = time.monotonic()
            if self._drawn:
                self.say(status_line(replace(reading, player=_highest(self._peaks))))
            self._peaks.clear()

    def say(self, line: str) -> None:
        """A line of its own, above the meter."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _picture(self, reading: Reading) -> Group:
        player, rows = reading.player, []
        for name, peaks in (("in", player.input_peak_db), ("out", player.output_peak_db)):
            rows += [self._bar(name, channel, peak) for channel, peak in enumerate(peaks)]
        bad = player.late_blocks or player.restarts or reading.lost or reading.missed
        counts = (
            f"late {player.late_blocks} of {player.blocks}   restarts {player.restarts}   "
            f"device {reading.lost} lost, {reading.missed} missed, {reading.reopened} reopened"
        )
        shares = f"worker {player.worker_share:4.0%}   cpu {reading.cpu_share:4.0%}"
        rows.append(Text(f"{_clock(reading.seconds)}   latency {reading.latency_ms:.1f} ms   {shares}"))
        rows.append(Text(counts, style="yellow" if bad else ""))
        rows.append(Text(f"{reading.names}   {reading.device}", style="bold"))
        rows.append(Text(reading.last, style="cyan"))
        problem = reading.problem or player.problem
        if problem:
            rows.append(Text(problem, style="bold red"))
        return Group(*rows)

    def _bar(self, name: str, channel: int, peak_db: float) -> Text:
        now = time.monotonic()
        held_db, since = self._held.get((name, channel), (-math.inf, now))
        if peak_db >= held_db or now - since > HOLD_S:
            held_db, since = peak_db, now
        self._held[name, channel] = held_db, since
        lit, mark = _cells(peak_db), _cells(held_db)
        cells = "".join("█" if cell < lit else "▏" if cell == mark and mark else "·" for cell in range(WIDTH))
        style = "red" if held_db >= CLIPPED_DB else "yellow" if held_db >= HOT_DB else "green"
        shown = f"{held_db:6.1f}" if held_db > -200 else "  -inf"
        return Text.assemble(f"{name:>3} {channel + 1} ", (cells, style), f" {shown} dBFS")


def _cells(peak_db: float) -> int:
    return round(WIDTH * min(max(1 - peak_db / FLOOR_DB, 0.0), 1.0)) if peak_db > FLOOR_DB else 0
