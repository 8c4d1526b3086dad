"""Change good files at random: every reader reads them or refuses them with one line, quickly."""

from __future__ import annotations

import random
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from plugin_backend.errors import PisadaError
from tests.soak.readers import Reader

LONGEST_S = 10.0
MAGIC = (
    *(b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\n", b'"', b",", b"<", b">", b"&", b"\\", b"\x1b"),
    *(b"1e999", b"NaN", b"-1", b"0", b"99999999999999999999", b"\xe2\x80\xae", b"\xed\xa0\x80", b"[" * 3000),
)
"""Inserted bytes: ends of ranges, marks of formats, and rare values."""


@dataclass
class Found:
    """The result for one reader: inputs, inputs read, the slowest, and errors that are not ours."""

    inputs: int = 0
    read: int = 0
    slowest_s: float = 0.0
    escaped: list[str] = field(default_factory=list)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return the bytes with one to six changes: bits flipped, pieces cut, doubled, moved, zeroed or inserted."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        size = len(changed)
        at = chance.randrange(size + 1)
        end = min(size, at + chance.choice((1, 1, 2, 4, 16, 200)))
        kind = chance.randrange(7)
        if kind == 0 and at < size:
            changed[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del changed[at:end]
        elif kind == 2:
            changed[at:at] = changed[at:end]
        elif kind == 3:
            changed[at:at] = chance.choice(MAGIC)
        elif kind == 4:
            changed[at:end] = bytes(end - at)
        elif kind == 5:
            changed[at:end] = chance.choice(MAGIC)[: end - at]
        elif chance.random() < 0.2:
            del changed[at:]
    return bytes(changed)


def fuzzed(reader: Reader, folder: Path, inputs: int, seed: int, keep: Path | None = None) -> Found:
    """Give a reader changed files; a seed gives the same files (except AAF, which is made anew each time).

    Args:
        reader: the reader.
        folder: empty; the files are written here.
        inputs: number of files.
        seed: of the changes.
        keep: a folder for files that were neither read nor refused properly.
    """
    found, names = Found(), sorted(reader.seeds)
    for number in range(inputs):
        chance = random.Random(f"{reader.name} {seed} {number}")
        name = names[number % len(names)]
        path, message = folder / name, len(found.escaped)
        path.write_bytes(mutated(reader.seeds[name], chance))
        began = time.process_time()
        try:
            reader.read(path)
            found.read += 1
        except PisadaError as refused:
            if "\n" in str(refused):
                found.escaped.append(f"{name}, seed {seed}, input {number}: more than a line: {refused}")
        except Exception as escaped:  # noqa: BLE001 - what it looks for
            where = traceback.extract_tb(escaped.__traceback__)[-1]
            place = f"{type(escaped).__name__} at {Path(where.filename).name}:{where.lineno}"
            found.escaped.append(f"{name}, seed {seed}, input {number}: {place}")
        took_s = time.process_time() - began
        found.slowest_s = max(found.slowest_s, took_s)
        if took_s > LONGEST_S:
            found.escaped.append(f"{name}, seed {seed}, input {number}: took {took_s:.1f} s")
        found.inputs += 1
        if keep and len(found.escaped) > message:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{seed}-{number}-{name}").write_bytes(path.read_bytes())
    return found
