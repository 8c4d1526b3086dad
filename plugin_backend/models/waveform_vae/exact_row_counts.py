"""Find with how many rows a matrix product gives each row the same bits. Measured once per machine and cached.

Libraries multiply rows in groups, and may add a group of one or two rows in another order than a group of six. Which
row counts are affected depends on the library, its version and the processor, so every count up to ``MEASURED`` is
tried.

A larger count is treated as what remains of it after groups of ``MEASURED`` rows. FBGEMM works this way. With oneDNN,
rows in groups of fixed size keep their bits at any count.
``tests/plugin_backend/models/waveform_vae/test_exact_row_counts.py`` checks every count up to 4,096.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from plugin_backend.cache_folder import cache_home
from plugin_backend.cpu_info import cpu_info
from plugin_backend.output_files import write_atomically

MEASURED = 120
"""FBGEMM's largest group of rows. Every count up to it is tried."""

SIZES = ((34, 192), (18, 768))
"""Outputs and inputs of the products that are tried. The inputs are the factory model's: they decide how sums split."""

DIFFERENT = 7
"""Number of different rows. They are repeated, so that each is tried at many positions."""

Multiply = Callable[[Tensor, Tensor], Callable[[Tensor], Tensor]]
"""``(weight [outputs, inputs], bias [outputs])`` → a product: ``[rows, inputs]`` → ``[rows, outputs]``."""


@dataclass(frozen=True)
class RowCounts:
    """For which numbers of rows a row has the same bits as among ``MEASURED`` rows.

    Attributes:
        exact: ``exact[n - 1]`` for *n* rows, 1 to ``MEASURED``.
    """

    exact: tuple[bool, ...]

    @property
    def always_exact(self) -> bool:
        """Whether any number of rows becomes exact if rows are added."""
        return self.exact[-1]

    @cached_property
    def _padded(self) -> tuple[int, ...]:
        counts = [n for n in range(1, MEASURED + 1) if self.exact[n - 1]]
        return tuple(next((n for n in counts if n >= rows), rows) for rows in range(1, MEASURED + 1))

    def padded_rows(self, rows: int) -> int:
        """Return the smallest number, ``rows`` or more, that keeps a row's bits; ``rows`` if none does."""
        groups, last = divmod(rows - 1, MEASURED)
        return groups * MEASURED + self._padded[last]


def measure(multiply: Multiply) -> RowCounts:
    """Try every count up to ``MEASURED``. This takes a few milliseconds."""
    exact = [True] * MEASURED
    generator = torch.Generator().manual_seed(1)
    with torch.inference_mode():
        for outputs, inputs in SIZES:
            weight, bias = torch.randn(outputs, inputs, generator=generator), torch.randn(outputs, generator=generator)
            product = multiply(weight.half().float(), bias)
            rows = torch.randn(DIFFERENT, inputs, generator=generator)
            rows = rows.repeat(MEASURED // DIFFERENT + 1, 1)[:MEASURED]
            expected = product(rows)[:DIFFERENT].repeat(MEASURED // DIFFERENT + 1, 1)
            for count in range(1, MEASURED + 1):
                exact[count - 1] &= torch.equal(product(rows[:count]), expected[:count])
    return RowCounts(tuple(exact))


def row_counts(name: str, multiply: Multiply) -> RowCounts:
    """Return the row counts of a backend on this machine, from the cache or measured now.

    The cache is a file in the user's cache folder, named after processor, PyTorch version and backend. A file that
    cannot be read or has other contents is measured and written again. If the folder is not writable, nothing is
    cached.

    Args:
        name: of the backend.
        multiply: makes its products.
    """
    identity = {"way": name, "torch": torch.__version__, "sizes": SIZES, **asdict(cpu_info())}
    path = cache_home() / "products" / f"{_digest(identity)}.json"
    counts = _read(path)
    if counts is None:
        counts = measure(multiply)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with write_atomically(path) as temporary:
                text = "".join("1" if exact else "0" for exact in counts.exact)
                record = {**identity, "exact": text, "crc32": zlib.crc32(text.encode())}
                temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return counts


def _read(path: Path) -> RowCounts | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        exact, checksum = record["exact"], record["crc32"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    if not isinstance(exact, str) or len(exact) != MEASURED or set(exact) - {"0", "1"}:
        return None
    if checksum != zlib.crc32(exact.encode()):
        return None
    return RowCounts(tuple(digit == "1" for digit in exact))


def _digest(identity: dict) -> str:
    return hashlib.blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=10).hexdigest()
