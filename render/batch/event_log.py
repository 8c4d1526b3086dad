"""The JSON log of a batch: one event a line, appended run after run."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from render.batch.journal import Row


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something happened: ``begin`` and ``end`` of the run; of a job ``start``, ``progress``, ``retry``, ``done``,
    ``failed``, ``remark``.

    Attributes:
        kind: one of these.
        utc: when.
        job: whose.
        message: the cause or the remark; the log calls it ``told``.
        samples, of_samples: of the programme.
        wall_s: of the attempt.
        after_s: until the next attempt.
    """

    kind: str
    utc: str
    job: str = ""
    message: str = msgspec.field(default="", name="told")
    samples: int = 0
    of_samples: int = 0
    wall_s: float = 0.0
    after_s: float = 0.0


@dataclass
class Result:
    """How a batch ended: names done in this run and before it; name → cause of those failed; whether the journal
    could keep all of it (else why not); seconds; the journal's rows, by name case-folded."""

    done: list[str] = field(default_factory=list)
    already_done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    journal_problem: str = ""
    wall_s: float = 0.0
    rows: dict[str, Row] = field(default_factory=dict)


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
