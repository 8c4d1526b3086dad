"""The JSON log of a batch: one event a line, appended run after run."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import msgspec

from render.batch.events import Event

NAME = "batch.jsonl"


class JsonLog:
    """Writes every event but progress to ``path``, opened with the first; call it with an event.

    Attributes:
        problem: why something could not be written; empty when all was.
    """

    def __init__(self, path: Path):
        self.path, self.problem, self._file, self._torn = path, "", None, False

    def __call__(self, event: Event) -> None:
        if event.kind == "progress":
            return
        try:
            if self._file is None:
                self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - closed by close
                self._torn = self._ends_torn()
            line = b"\n" * self._torn + msgspec.json.encode(event) + b"\n"
            self._torn = self._file.write(line) < len(line)
            if self._torn:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as problem:
            self.problem = f"{self.path}: {problem.strerror or problem}"

    def _ends_torn(self) -> bool:
        """Whether a run before was cut within a line."""
        if not os.path.getsize(self.path):
            return False
        with open(self.path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() != b"\n"

    def close(self) -> None:
        """No more events."""
        if self._file is not None:
            self._file.close()
