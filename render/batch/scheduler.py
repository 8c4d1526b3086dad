"""Run a batch: hand orders to an engine, keep the journal, try again what may pass, go on with the rest."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from plugin_backend.output_files import disk_error, hold_signals, make_folder
from render.batch.engines.protocol import Engine, Order, Outcome, Progress
from render.batch.event_log import Event, Result
from render.batch.journal import DONE, FAILED, MOVING, RUNNING, WAITING, Row, open_journal, utc_now
from render.batch.output_lock import locked
from render.batch.planning import BatchPlan, Planned, check_room, compare_with_journal
from render.batch.recovery import job_rows, recover
from render.batch.retry_queue import Policy, Queue
from render.batch.staging import clear, move_in, set_aside_changed, staging_folder
from render.engine.cue_cache import CueCache

WAIT_S = 0.5


def run_batch(
    plan: BatchPlan,
    out: Path,
    engine: Engine,
    *,
    policy: Policy | None = None,
    cache: CueCache | None = None,
    hang_s: float = 300.0,
    verify: bool = False,
    listen: Callable[[Event], None] = lambda event: None,
) -> Result:
    """Run what is not done of ``plan`` into ``out``, each job into ``out/NAME``; closes the engine.

    Args:
        engine: who runs the jobs.
        policy: of trying again.
        cache: of decoded cues; none keeps nothing.
        hang_s: a render process silent for so long is killed.
        verify: as in :func:`~render.batch.planning.plan_batch`.
        listen: told what happens; it has to be quick.

    Raises:
        OutputError: another batch runs into ``out``, or it cannot be written.
        DiskFullError: the disk cannot hold what is to be made; nothing was begun.
        KeyboardInterrupt: stopped; says how far it came.
    """
    try:
        with make_folder(out), locked(out), open_journal(out) as journal:
            return _Run(plan, out, engine, journal, policy or Policy(), cache, hang_s, listen).run(verify)
    except OSError as problem:
        raise disk_error(problem, out) from problem
    finally:
        engine.close()


class _Run:
    def __init__(self, plan, out, engine, journal, policy, cache, hang_s, listen):
        self.out, self.engine, self.journal, self.policy = out, engine, journal, policy
        self.plan: BatchPlan = plan
        self.cache, self.hang_s, self.listen = cache, hang_s, listen
        self.result = Result()
        self.failures: Counter[tuple[str, str]] = Counter()
        self.under_way: dict[str, Planned] = {}
        self.lonely: set[str] = set()

    def run(self, verify: bool) -> Result:
        began = time.monotonic()
        recover(self.out, self.journal)
        plan = compare_with_journal(self.plan.jobs, self.out, self.journal, verify)
        check_room(plan, self.out)
        self._begin(plan)
        self.queue = Queue(planned for planned in plan.jobs if planned.job.name in plan.todo)
        try:
            while self.queue or self.under_way:
                self._turn()
        except KeyboardInterrupt:
            self.engine.close()
            recover(self.out, self.journal)
            whole = sum(self._row(planned).state == DONE for planned in plan.jobs)
            told_of = f"interrupted: {whole} of {len(plan.jobs)} jobs are done; the same command goes on with the rest"
            raise KeyboardInterrupt(told_of) from None
        clear(self.out)
        self.journal.flush()
        self.result.behind, self.result.rows = self.journal.behind, self.journal.rows
        self.result.wall_s = time.monotonic() - began
        if self.cache is not None:
            self.cache.prune()
        ended = f"{len(self.result.done)} done, {len(self.result.failed)} failed"
        self._say("end", told=ended, wall_s=self.result.wall_s)
        return self.result

    def _begin(self, plan: BatchPlan) -> None:
        self._say("begin", told=f"{len(plan.todo)} of {len(plan.jobs)} jobs are to do")
        self.journal.put(job_rows(plan, self.journal))
        for planned in plan.jobs:
            name = planned.job.name
            if planned.problem:
                self.result.failed[name] = planned.problem
                self._say("failed", name, planned.problem)
            elif name not in plan.todo:
                self.result.before.append(name)

    def _turn(self) -> None:
        """Start what may start, and take what was said."""
        while planned := self.queue.take(time.monotonic(), len(self.under_way), self.engine.slots):
            self._start(planned)
        wait_s = self.queue.wait_s(time.monotonic(), WAIT_S)
        if not self.under_way:
            time.sleep(wait_s)
            return
        for message in self.engine.wait(wait_s):
            if isinstance(message, Progress):
                self._say("progress", message.name, samples=message.samples, of_samples=message.of_samples)
            else:
                with hold_signals():
                    self._ended(self.under_way.pop(message.name), message)

    def _start(self, planned: Planned) -> None:
        job, row, out = planned.job, self._row(planned), self.out.absolute()
        row = replace(row, state=RUNNING, attempts=row.attempts + 1, began=utc_now(), ended=None)
        self.journal.put([row])
        self.under_way[job.name] = planned
        self._say("start", job.name)
        self.engine.submit(
            Order(
                name=job.name,
                key=planned.key,
                cues=str(job.cues),
                project=planned.project,
                stage=str(staging_folder(out, job.name)),
                folder=str(out / job.name),
                version=row.version or None,
                moment=datetime.fromisoformat(row.moment),
                clips=job.clips,
                cache=str(self.cache.folder.absolute()) if self.cache is not None else None,
                alone=job.name in self.lonely,
                hang_s=self.hang_s,
            )
        )

    def _ended(self, planned: Planned, outcome: Outcome) -> None:
        if outcome.kind is None:
            outcome = self._taken_in(planned, outcome)
        row = self._row(planned)
        self.journal.attempt(row.began, outcome)
        if outcome.kind is None:
            self.journal.put([replace(row, state=DONE)])
            self.result.done.append(outcome.name)
            self._say("done", outcome.name, wall_s=outcome.wall_s)
            if not outcome.cache_kept:
                self._say("remark", outcome.name, "the cue cache could not be written")
            return
        clear(self.out, outcome.name)
        self._failed(planned, outcome, row)

    def _taken_in(self, planned: Planned, outcome: Outcome) -> Outcome:
        """Put what was rendered into its folder; the outcome that comes of it."""
        name = outcome.name
        row = replace(
            self._row(planned), state=MOVING, version=outcome.version, ended=utc_now(), wall_s=outcome.wall_s,
            kind=None, cause="",
        )  # fmt: skip
        try:
            for remark in set_aside_changed(self.out, name, outcome.outputs, self.journal.outputs(name)):
                self._say("remark", name, remark)
            if not self.journal.leave(row, outcome.outputs):
                cause = f"{self.out}: the journal cannot be written ({self.journal.behind})"
                return replace(outcome, kind="passing", cause=cause)
            move_in(self.out, name, outcome.outputs)
        except OSError as problem:
            return replace(outcome, kind="passing", cause=str(disk_error(problem, self.out)))
        return outcome

    def _failed(self, planned: Planned, outcome: Outcome, row: Row) -> None:
        name, counted = outcome.name, (outcome.name, outcome.kind)
        self.failures[counted] += 1
        retry = self.policy.after(outcome.kind, self.failures[counted])
        state = FAILED if retry is None else WAITING
        self.journal.put([replace(row, state=state, kind=outcome.kind, cause=outcome.cause, ended=utc_now())])
        if retry is None:
            self.result.failed[name] = outcome.cause
            self._say("failed", name, outcome.cause, wall_s=outcome.wall_s)
            return
        self._say("retry", name, outcome.cause, wall_s=outcome.wall_s, after_s=retry.after_s)
        if retry.alone:
            self.lonely.add(name)
        self.queue.again(planned, retry, time.monotonic())

    def _row(self, planned: Planned) -> Row:
        return self.journal.rows[planned.job.name.casefold()]

    def _say(self, kind: str, job: str = "", told: str = "", **numbers) -> None:
        self.listen(Event(kind, utc_now(), job, told, **numbers))
