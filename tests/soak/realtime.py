"""Play for a long time: live with storms of controls and switches, and the plug-in at twice real time.

python -m tests.soak.realtime live --seconds 600
python -m tests.soak.realtime plugin --seconds 7200      # seconds of sound: an hour by the clock

Prints one row of a table and ends with 1 if memory, handles or threads grew, or something failed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RATE = 48_000
WARM = 0.25
"""Share of the time after which memory must not grow any more."""

MOST_GROWTH_MB = 16.0


@dataclass(frozen=True)
class Use:
    """What a process holds: memory in MB, handles, threads."""

    memory_mb: float
    handles: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> Use:
        """Measure a process."""
        process = Path(f"/proc/{pid}")
        pages = int((process / "statm").read_text().split()[1])
        return cls(
            pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
            len(list((process / "fd").iterdir())),
            len(list((process / "task").iterdir())),
        )


def growth(uses: list[Use]) -> list[str]:
    """Return what grew after the warm-up, in words."""
    first, rest = uses[round(WARM * len(uses))], uses[round(WARM * len(uses)) :]
    last, wrong = rest[-1], []
    if last.memory_mb > first.memory_mb + MOST_GROWTH_MB:
        wrong.append(f"memory grew from {first.memory_mb:.0f} to {last.memory_mb:.0f} MB")
    for name in ("handles", "threads"):
        if getattr(last, name) > getattr(first, name):
            wrong.append(f"{name} grew from {getattr(first, name)} to {getattr(last, name)}")
    return wrong


def row(name: str, seconds: float, uses: list[Use], events: str) -> str:
    """Return the row of the table."""
    first, last = uses[round(WARM * len(uses))], uses[-1]
    memory = f"{first.memory_mb:.0f} → {last.memory_mb:.0f} MB"
    return f"| {name} | {seconds:g} s | {events} | {memory} | {first.handles} → {last.handles} | {last.threads} |"


def live(seconds: float, seed: int) -> tuple[str, list[str]]:
    """Play by the clock: hundreds of control changes in each second, a preset or a strike every half second."""
    from plugin_backend.models.registry import load_codec
    from presets.bank import FACTORY_BANK, Bank
    from render.live.instrument import Instrument
    from render.live.player import Player
    from render.live.recording.offline_player import play_through
    from render.live.rig import Rig

    rng, bank = np.random.default_rng(seed), Bank(FACTORY_BANK)
    rig = Rig(preset="step-gravel", to="cloth-page", channels=2, ahead_blocks=4)
    instrument = Instrument(rig, load_codec("foley"), bank)
    player = Player(instrument, rig.block_samples, rig.ahead_blocks)
    controls = [name for name in instrument.controls if name.startswith("latent.") or name in ("mix", "blend", "morph")]
    storm, presets = controls + ["gain_db", "ceiling_dbtp", "bypass", "follow"], bank.names
    uses, switches, changes = [], 0, 0
    blocks = round(seconds * RATE / rig.block_samples)

    def sound():
        nonlocal switches, changes
        for block in range(blocks):
            for _ in range(4):
                name = storm[rng.integers(len(storm))]
                control = instrument.controls[name]
                player.control(name, float(rng.uniform(control.low, control.high)))
                changes += 1
            if block % 47 == 0:
                chosen, which = presets[rng.integers(len(presets))], ("preset", "preset_b", "strike")[block // 47 % 3]
                player.control(which, float(which == "strike"), chosen)
                switches += 1
            if block % 94 == 90:
                player.control("release")
            if block % 100 == 0:
                uses.append(Use.of(os.getpid()))
            level = 0.3 * np.exp(-np.arange(rig.block_samples) / 200) * (block % 24 == 0) + 0.01 * (block // 400 % 2)
            yield (level * rng.standard_normal((2, rig.block_samples))).astype(np.float32)

    loudest = 0.0

    def hear(out: np.ndarray) -> None:
        nonlocal loudest
        loudest = max(loudest, float(np.abs(out).max()))

    play_through(player, sound(), RATE, hear)
    meter = player.meter()
    player.close()
    wrong = growth(uses) + ([meter.problem] if meter.problem else [])
    events = f"{changes:,} controls, {switches:,} presets and strikes, {meter.late_blocks:,} of {blocks:,} blocks late"
    return row("`live`", seconds, uses, events), wrong


def plugin(seconds: float, seed: int) -> tuple[str, list[str]]:
    """Play two effects and an instrument at twice real time, with automation; open and close a fourth."""
    from render.plugin_server.client import PluginClient

    rng, wrong = np.random.default_rng(seed), []
    hops, uses, opened = round(seconds * RATE / 512), [], 0
    with PluginClient(sys.executable) as client:
        client.wait_for_hello()
        server = int(client.until("ready", 300)["pid"])
        steady = [client.open_instance(kind, 2, RATE) for kind in ("effect", "effect", "instrument")]
        passing = None
        begun = time.monotonic()
        for hop in range(hops):
            if hop % 500 == 0:
                uses.append(Use.of(server))
                if passing is not None:
                    client.send("close", id=passing.id)
                passing, opened = client.open_instance("effect", 2, RATE), opened + 1
            for instance in [*steady, passing]:
                if hop % 40 == 0:
                    instance.set(preset=float(rng.integers(1, len(client.presets) + 1)), blend=float(rng.random()))
                sound = (0.2 * rng.standard_normal((2, 512)) * (hop % 20 < 6)).astype(np.float32)
                output = instance.play(sound)
                if not np.isfinite(output).all():
                    wrong.append(f"hop {hop}: samples that are not finite")
            time.sleep(max(0.0, begun + hop * 512 / RATE / 2 - time.monotonic()))
        took = time.monotonic() - begun
        wrong += growth(uses) + [problem for problem in client.problems if problem]
    events = f"{4 * hops:,} hops at {seconds / took:.1f} × real time, {opened} instances opened and closed"
    return row("plug-in's server", seconds, uses, events), wrong


def main() -> int:
    """Play, print the row, and return the exit status."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", choices=("live", "plugin"))
    options.add_argument("--seconds", type=float, required=True, help="of sound")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    text, wrong = {"live": live, "plugin": plugin}[chosen.what](chosen.seconds, chosen.seed)
    print(text, *(f"not as promised: {line}" for line in wrong), sep="\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
