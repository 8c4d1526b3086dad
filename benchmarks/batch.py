"""Measure what a batch costs: decoding together, jobs per hour by workers and engine, job overhead, worker memory.

    python benchmarks/batch.py                  # prints the tables kept in docs/benchmarks.md
    python benchmarks/batch.py --only decode    # or jobs, or ray (which needs the extra cluster)

CPU seconds are those of all processes that took part. Where other work shares the machine, trust these; jobs per hour
and efficiency depend on what the machine had left. Memory is the proportional set size (``/proc``, Linux), so memory
that forked processes share is counted once.
"""

# ruff: noqa: E402 (the path comes before the imports)

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])  # this file must not be found as a package

import numpy as np

CUES, ROUNDS = 1_000, 3
JOBS, JOB_CUES = 12, 120
SETS = {
    "a fifth of a second": ("step-concrete", "step-boots", "step-tile"),
    "half a second": ("step-gravel", "step-wood", "step-stone", "step-grass"),
}


def footsteps(presets: tuple[str, ...], count: int) -> list:
    """Return events, one every half second."""
    from plugin_backend.models.registry import describe_codec
    from presets.bank import FACTORY_BANK, Bank
    from presets.performance.performance import performance_of
    from render.plan.choose_draws import StruckRows
    from render.plan.plan import Event

    bank, spec, events = Bank(FACTORY_BANK), describe_codec("foley"), []
    rows = StruckRows(0)
    for number in range(count):
        preset = bank[presets[number % len(presets)]]
        draw = rows.draw(preset, spec, str(number))
        length = performance_of(preset, draw, spec).length_samples
        events.append(
            Event(
                id=str(number),
                stem="FEET",
                start_samples=24_000 * number,
                length_samples=length,
                preset=preset.name,
                source=None,
                codec="foley",
                seed=draw.seed,
                draw=draw,
            )
        )
    return events


def decode(events: list, together: bool) -> tuple[float, float, list[np.ndarray]]:
    """Decode all sounds; return CPU seconds, wall seconds and the sounds."""
    from presets.bank import FACTORY_BANK
    from render.engine.cue_audio import CueAudio
    from render.engine.cue_decoding import Stopwatch
    from render.plan.plan import Plan
    from render.project.project import Stem

    plan = Plan(48_000, 0, 1, (Stem(name="FEET"),), tuple(events), FACTORY_BANK)
    sounds = CueAudio(plan, 64, Stopwatch(), events if together else ())
    sounds.codec("foley")  # loading it is not decoding
    cpu_s, wall_s, sounds_decoded = time.process_time(), time.perf_counter(), []
    for event in events:
        sounds_decoded.append(np.concatenate(list(sounds.of(event)), axis=1)[:, : event.length_samples])
    return time.process_time() - cpu_s, time.perf_counter() - wall_s, sounds_decoded


def print_decode() -> None:
    print(f"| {CUES} footsteps of | one by one, CPU s | together, CPU s | times | wall s | samples |")
    print("|---|---|---|---|---|---|")
    for name, presets in SETS.items():
        events, least = footsteps(presets, CUES), {}
        for _ in range(ROUNDS):
            for together in (False, True):
                found = decode(events, together)
                least[together] = min(found, least.get(together, found), key=lambda each: each[0])
        (alone, alone_wall, one), (both, both_wall, other) = least[False], least[True]
        same = all(np.array_equal(x, y) for x, y in zip(one, other, strict=True))
        cells = [name, f"{alone:.2f}", f"{both:.2f}", f"{alone / both:.2f}", f"{alone_wall:.1f} → {both_wall:.1f}"]
        print("| " + " | ".join([*cells, "the same" if same else "DIFFERENT"]) + " |", flush=True)


def write_jobs(folder: Path, cues: int) -> Path:
    """Write jobs of one minute with equally many footsteps, no two alike."""
    lines = ["name,cues,fps,end,start"]
    names = [name for presets in SETS.values() for name in presets]
    for job in range(JOBS):
        rows = [f"{job}-{n},{n * 58 / cues + 0.1:.4f},FEET,{names[n % len(names)]}" for n in range(cues)]
        (folder / f"{cues}-{job}.csv").write_text("\n".join(["id,start,stem,preset", *rows]) + "\n")
        lines.append(f"job{job},{cues}-{job}.csv,24,00:01:00:00,00:00:00:00")
    jobs = folder / f"jobs{cues}.csv"
    jobs.write_text("\n".join(lines) + "\n")
    return jobs


class Memory(threading.Thread):
    """Peak memory, in MB, of all processes that a process started."""

    def __init__(self):
        super().__init__(daemon=True)
        self.most_mb, self._done = 0.0, threading.Event()

    def run(self) -> None:
        while not self._done.wait(0.5):
            self.most_mb = max(self.most_mb, sum(map(_proportional_mb, _descendants(os.getpid()))))

    def stop(self) -> float:
        self._done.set()
        self.join()
        return self.most_mb


def _descendants(parent: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            children.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
        except OSError:  # it ended meanwhile
            continue
    found = list(children.get(parent, []))
    for process in found:
        found += children.get(process, [])
    return found


def _proportional_mb(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def run(jobs: Path, engine: str, workers: int) -> tuple[float, float, float]:
    """Return wall seconds, CPU seconds of this process and its children, and a worker's peak memory in MB."""
    from render.batch import plan_batch, read_jobs, run_batch
    from studio.workflows.batch import engine_of

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        plan, memory = plan_batch(read_jobs(jobs), out), Memory()
        memory.start()
        cpu_s, began = _cpu_s(), time.perf_counter()
        result = run_batch(plan, out, engine_of(engine, workers))
        wall_s = time.perf_counter() - began
        cpu_s = _cpu_s() - cpu_s
        if result.failed:
            raise SystemExit(f"failed: {result.failed}")
        return wall_s, cpu_s, memory.stop() / workers


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def print_jobs(engines: tuple[str, ...]) -> None:
    print(f"\n| {JOBS} jobs of a minute | workers | wall s | jobs/h | efficiency | CPU s a job | MB a worker |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        full, empty = (write_jobs(Path(folder), cues) for cues in (JOB_CUES, 1))
        for engine in engines:
            alone_s = 0.0
            for label, jobs, workers in ((f"{JOB_CUES} cues", full, 1), (f"{JOB_CUES} cues", full, 2),
                                         ("1 cue (overhead)", empty, 1)):  # fmt: skip
                wall_s, cpu_s, mb = run(jobs, engine, workers)
                alone_s = alone_s or wall_s
                efficiency = f"{100 * alone_s / wall_s / workers:.0f} %" if jobs == full else "–"
                cpu = f"{cpu_s / JOBS:.2f}" if engine == "pool" else "–"  # Ray's processes are not our children
                cells = [f"{engine}, {label}", str(workers), f"{wall_s:.1f}", f"{3600 * JOBS / wall_s:.0f}"]
                print("| " + " | ".join([*cells, efficiency, cpu, f"{mb:.0f}"]) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["decode", "jobs", "ray"])
    only = parser.parse_args().only
    os.environ["OMP_NUM_THREADS"] = "1"
    load = os.getloadavg()[0]
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f} at start\n"
    )
    if only in (None, "decode"):
        print_decode()
    if only != "decode":
        print_jobs(("pool", "ray") if only is None else ("pool",) if only == "jobs" else ("ray",))


if __name__ == "__main__":
    main()
