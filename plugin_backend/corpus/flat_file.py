"""A ``.npy`` file of float32 written piece by piece, its length known only at the end.

float32 although it takes twice the room of int16: a slice of the mapped file is then the audio
itself, without a copy or a scale to apply, and decoders' overshoots beyond full scale survive.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Self

import numpy as np


class FlatWriter:
    """Appends audio to ``path``; a context manager that completes the header on a clean exit."""

    def __init__(self, path: Path):
        self._file = open(path, "wb")  # noqa: SIM115 (closed in __exit__)
        self.size = 0
        self._file.write(_header(0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._file.seek(0)
            self._file.write(_header(self.size))
        self._file.close()

    def append(self, audio: np.ndarray) -> None:
        """Add samples ``[n]``."""
        self._file.write(np.ascontiguousarray(audio, "<f4").data)
        self.size += audio.size


def _header(samples: int) -> bytes:
    """The same number of bytes for any length: NumPy leaves room for a dimension to grow."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (samples,)})
    return header.getvalue()
