"""Run a batch: give orders to an engine, keep the journal, retry transient failures, continue with the other jobs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from msgspec.structs import replace

from plugin_backend.output_files import disk_error, hold_signals, make_folder
from render.batch.engines.protocol import Engine, Kind, Order, Outcome, Progress
from render.batch.event_log import Event, Result
from render.batch.journal import DONE, FAILED, MOVING, RUNNING, WAITING, Journal, Row, open_journal, utc_now
from render.batch.output_lock import locked
from render.batch.planning import BatchPlan, Planned, check_room, compare_with_journal
from render.batch.recovery import job_rows, recover
from render.batch.retry_queue import Policy, Queue
from render.batch.staging import clear, move_in, set_aside_changed, staging_folder
from render.engine.cue_cache import CueCache
from render.project.project import Project

WAIT_S = 0.5


def run_batch(
    plan: BatchPlan,
    out: Path,
    engine: Engine,
    *,
    policy: Policy | None = None,
    cache: CueCache | None = None,
    verify: bool = False,
    listen: Callable[[Event], None] = lambda event: None,
) -> Result:
    """Run the jobs of ``plan`` that are not done, each into ``out/NAME``. Closes the engine.

    Args:
        plan: the planned batch.
        out: the output folder.
        engine: runs the jobs.
        policy: when to try again, and when to kill a hung process.
        cache: the cache of decoded cues; None keeps none.
        verify: as in :func:`~render.batch.planning.plan_batch`.
        listen: called with every event; it must be quick.

    Returns:
        The result.

    Raises:
        OutputError: another batch runs into ``out``, or it cannot be written.
        DiskFullError: the disk is too small for the jobs; nothing was begun.
        KeyboardInterrupt: stopped by the user; its message says how many jobs are done.
    """
    try:
        with make_folder(out), locked(out), open_journal(out) as journal:
            settings = _Settings(policy or Policy(), cache, listen)
            return _Run(plan, out, engine, journal, settings).run(verify)
    except OSError as problem:
        raise disk_error(problem, out) from problem
    finally:
        engine.close()


@dataclass(frozen=True)
class _Settings:
    """How jobs are retried, cached and reported; see :func:`run_batch`."""

    policy: Policy
    cache: CueCache | None
    listen: Callable[[Event], None]


class _Run:
    """One run of a batch, with the journal open."""

    def __init__(self, plan: BatchPlan, out: Path, engine: Engine, journal: Journal, settings: _Settings):
        self.plan, self.out, self.engine, self.journal = plan, out, engine, journal
        self.policy, self.cache = settings.policy, settings.cache
        self.listen = settings.listen
        self.result = Result()
        self.failures: Counter[tuple[str, Kind]] = Counter()
        self.running: dict[str, Planned] = {}
        self.alone: set[str] = set()

    def run(self, verify: bool) -> Result:
        began = time.monotonic()
        recover(self.out, self.journal)
        plan = compare_with_journal(self.plan.jobs, self.out, self.journal, verify)
        check_room(plan, self.out)
        self._note_jobs(plan)
        self.queue = Queue(planned for planned in plan.jobs if planned.job.name in plan.todo)
        try:
            while self.queue or self.running:
                self._step()
        except KeyboardInterrupt:
            self.engine.close()
            recover(self.out, self.journal)
            done = sum(self._row(planned).state == DONE for planned in plan.jobs)
            message = f"interrupted: {done} of {len(plan.jobs)} jobs are done; the same command goes on with the rest"
            raise KeyboardInterrupt(message) from None
        clear(self.out)
        self.journal.flush()
        self.result.journal_problem, self.result.rows = self.journal.problem, self.journal.rows
        self.result.wall_s = time.monotonic() - began
        if self.cache is not None:
            self.cache.prune()
        summary = f"{len(self.result.done)} done, {len(self.result.failed)} failed"
        self._report("end", message=summary, wall_s=self.result.wall_s)
        return self.result

    def _note_jobs(self, plan: BatchPlan) -> None:
        self._report("begin", message=f"{len(plan.todo)} of {len(plan.jobs)} jobs are to do")
        self.journal.put(job_rows(plan, self.journal))
        for planned in plan.jobs:
            name = planned.job.name
            if planned.problem:
                self.result.failed[name] = planned.problem
                self._report("failed", name, planned.problem)
            elif name not in plan.todo:
                self.result.already_done.append(name)

    def _step(self) -> None:
        """Start the jobs that may start, then handle the engine's messages."""
        while planned := self.queue.take(time.monotonic(), len(self.running), self.engine.slots):
            self._start(planned)
        wait_s = self.queue.wait_s(time.monotonic(), WAIT_S)
        if not self.running:
            time.sleep(wait_s)
            return
        for message in self.engine.wait(wait_s):
            if isinstance(message, Progress):
                self._report("progress", message.name, samples=message.samples, of_samples=message.of_samples)
            else:
                with hold_signals():
                    self._handle_outcome(self.running.pop(message.name), message)

    def _start(self, planned: Planned) -> None:
        job, row, out = planned.job, self._row(planned), self.out.absolute()
        row = replace(row, state=RUNNING, attempts=row.attempts + 1, began=utc_now(), ended=None)
        self.journal.put([row])
        self.running[job.name] = planned
        self._report("start", job.name)
        self.engine.submit(
            Order(
                name=job.name,
                key=planned.key,
                cues=str(job.cues),
                project=cast(Project, planned.project),  # jobs to do can run
                stage=str(staging_folder(out, job.name)),
                folder=str(out / job.name),
                version=row.version or None,
                moment=datetime.fromisoformat(row.moment),
                clips=job.clips,
                cache=str(self.cache.folder.absolute()) if self.cache is not None else None,
                alone=job.name in self.alone,
                hang_s=self.policy.hang_s,
            )
        )

    def _handle_outcome(self, planned: Planned, outcome: Outcome) -> None:
        if outcome.kind is None:
            outcome = self._move_into_folder(planned, outcome)
        row = self._row(planned)
        self.journal.add_attempt(row.began or utc_now(), outcome)
        if outcome.kind is None:
            self.journal.put([replace(row, state=DONE)])
            self.result.done.append(outcome.name)
            self._report("done", outcome.name, wall_s=outcome.wall_s)
            if not outcome.cache_kept:
                self._report("remark", outcome.name, "the cue cache could not be written")
            return
        clear(self.out, outcome.name)
        self._handle_failure(planned, outcome, row)

    def _move_into_folder(self, planned: Planned, outcome: Outcome) -> Outcome:
        """Move the rendered files into the job's folder. Return the outcome of that."""
        name = outcome.name
        row = replace(
            self._row(planned), state=MOVING, version=outcome.version, ended=utc_now(), wall_s=outcome.wall_s,
            kind=None, cause="",
        )  # fmt: skip
        try:
            for remark in set_aside_changed(self.out, name, outcome.outputs, self.journal.outputs(name)):
                self._report("remark", name, remark)
            if not self.journal.put_with_outputs(row, outcome.outputs):
                cause = f"{self.out}: the journal cannot be written ({self.journal.problem})"
                return replace(outcome, kind="transient", cause=cause)
            move_in(self.out, name, outcome.outputs)
        except OSError as problem:
            return replace(outcome, kind="transient", cause=str(disk_error(problem, self.out)))
        return outcome

    def _handle_failure(self, planned: Planned, outcome: Outcome, row: Row) -> None:
        kind: Kind = outcome.kind or "crash"
        name, failure_key = outcome.name, (outcome.name, kind)
        self.failures[failure_key] += 1
        retry = self.policy.after(kind, self.failures[failure_key])
        state = FAILED if retry is None else WAITING
        self.journal.put([replace(row, state=state, kind=outcome.kind, cause=outcome.cause, ended=utc_now())])
        if retry is None:
            self.result.failed[name] = outcome.cause
            self._report("failed", name, outcome.cause, wall_s=outcome.wall_s)
            return
        self._report("retry", name, outcome.cause, wall_s=outcome.wall_s, after_s=retry.after_s)
        if retry.alone:
            self.alone.add(name)
        self.queue.again(planned, retry, time.monotonic())

    def _row(self, planned: Planned) -> Row:
        return self.journal.rows[planned.job.name.casefold()]

    def _report(self, kind: str, job: str = "", message: str = "", **numbers: Any) -> None:
        self.listen(Event(kind, utc_now(), job, message, **numbers))
