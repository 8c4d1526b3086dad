"""The interface between a batch and its engines, in plain data: orders in; progress and one outcome per order out."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

import msgspec

from render.project.project import Project

Kind = Literal["input", "transient", "killed", "crash"]
"""Kinds of failure: bad input; transient (a full disk, a refused write); process killed; process crashed."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One job to run, with everything it needs.

    Attributes:
        name: of the job.
        key: the planned job key; the engine refuses other inputs.
        cues: path of the cue sheet.
        project: with the job's fields.
        stage: staging folder, missing or abandoned.
        folder: the job's folder, which may hold other files of the job.
        version: version number of its files; None chooses the next free one in ``folder``.
        moment: origination date and time of its files.
        clips: write each cue as a file too.
        cache: folder of decoded cues; None keeps none.
        alone: use one process per stem, so that a crash names its stem.
        hang_s: a render process without progress for so many seconds is killed.
    """

    name: str
    key: str
    cues: str
    project: Project
    stage: str
    folder: str
    version: int | None
    moment: datetime
    clips: bool = False
    cache: str | None = None
    alone: bool = False
    hang_s: float = 300.0


class Output(msgspec.Struct, frozen=True):
    """One file of a job: path below its folder, size, modification time and digest (BLAKE2b, 32 hex digits)."""

    file: str
    bytes: int
    modified_ns: int
    digest: str


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """Samples of the programme that a job has finished so far, and in total."""

    name: str
    samples: int
    of_samples: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True, tag="outcome"):
    """The result of an attempt.

    Attributes:
        name: of the job.
        kind: kind of failure; None if it succeeded.
        cause: one line.
        wall_s: seconds it took.
        version: version number of the files.
        outputs: the files in the staging folder, flushed to disk.
        decoded, cached: number of cues decoded and taken from the cache.
        cache_kept: whether every decoded cue could be stored in the cache.
    """

    name: str
    kind: Kind | None = None
    cause: str = ""
    wall_s: float = 0.0
    version: int = 0
    outputs: list[Output] = []
    decoded: int = 0
    cached: int = 0
    cache_kept: bool = True


Message = Progress | Outcome


class Engine(Protocol):
    """Runs orders side by side. Every submitted order gets exactly one outcome."""

    slots: int
    """How many orders run at a time."""

    def submit(self, order: Order) -> None:
        """Begin an order; call it only while fewer than ``slots`` are running."""

    def wait(self, timeout_s: float) -> list[Message]:
        """Return the messages since the last call; wait at most ``timeout_s`` for the first."""

    def close(self) -> None:
        """Stop everything that runs and end all processes."""
