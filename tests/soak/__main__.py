"""Run the whole soak, and print tables.

Faults at every command's file-system calls, changed files for every reader, random orders, the bridge with sanitizers.

python -m tests.soak [--inputs 100000] [--points 12] [--orders 400] [--seed 1] [--only faults|files|orders|sanitizers]
                     [--table docs/reliability.md]
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from datetime import date
from pathlib import Path

from tests.native_builds import SANITIZERS
from tests.soak import faults
from tests.soak.fuzz import fuzzed
from tests.soak.longer_tests import bridge_tests, random_orders
from tests.soak.readers import readers

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- soak: begin -->", "<!-- soak: end -->"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--inputs", type=int, default=100_000, help="changed files, all readers together")
    options.add_argument("--points", type=int, default=12, help="calls of each command that are disturbed, a mode")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--orders", type=int, default=400, help="random orders of each quick state machine")
    options.add_argument("--only", choices=("faults", "files", "orders", "sanitizers"))
    options.add_argument("--table", type=Path, help="a page whose table between the marks is written anew")
    chosen = options.parse_args()
    wrong: list[str] = []
    logging.disable()  # pyaaf2 would log every damaged file
    lines = [f"Last run: {date.today()}, seed {chosen.seed}."]
    with tempfile.TemporaryDirectory() as folder:
        if chosen.only in (None, "faults"):
            lines += ["", "| command | calls | runs disturbed | not as promised |", "|---|---|---|---|"]
            lines += _faults(Path(folder), chosen.points, wrong)
        if chosen.only in (None, "files"):
            lines += ["", "| reader | changed files | read | slowest | escaped |", "|---|---|---|---|---|"]
            lines += _files(Path(folder), chosen.inputs, chosen.seed, wrong)
        if chosen.only in (None, "orders"):
            lines += ["", "| random orders of | what went wrong |", "|---|---|"]
            lines += _orders(Path(folder), chosen.orders, wrong)
    if chosen.only in (None, "sanitizers"):
        lines += ["", "| sanitizer | all tests of the plug-in's bridge |", "|---|---|"]
        lines += _sanitizers(wrong)
    print("\n".join(lines))
    print(*wrong, sep="\n", file=sys.stderr)
    if chosen.table:
        page = chosen.table.read_text(encoding="utf-8")
        head, tail = page[: page.index(BEGIN) + len(BEGIN)], page[page.index(END) :]
        chosen.table.write_text("\n".join([head, *lines, tail]), encoding="utf-8")
    return bool(wrong)


def commands(work: Path) -> list[faults.Command]:
    """Return the commands to disturb, with the identity codec and a bank of one texture, so that each run is short."""
    import numpy as np
    import soundfile

    _bank(work)
    first, second = work / "first", work / "second"
    for folder in (first, second):
        (folder / "rec").mkdir(parents=True)
        (folder / "c.csv").write_text("id,start,end,stem,preset\na,0.0,0.05,A,hum\nb,0.1,0.2,B,hum\n")
        noise = np.random.default_rng(0).standard_normal(24_000) * 0.5 * np.exp(-np.arange(24_000) / 3_000)
        soundfile.write(folder / "rec" / "hit.wav", np.pad(noise, (4_800, 24_000)), 48_000)
    pisada = [sys.executable, "-m", "studio"]
    bank = ["--bank", str(work / "bank")]
    render = [*pisada, "render", "c.csv", *bank, "--model", "pcm", "--jobs", "1", "--no-cache", "--out", "out"]
    faults.subprocess.run(render, cwd=second, check=True, capture_output=True)
    captured = [*pisada, "capture", "rec/hit.wav", "--name", "k", "--bank", "out", "--overwrite", "--model", "pcm"]
    mixed = [*pisada, "mix", "hum", "drone", *bank, "--model", "pcm", "--name", "m", "--to", "out", "--overwrite"]
    converted = [*pisada, "cues", "convert", "c.csv", "out/c.rpp", "--fps", "24", "--overwrite"]
    clips = [*render, "--clips", "--session", "rpp"]
    return [
        faults.Command("render, first version", render, first, named_in_order=True),
        faults.Command("render, second version", render, second, named_in_order=True),
        faults.Command("render --clips --session", clips, first, named_in_order=True),
        faults.Command("capture", captured, first),
        faults.Command("mix", mixed, first),
        faults.Command("corpus", [*pisada, "corpus", "rec", "--out", "out/corpus"], first),
        faults.Command("cues convert", converted, first),
    ]


def _bank(work: Path) -> Path:
    """Make a bank of two textures, and return its folder."""
    import numpy as np

    from plugin_backend.codecs.pcm import PcmCodec
    from presets.capture import encode_pieces
    from presets.store import save_preset

    tone = (0.25 * np.sin(2 * np.pi * np.arange(48_000) / 48)).astype(np.float32)
    for name in ("hum", "drone"):
        save_preset(encode_pieces(PcmCodec(), name, [tone], "texture"), work / "bank")
    return work / "bank"


def _faults(work: Path, points: int, wrong: list[str]) -> list[str]:
    faults.os.environ["PYTHONPATH"] = str(ROOT)
    shim, lines = faults.built(work), []
    for command in commands(work):
        found = faults.disturbed(command, shim, work, points)
        wrong += [f"{command.name}: {each}" for each in found.wrong]
        lines.append(f"| {command.name} | {found.calls} | {found.runs} | {len(found.wrong)} |")
        print(lines[-1], file=sys.stderr, flush=True)
    return lines


def _files(work: Path, inputs: int, seed: int, wrong: list[str]) -> list[str]:
    every, lines = readers(work), []
    shares = {reader.name: len(reader.seeds) for reader in every}
    for reader in every:
        folder = work / "changed" / reader.name
        folder.mkdir(parents=True)
        found = fuzzed(
            reader, folder, -(-inputs * shares[reader.name] // sum(shares.values())), seed, ROOT / "build" / "soak"
        )
        wrong += [f"{reader.name}: {each}" for each in found.escaped]
        row = reader.name, f"{found.inputs:,}", f"{found.read:,}", f"{found.slowest_s:.2f} s", len(found.escaped)
        lines.append(f"| {' | '.join(map(str, row))} |")
        print(lines[-1], file=sys.stderr, flush=True)
    return lines


def _orders(work: Path, examples: int, wrong: list[str]) -> list[str]:
    (work / "orders").mkdir()
    lines = []
    for name, run in random_orders(_bank(work / "orders"), examples).items():
        problem = ""
        try:
            run()
        except Exception as failed:  # noqa: BLE001 - whatever a machine raises is its finding
            problem = f"{type(failed).__name__}: {failed}".splitlines()[0]
            wrong.append(f"{name}: {problem}\n{''.join(getattr(failed, '__notes__', []))}")
        lines.append(f"| {name} | {problem or 'nothing'} |")
        print(lines[-1], file=sys.stderr, flush=True)
    return lines


def _sanitizers(wrong: list[str]) -> list[str]:
    lines = []
    for kind in SANITIZERS:
        status, last = bridge_tests(kind)
        wrong += [f"{kind}: {last}"] if status else []
        lines.append(f"| {kind} | {last} |")
        print(lines[-1], file=sys.stderr, flush=True)
    return lines


if __name__ == "__main__":
    sys.exit(main())
