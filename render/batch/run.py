"""Run a batch: hand orders to an engine, keep the journal, try again what may pass, go on with the rest."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from render.batch.engine import Engine, Order, Outcome, Progress
from render.batch.journal import DONE, FAILED, MOVING, RUNNING, WAITING, Row, open_journal, utc_now
from render.batch.lock import locked
from render.batch.planning import BatchPlan, Planned, check_room, compared
from render.batch.retry import Policy
from render.batch.stage import clear, make_way, move_in, stage_of
from render.cue_cache import CueCache
from render.delivery.folder import made_folder, told

WAIT_S = 0.5


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
        with made_folder(out), locked(out), open_journal(out) as journal:
            return _Run(plan, out, engine, journal, policy or Policy(), cache, hang_s, listen).run(verify)
    except OSError as problem:
        raise told(problem, out) from problem
    finally:
        engine.close()


class _Run:
    def __init__(self, plan, out, engine, journal, policy, cache, hang_s, listen):
        self.out, self.engine, self.journal, self.policy = out, engine, journal, policy
        self.plan: BatchPlan = plan
        self.cache, self.hang_s, self.listen = cache, hang_s, listen
        self.result = Result()
        self.failures: dict[str, int] = {}
        self.ready: list[Planned] = []
        self.later: list[tuple[float, Planned]] = []
        self.alone: list[Planned] = []
        self.under_way: dict[str, Planned] = {}
        self.lonely: set[str] = set()

    def run(self, verify: bool) -> Result:
        began = time.monotonic()
        plan = self._settled(verify)
        check_room(plan, self.out)
        self._admit(plan)
        self._say("begin", told=f"{len(plan.todo)} of {len(plan.jobs)} jobs are to do")
        todo = [planned for planned in plan.jobs if planned.job.name in plan.todo]
        self.ready = sorted(todo, key=lambda planned: planned.cost.seconds)  # the longest first, from the end
        try:
            while self.ready or self.later or self.alone or self.under_way:
                self._turn()
        except KeyboardInterrupt:
            self.engine.close()
            self._finish_moves()
            clear(self.out)
            whole = sum(row.state == DONE for row in self.journal.rows.values())
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

    def _settled(self, verify: bool) -> BatchPlan:
        """Finish what a killed run was putting into place, drop its stages, and look again at what is done."""
        self._finish_moves()
        clear(self.out)
        return compared(self.plan.jobs, self.out, self.journal, verify)

    def _finish_moves(self) -> None:
        """Put into place what was being put there; what ran waits again."""
        for row in list(self.journal.rows.values()):
            if row.state == MOVING:
                try:
                    move_in(self.out, row.name, self.journal.outputs(row.name))
                except OSError:
                    self.journal.put([msgspec.structs.replace(row, state=WAITING)])
                else:
                    self.journal.put([msgspec.structs.replace(row, state=DONE)])
            elif row.state == RUNNING:
                self.journal.put([msgspec.structs.replace(row, state=WAITING)])

    def _admit(self, plan: BatchPlan) -> None:
        """Note every job in the journal, with the moment its files will bear; and those that cannot be run."""
        now, rows = datetime.now().replace(microsecond=0).isoformat(), []
        for planned in plan.jobs:
            name = planned.job.name
            row = self.journal.rows.get(name.casefold())
            if planned.problem:
                self.result.failed[name] = planned.problem
                if row is None or row.state != DONE:
                    moment = row.moment if row else now
                    rows.append(Row(name=name, key="", state=FAILED, version=0, moment=moment, kind="input"))
                    rows[-1].cause = planned.problem
                self._say("failed", name, planned.problem)
            elif name not in plan.todo:
                self.result.before.append(name)
            else:
                if row is None or row.key != planned.key:
                    attempts = row.attempts if row else 0
                    row = Row(name=name, key=planned.key, state=WAITING, version=0, moment=now, attempts=attempts)
                moment = planned.job.moment or row.moment
                rows.append(msgspec.structs.replace(row, state=WAITING, moment=moment, model_s=planned.cost.seconds))
        self.journal.put(rows)

    def _turn(self) -> None:
        """Start what may start, and take what was said."""
        now = time.monotonic()
        due = [each for each in self.later if each[0] <= now]
        self.later = [each for each in self.later if each[0] > now]
        self.ready += [planned for _, planned in due]
        while self.ready and len(self.under_way) < self.engine.slots:
            self._start(self.ready.pop())
        if self.alone and not (self.under_way or self.later):
            self._start(self.alone.pop())
        wait_s = min([WAIT_S, *(due - now for due, _ in self.later)])
        if not self.under_way:
            time.sleep(wait_s)
            return
        for message in self.engine.wait(wait_s):
            if isinstance(message, Progress):
                self._say("progress", message.name, samples=message.samples, of_samples=message.of_samples)
            else:
                self._ended(self.under_way.pop(message.name), message)

    def _start(self, planned: Planned) -> None:
        job, row = planned.job, self._row(planned)
        row = msgspec.structs.replace(row, state=RUNNING, attempts=row.attempts + 1, began=utc_now(), ended=None)
        self.journal.put([row])
        self.under_way[job.name] = planned
        self._say("start", job.name)
        self.engine.submit(
            Order(
                name=job.name,
                key=planned.key,
                cues=str(job.cues),
                project=planned.project,
                stage=str(stage_of(self.out, job.name)),
                folder=str(self.out / job.name),
                version=row.version or None,
                moment=datetime.fromisoformat(row.moment),
                clips=job.clips,
                cache=str(self.cache.folder) if self.cache is not None else None,
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
            self.journal.put([msgspec.structs.replace(row, state=DONE)])
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
        row = msgspec.structs.replace(
            self._row(planned), state=MOVING, version=outcome.version, ended=utc_now(), wall_s=outcome.wall_s,
            kind=None, cause="",
        )  # fmt: skip
        try:
            for remark in make_way(self.out, name, outcome.outputs, self.journal.outputs(name)):
                self._say("remark", name, remark)
            if not self.journal.leave(row, outcome.outputs):
                cause = f"{self.out}: the journal cannot be written ({self.journal.behind})"
                return msgspec.structs.replace(outcome, kind="passing", cause=cause)
            move_in(self.out, name, outcome.outputs)
        except OSError as problem:
            return msgspec.structs.replace(outcome, kind="passing", cause=str(told(problem, self.out)))
        return outcome

    def _failed(self, planned: Planned, outcome: Outcome, row: Row) -> None:
        name = outcome.name
        self.failures[name] = self.failures.get(name, 0) + 1
        retry = self.policy.after(outcome.kind, self.failures[name])
        state = FAILED if retry is None else WAITING
        self.journal.put(
            [msgspec.structs.replace(row, state=state, kind=outcome.kind, cause=outcome.cause, ended=utc_now())]
        )
        if retry is None:
            self.result.failed[name] = outcome.cause
            self._say("failed", name, outcome.cause, wall_s=outcome.wall_s)
            return
        self._say("retry", name, outcome.cause, wall_s=outcome.wall_s, after_s=retry.after_s)
        if retry.alone:
            self.lonely.add(name)
            self.alone.append(planned)
        else:
            self.later.append((time.monotonic() + retry.after_s, planned))

    def _row(self, planned: Planned) -> Row:
        return self.journal.rows[planned.job.name.casefold()]

    def _say(self, kind: str, job: str = "", told: str = "", **numbers) -> None:
        self.listen(Event(kind, utc_now(), job, told, **numbers))
