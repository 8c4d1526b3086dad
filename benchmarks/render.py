"""What a render costs: × real time by number of stems, peak memory by length, and where the time goes.

    python benchmarks/render.py            # prints the tables kept in docs/benchmarks.md

Every measurement is a fresh process that renders footsteps (two a second and stem, the factory
model) through a reverb on every stem to 24-bit files in a temporary folder. Memory is the peak
resident size of the command plus that of its render process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])  # this file must not be found as the package `render`

STEM_COUNTS = (1, 8, 32)
STEM_RUN_S = 60
LENGTHS_S = (120, 1800, 7200)
PRESETS = ("step-gravel", "step-wood", "step-stone", "step-grass")


def measure(seconds: int, stems: int) -> dict:
    """Render in this process; answers the report's figures and peak memory in MB."""
    from render.engine.make_plan import make_plan

    from render.cues import Cue, CueSheet
    from render.delivery.deliver import deliver
    from render.project.effect_schema import Reverb
    from render.project.project import Project, Stem

    rate = 48_000
    names = [f"S{index:02d}" for index in range(stems)]
    cues = [
        Cue(id=f"{name}-{step}", start_samples=step * rate // 2 + 97 * index, stem=name, preset=PRESETS[step % 4])
        for index, name in enumerate(names)
        for step in range(2 * seconds - 4)
    ]
    cues.sort(key=lambda cue: cue.start_samples)
    wet = Reverb(room_size=0.5, wet_level=0.2, dry_level=0.4)
    project = Project(
        show="BENCH",
        fps="24",
        start="00:00:00:00",
        end=f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:00:00",
        stems=[Stem(name=name, effects=[wet]) for name in names],
    )
    sheet = CueSheet(Path("bench.csv"), cues, [], [])
    with tempfile.TemporaryDirectory() as folder:
        delivery = deliver(make_plan(project, sheet), project, Path(folder))
        report = json.loads(delivery.report.read_text())
    peak_kb = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "times_real_time": report["times_real_time"],
        "wall_s": report["wall_s"],
        "peak_mb": round(sum(peak_kb) / 1024),
        "shares": report["seconds_by_activity"],
    }


def in_fresh_process(seconds: int, stems: int) -> dict:
    command = [sys.executable, __file__, "--measure", str(seconds), str(stems)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def row(first: str, result: dict) -> str:
    total = result["wall_s"]
    shares = [result["shares"].get(name, 0.0) for name in ("codec_s", "mix_s", "graph_s", "disk_s")]
    cells = [first, f"{result['times_real_time']:.1f}", f"{result['wall_s']:.1f}", str(result["peak_mb"])]
    cells += [f"{100 * share / total:.0f} %" for share in shares]
    return "| " + " | ".join(cells) + " |"


HEADER = "× real time | wall s | peak MB | codec | mixing | graph | disk |\n|---|---|---|---|---|---|---|---|"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", nargs=2, type=int, metavar=("SECONDS", "STEMS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(*options.measure)))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, one render process\n")
    print(f"| stems ({STEM_RUN_S} s) | {HEADER}")
    for stems in STEM_COUNTS:
        print(row(str(stems), in_fresh_process(STEM_RUN_S, stems)), flush=True)
    print(f"\n| programme (1 stem) | {HEADER}")
    for seconds in LENGTHS_S:
        print(row(f"{seconds // 60} min", in_fresh_process(seconds, 1)), flush=True)


if __name__ == "__main__":
    main()
