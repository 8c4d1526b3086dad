"""Before a batch runs: finish what a killed run began, and note what is to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from render.batch.journal import DONE, FAILED, MOVING, RUNNING, WAITING, Journal, Row
from render.batch.planning import BatchPlan, Planned
from render.batch.staging import clear, move_in

PARTS = ".batch.*.part"
"""What a run that was killed while it wrote its report left."""


def recover(out: Path, journal: Journal) -> None:
    """Put into place what was being put there; what ran waits again, and its stage is dropped.

    ``out`` has to be locked.
    """
    for row in list(journal.rows.values()):
        if row.state == MOVING:
            try:
                move_in(out, row.name, journal.outputs(row.name))
            except OSError:  # gone, or refused: it is made again
                journal.put([replace(row, state=WAITING)])
            else:
                journal.put([replace(row, state=DONE)])
        elif row.state == RUNNING:
            journal.put([replace(row, state=WAITING)])
    clear(out)
    for part in out.glob(PARTS):
        part.unlink()


def job_rows(plan: BatchPlan, journal: Journal) -> Iterator[Row]:
    """A row of every job that is to do, with the moment its files will bear, or that cannot be run.

    Other inputs, or another moment, are another version: its number is settled when it runs.
    """
    now = datetime.now().replace(microsecond=0).isoformat()
    for planned in plan.jobs:
        before = journal.rows.get(planned.job.name.casefold())
        if planned.problem:
            if before is None or before.state != DONE:
                yield _refused(planned, before, now)
        elif planned.job.name in plan.todo:
            yield _waiting(planned, before, now)


def _refused(planned: Planned, before: Row | None, now: str) -> Row:
    """It may be run another day, and then as it was: its key, version and moment stay."""
    before = before or Row(name=planned.job.name, key="", state=FAILED, version=0, moment=now)
    return replace(before, name=planned.job.name, state=FAILED, kind="input", cause=planned.problem)


def _waiting(planned: Planned, before: Row | None, now: str) -> Row:
    job = planned.job
    if before is None or before.key != planned.key or job.moment not in (None, before.moment):
        attempts = before.attempts if before else 0
        before = Row(
            name=job.name, key=planned.key, state=WAITING, version=0, moment=job.moment or now, attempts=attempts
        )  # fmt: skip
    return replace(before, name=job.name, state=WAITING, model_s=planned.cost.seconds)
