"""A ``.npy`` file of float32 written piece by piece, its length known only at the end.

float32 although it takes twice the room of int16: a slice of the mapped file is then the audio
itself, without a copy or a scale to apply, and decoders' overshoots beyond full scale survive.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np

BLOCK_SAMPLES = 1 << 19


class TempAudio:
    """Mono float32 samples in a nameless temporary file of ``folder``; gone when closed or killed."""

    def __init__(self, folder: Path):
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (closed in __exit__)
        self.size = 0

    def __enter__(self) -> TempAudio:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def clear(self) -> None:
        """Forget all samples."""
        self._file.truncate(0)
        self.size = 0

    def append(self, audio: np.ndarray) -> None:
        """Add samples ``[n]`` at the end."""
        self._file.seek(self.size * 4)
        self._file.write(np.ascontiguousarray(audio, np.float32).data)
        self.size += audio.size

    def read(self, start: int, stop: int) -> np.ndarray:
        """Samples ``[stop - start]``; fewer where the audio ends."""
        self._file.seek(start * 4)
        return np.frombuffer(self._file.read(max(0, min(stop, self.size) - start) * 4), np.float32)

    def blocks(self, start: int = 0, stop: int | None = None, step: int = BLOCK_SAMPLES) -> Iterator[np.ndarray]:
        """The samples from ``start`` to ``stop`` in pieces of ``step``; the last may be shorter."""
        stop = self.size if stop is None else stop
        for begin in range(start, stop, step):
            yield self.read(begin, min(begin + step, stop))


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
