"""What a batch asks of whoever runs its jobs, in plain data: an order in, progress and one outcome out."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

import msgspec

from render.project.project import Project

Kind = Literal["input", "passing", "killed", "crash"]
"""Causes: bad input; what may pass (a full disk, a refused write); a process that was killed; one that crashed."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One job to run, all that it takes.

    Attributes:
        name: of the job.
        key: digest of what decides its bytes, as planned; other inputs at hand are refused.
        cues: path of the cue sheet.
        project: with the job's fields.
        stage: an absent or abandoned folder to deliver into.
        folder: where the files will go, and others of the job may be.
        version: number that its files bear; none means the next that is free in ``folder``.
        moment: origination date and time that its files bear.
        clips: write each cue as a file too.
        cache: folder of decoded cues; none keeps nothing.
        alone: one process a stem, so that a crash names its stem.
        hang_s: a render process silent for so long is killed.
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
    """Samples of the programme that a job has finished so far, of how many."""

    name: str
    samples: int
    of_samples: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True, tag="outcome"):
    """How an attempt ended.

    Attributes:
        name: of the job.
        kind: of the cause; none when all went well.
        cause: one line.
        wall_s: seconds it took.
        version: number that the files bear.
        outputs: what lies in the stage, on disk for good.
        decoded, cached: cues by where their sound came from.
        cache_kept: whether all that was decoded could be kept.
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
    """Runs orders side by side; whoever it is, an order submitted gets exactly one outcome."""

    slots: int
    """How many orders it takes at a time."""

    def submit(self, order: Order) -> None:
        """Begin an order; there are fewer than ``slots`` under way."""

    def wait(self, timeout_s: float) -> list[Message]:
        """What was reported since; waits for the first at most so long."""

    def close(self) -> None:
        """Stop all that runs, and leave no process."""
