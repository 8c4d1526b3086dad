"""What a batch tells while it runs, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from render.batch.journal import Row


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something happened: ``begin`` and ``end`` of the run; of a job ``start``, ``progress``, ``retry``, ``done``,
    ``failed``, ``remark``.

    Attributes:
        kind: one of these.
        utc: when.
        job: whose.
        told: the cause, or the remark.
        samples, of_samples: of the programme.
        wall_s: of the attempt.
        after_s: until the next attempt.
    """

    kind: str
    utc: str
    job: str = ""
    told: str = ""
    samples: int = 0
    of_samples: int = 0
    wall_s: float = 0.0
    after_s: float = 0.0


@dataclass
class Result:
    """How a batch ended: names done in this run and before it; name → cause of those failed; whether the journal
    could keep all of it (else why not); seconds; the journal's rows, by name case-folded."""

    done: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    behind: str = ""
    wall_s: float = 0.0
    rows: dict[str, Row] = field(default_factory=dict)
