"""The queue of jobs: longest first; some wait until a time, some until nothing else runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from render.batch.engines.protocol import Kind
from render.batch.planning import Planned

LONGEST_S = 300.0


@dataclass(frozen=True)
class Retry:
    """The next attempt: in how many seconds, and whether nothing else may run beside it."""

    after_s: float
    alone: bool


@dataclass(frozen=True)
class Policy:
    """How often transient failures are tried again, and when a process counts as hung.

    Attributes:
        retries: attempts after the first one, for transient failures and killed processes.
        backoff_s: seconds before the first of them; each later wait is twice as long, up to five minutes.
        hang_s: a render process without progress for so many seconds is killed.
    """

    retries: int = 3
    backoff_s: float = 2.0
    hang_s: float = 300.0

    def after(self, kind: Kind, failures: int) -> Retry | None:
        """Return what follows the ``failures``-th failure of a job in this run; None if the job has failed.

        Bad input is never tried again. A job that crashes its process is tried once more, alone, with one process per
        stem. A killed process may have needed too much memory, so its last attempt runs alone too.
        """
        if kind == "input":
            return None
        if kind == "crash":
            return Retry(0.0, alone=True) if failures == 1 and self.retries else None
        if failures > self.retries:
            return None
        wait_s = min(LONGEST_S, self.backoff_s * 2 ** (failures - 1))
        return Retry(wait_s, alone=kind == "killed" and failures == self.retries)


class Queue:
    """The queue. All times are of one monotonic clock, in seconds."""

    def __init__(self, jobs: Iterable[Planned]):
        self._ready = sorted(jobs, key=lambda planned: planned.cost_to_run().seconds)  # taken from the end
        self._later: list[tuple[float, Planned]] = []
        self._alone: list[tuple[float, Planned]] = []

    def __len__(self) -> int:
        return len(self._ready) + len(self._later) + len(self._alone)

    def again(self, planned: Planned, retry: Retry, now: float) -> None:
        """Put a job back for its next attempt."""
        (self._alone if retry.alone else self._later).append((now + retry.after_s, planned))

    def take(self, now: float, running: int, slots: int) -> Planned | None:
        """Return the next job to start; None if there is none, or no slot for it.

        Args:
            now: the time.
            running: number of running jobs.
            slots: how many may run.
        """
        self._ready += [planned for due, planned in self._later if due <= now]
        self._later = [each for each in self._later if each[0] > now]
        if self._ready:
            return self._ready.pop() if running < slots else None
        due = [each for each in self._alone if each[0] <= now]
        if running or self._later or not due:
            return None
        self._alone.remove(due[0])
        return due[0][1]

    def wait_s(self, now: float, most_s: float) -> float:
        """Return how long to wait for the next job that becomes due, at most ``most_s``."""
        return min([most_s, *(due - now for due, _ in (*self._later, *self._alone) if due > now)])
