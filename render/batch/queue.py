"""Jobs that wait their turn: the longest first, some not before a moment, some until nothing else runs."""

from __future__ import annotations

from collections.abc import Iterable

from render.batch.planning import Planned
from render.batch.retry import Retry


class Queue:
    """Every time is of one clock that never goes back, in seconds."""

    def __init__(self, jobs: Iterable[Planned]):
        self._ready = sorted(jobs, key=lambda planned: planned.cost.seconds)  # taken from the end
        self._later: list[tuple[float, Planned]] = []
        self._alone: list[tuple[float, Planned]] = []

    def __len__(self) -> int:
        return len(self._ready) + len(self._later) + len(self._alone)

    def again(self, planned: Planned, retry: Retry, now: float) -> None:
        """Let a job wait for its next attempt."""
        (self._alone if retry.alone else self._later).append((now + retry.after_s, planned))

    def take(self, now: float, running: int, slots: int) -> Planned | None:
        """The next job to start beside those ``running``; none if there is none, or no room for it."""
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
        """How long to wait for what waits, at most."""
        return min([most_s, *(due - now for due, _ in (*self._later, *self._alone) if due > now)])
