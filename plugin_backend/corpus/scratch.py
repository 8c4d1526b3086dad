"""Audio kept on disk while it is worked on, so that memory does not grow with a recording."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

BLOCK_SAMPLES = 1 << 19


class Scratch:
    """Mono float32 samples in a nameless temporary file of ``folder``; gone when closed or killed."""

    def __init__(self, folder: Path):
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (closed in __exit__)
        self.size = 0

    def __enter__(self) -> Scratch:
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
