"""Before a batch runs: finish what a killed run began, and note which jobs have to run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from render.batch.journal import DONE, FAILED, MOVING, RUNNING, WAITING, Journal, Row
from render.batch.planning import BatchPlan, Planned
from render.batch.staging import clear, move_in

PARTS = ".batch.*.part"
"""Files that a run left if it was killed while writing its report."""


def recover(out: Path, journal: Journal) -> None:
    """Finish moving files of finished jobs; set running jobs back to waiting and delete their staging folders.

    ``out`` must be locked.
    """
    for row in list(journal.rows.values()):
        if row.state == MOVING:
            try:
                move_in(out, row.name, journal.outputs(row.name))
            except OSError:  # missing or refused: the job runs again
                journal.put([replace(row, state=WAITING)])
            else:
                journal.put([replace(row, state=DONE)])
        elif row.state == RUNNING:
            journal.put([replace(row, state=WAITING)])
    clear(out)
    for part in out.glob(PARTS):
        part.unlink()


def job_rows(plan: BatchPlan, journal: Journal) -> Iterator[Row]:
    """Yield a row for every job that has to run, with its files' date and time, and for every job that cannot run.

    Other inputs, or another date and time, make another version; its number is chosen when it runs.
    """
    now = datetime.now().replace(microsecond=0).isoformat()
    for planned in plan.jobs:
        before = journal.rows.get(planned.job.name.casefold())
        if planned.problem:
            if before is None or before.state != DONE:
                yield _failed_row(planned, before, now)
        elif planned.job.name in plan.todo:
            yield _waiting_row(planned, before, now)


def _failed_row(planned: Planned, before: Row | None, now: str) -> Row:
    """Return a failed row. Key, version and date stay, so the job can run later as it was."""
    before = before or Row(name=planned.job.name, key="", state=FAILED, version=0, moment=now)
    return replace(before, name=planned.job.name, state=FAILED, kind="input", cause=planned.problem)


def _waiting_row(planned: Planned, before: Row | None, now: str) -> Row:
    job = planned.job
    if before is None or before.key != planned.key or job.moment not in (None, before.moment):
        attempts = before.attempts if before else 0
        before = Row(
            name=job.name, key=planned.key, state=WAITING, version=0, moment=job.moment or now, attempts=attempts
        )  # fmt: skip
    return replace(before, name=job.name, state=WAITING, model_s=planned.cost_to_run().seconds)
