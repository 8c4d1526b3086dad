"""With how many rows a product gives each row the same bits: measured once on a machine, and kept.

Libraries multiply rows in groups, and may add a group of one or two in another order than a group of six. Which counts
are affected depends on the library, its version and the processor, so every count to ``MEASURED`` is tried.

A greater count is taken as what is left of it after groups of ``MEASURED``: FBGEMM works so, and oneDNN's rows and
groups of fixed size keep their bits at any count.
``tests/plugin_backend/models/waveform_vae/test_exact_row_counts.py`` asks it of every count to
4,096.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from plugin_backend.cpu_info import cpu_info
from plugin_backend.output_files import write_atomically

MEASURED = 120
"""FBGEMM's greatest group of rows; every smaller count is tried."""

SIZES = ((34, 192), (18, 768))
"""Outputs and inputs of the products tried: as many inputs as the factory model's, which decide how sums are split."""

DIFFERENT = 7
"""Rows that differ; they come again and again, so that each is tried at many places among others."""

Multiply = Callable[[Tensor, Tensor], Callable[[Tensor], Tensor]]
"""``(weight [outputs, inputs], bias [outputs])`` → a product: ``[rows, inputs]`` → ``[rows, outputs]``."""


@dataclass(frozen=True)
class RowCounts:
    """For which numbers of rows a row has the bits that it has among ``MEASURED``.

    Attributes:
        exact: ``exact[n - 1]`` for *n* rows, 1 to ``MEASURED``.
    """

    exact: tuple[bool, ...]

    @property
    def always_exact(self) -> bool:
        """Whether any number of rows can be made exact with further rows."""
        return self.exact[-1]

    @cached_property
    def _rooms(self) -> tuple[int, ...]:
        counts = [n for n in range(1, MEASURED + 1) if self.exact[n - 1]]
        return tuple(next((n for n in counts if n >= rows), rows) for rows in range(1, MEASURED + 1))

    def room(self, rows: int) -> int:
        """The least number, ``rows`` or more, that keeps a row's bits; ``rows`` where none does."""
        groups, last = divmod(rows - 1, MEASURED)
        return groups * MEASURED + self._rooms[last]


def measure(multiply: Multiply) -> RowCounts:
    """Try every count to ``MEASURED``; takes a few milliseconds."""
    exact = [True] * MEASURED
    draw = torch.Generator().manual_seed(1)
    with torch.inference_mode():
        for outputs, inputs in SIZES:
            weight, bias = torch.randn(outputs, inputs, generator=draw), torch.randn(outputs, generator=draw)
            product = multiply(weight.half().float(), bias)
            rows = torch.randn(DIFFERENT, inputs, generator=draw).repeat(MEASURED // DIFFERENT + 1, 1)[:MEASURED]
            expected = product(rows)[:DIFFERENT].repeat(MEASURED // DIFFERENT + 1, 1)
            for count in range(1, MEASURED + 1):
                exact[count - 1] &= torch.equal(product(rows[:count]), expected[:count])
    return RowCounts(tuple(exact))


def row_counts(name: str, multiply: Multiply) -> RowCounts:
    """What was measured here for the way of multiplying of that name; measured now, if it was not.

    It is kept in the user's cache folder by processor, version of PyTorch and way. A file that cannot be read, or is
    not what we write, is measured and written again; in a folder that cannot be written nothing is kept.
    """
    identity = {"way": name, "torch": torch.__version__, "sizes": SIZES, **asdict(cpu_info())}
    path = _cache_home() / "products" / f"{_digest(identity)}.json"
    kept = _read(path)
    if kept is None:
        kept = measure(multiply)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with write_atomically(path) as part:
                text = "".join("1" if one else "0" for one in kept.exact)
                kept_text = {**identity, "exact": text, "crc32": zlib.crc32(text.encode())}
                part.write_text(json.dumps(kept_text, indent=2) + "\n", encoding="utf-8")
    return kept


def _read(path: Path) -> RowCounts | None:
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
        exact, checksum = there["exact"], there["crc32"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    if not isinstance(exact, str) or len(exact) != MEASURED or set(exact) - {"0", "1"}:
        return None
    if checksum != zlib.crc32(exact.encode()):
        return None
    return RowCounts(tuple(one == "1" for one in exact))


def _digest(identity: dict) -> str:
    return hashlib.blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=10).hexdigest()


def _cache_home() -> Path:
    from platformdirs import user_cache_path

    return Path(os.environ.get("PISADA_CACHE") or user_cache_path("pisada"))
