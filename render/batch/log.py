"""The JSON log of a batch: one event a line, appended run after run."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from render.batch.run import Event

NAME = "batch.jsonl"


class JsonLog:
    """Writes every event but progress to ``path``, opened with the first; call it with an event.

    Attributes:
        problem: why something could not be written; empty when all was.
    """

    def __init__(self, path: Path):
        self.path, self.problem, self._file = path, "", None

    def __call__(self, event: Event) -> None:
        if event.kind == "progress":
            return
        try:
            if self._file is None:
                self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - closed by close
                if self._torn():
                    self._file.write(b"\n")
            self._file.write(msgspec.json.encode(event) + b"\n")
        except OSError as problem:
            self.problem = f"{self.path}: {problem.strerror or problem}"

    def _torn(self) -> bool:
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
