"""Temporary audio, and a ``.npy`` file of float32 that is written block by block, with its length known at the end.

float32 takes twice the space of int16. But a slice of the mapped file is then the audio itself, without a copy or a
scale, and decoder overshoots beyond full scale are kept.
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
    """Mono float32 samples in a temporary file without a name in ``folder``.

    It is gone when it is closed or the process ends.
    """

    def __init__(self, folder: Path):
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (closed in __exit__)
        self.size = 0

    def __enter__(self) -> TempAudio:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def clear(self) -> None:
        """Remove all samples."""
        self._file.truncate(0)
        self.size = 0

    def append(self, audio: np.ndarray) -> None:
        """Append samples ``[n]``."""
        self._file.seek(self.size * 4)
        self._file.write(np.ascontiguousarray(audio, np.float32).data)
        self.size += audio.size

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return samples ``[stop - start]``; fewer at the end of the audio."""
        self._file.seek(start * 4)
        return np.frombuffer(self._file.read(max(0, min(stop, self.size) - start) * 4), np.float32)

    def blocks(self, start: int = 0, stop: int | None = None, step: int = BLOCK_SAMPLES) -> Iterator[np.ndarray]:
        """Yield samples in blocks. The last may be shorter.

        Args:
            start: the first sample.
            stop: the sample after the last; ``None``: the end.
            step: length of a block.
        """
        stop = self.size if stop is None else stop
        for begin in range(start, stop, step):
            yield self.read(begin, min(begin + step, stop))

    def blocks_and_last(self) -> Iterator[tuple[np.ndarray, bool]]:
        """Yield all samples in blocks, each with whether it is the last."""
        count = 0
        for block in self.blocks():
            count += block.size
            yield block, count == self.size


class FlatWriter:
    """Appends audio to ``path``. As a context manager it completes the header on a clean exit."""

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
        """Append samples ``[n]``."""
        self._file.write(np.ascontiguousarray(audio, "<f4").data)
        self.size += audio.size


def _header(samples: int) -> bytes:
    """Return a header that has the same length for any number of samples, because NumPy leaves room."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (samples,)})
    return header.getvalue()
