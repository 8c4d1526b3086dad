"""The JSON log of a batch: one event per line. Each run appends to it."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import msgspec

from render.batch.journal import Row


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event of a batch.

    ``begin`` and ``end`` are about the run; ``start``, ``progress``, ``retry``, ``done``, ``failed`` and ``remark`` are
    about a job.

    Attributes:
        kind: one of these.
        utc: time, ISO 8601.
        job: the job's name.
        message: the cause or the remark; its field in the log is ``told``.
        samples, of_samples: samples of the programme finished, and in total.
        wall_s: seconds of the attempt.
        after_s: seconds until the next attempt.
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
    """The result of a batch.

    Attributes:
        done: names of the jobs done in this run.
        already_done: names of the jobs done before it.
        failed: name → cause.
        journal_problem: why the journal could not be written; empty if all is on disk.
        wall_s: seconds.
        rows: the journal's rows, by case-folded name.
    """

    done: list[str] = field(default_factory=list)
    already_done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    journal_problem: str = ""
    wall_s: float = 0.0
    rows: dict[str, Row] = field(default_factory=dict)


NAME = "batch.jsonl"


class JsonLog:
    """Writes every event except progress to ``path``. Call it with an event; the first one opens the file.

    Attributes:
        problem: why something could not be written; empty if everything was.
    """

    def __init__(self, path: Path):
        self.path, self.problem, self._partial_line = path, "", False
        self._file: BinaryIO | None = None

    def __call__(self, event: Event) -> None:
        """Write the event."""
        if event.kind == "progress":
            return
        try:
            if self._file is None:
                self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - closed by close
                self._partial_line = self._ends_in_partial_line()
            line = b"\n" * self._partial_line + msgspec.json.encode(event) + b"\n"
            self._partial_line = self._file.write(line) < len(line)
            if self._partial_line:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as problem:
            self.problem = f"{self.path}: {problem.strerror or problem}"

    def _ends_in_partial_line(self) -> bool:
        """Return whether an earlier run was stopped within a line."""
        if not os.path.getsize(self.path):
            return False
        with open(self.path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() != b"\n"

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
