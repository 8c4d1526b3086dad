"""Compare a render with one changed cue with the whole render: `python benchmarks/revision.py [--hours 2]`.

A reel of footsteps, cloth, props and a fire is rendered; then again with one cue's level changed, with another cue's
preset changed, and unchanged. Every render is its own process with an empty cache, as when a person runs it.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STEMS = {"FEET": "step-gravel", "CLOTH": "cloth-move", "PROPS": "door-close", "STAIRS": "step-stone"}


def rows(hours: float, cues: int) -> list[dict]:
    """Return cues at equal distances, stem after stem."""
    names = list(STEMS)
    return [
        {
            "id": f"C{index:05d}",
            "start": f"{index * hours * 3600 / cues + 1:.3f}",
            "stem": names[index % len(names)],
            "preset": STEMS[names[index % len(names)]],
            "gain_db": "-6",
        }
        for index in range(cues)
    ]


def write(path: Path, sheet: list[dict]) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(sheet[0]))
        writer.writeheader()
        writer.writerows(sheet)
    return path


def render(sheet: Path, out: Path, cache: Path, *flags: str) -> tuple[float, float]:
    """Return wall seconds and peak memory in MB of one process and its children."""
    command = [sys.executable, "-m", "studio", "render", str(sheet), "--out", str(out), *flags]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(cache))
    seconds = time.perf_counter() - began
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def environment(cache: Path) -> dict[str, str]:
    return {**os.environ, "PISADA_CACHE": str(cache)}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--hours", type=float, default=2.0)
    arguments.add_argument("--cues", type=int, default=5000)
    given = arguments.parse_args()
    sheet = rows(given.hours, given.cues)
    middle = given.cues // 2
    edits = {
        "whole": sheet,
        "one level": [{**row, "gain_db": "-9"} if index == middle else row for index, row in enumerate(sheet)],
        "one preset": [{**row, "preset": "step-wood"} if index == middle else row for index, row in enumerate(sheet)],
        "nothing": [{**row, "preset": "step-wood"} if index == middle else row for index, row in enumerate(sheet)],
    }
    print("| change | wall s | share of the whole | peak MB | decoded | from the cache |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        out, cache, first = Path(folder) / "stems", Path(folder) / "cache", None
        for name, edited in edits.items():
            seconds, memory = render(write(Path(folder) / "reel.csv", edited), out, cache)
            first = first or seconds
            report = json.loads((out / "report.json").read_text(encoding="utf-8"))
            counts = f"{report['decoded_cues']} | {report['cached_cues']}"
            print(f"| {name} | {seconds:.1f} | {100 * seconds / first:.1f} % | {memory:.0f} | {counts} |", flush=True)


if __name__ == "__main__":
    main()
