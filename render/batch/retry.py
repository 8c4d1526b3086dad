"""Which failures are tried again, how often, and how long after."""

from __future__ import annotations

from dataclasses import dataclass

from render.batch.engine import Kind

LONGEST_S = 300.0


@dataclass(frozen=True)
class Retry:
    """The next attempt: seconds from now, and whether nothing else may run beside it."""

    after_s: float
    alone: bool


@dataclass(frozen=True)
class Policy:
    """How often what may pass is tried again.

    Attributes:
        retries: after the first attempt, for what may pass and for killed processes.
        backoff_s: before the first of them; each later wait is twice as long, up to five minutes.
    """

    retries: int = 3
    backoff_s: float = 2.0

    def after(self, kind: Kind, failures: int) -> Retry | None:
        """What follows the ``failures``-th failure of a job in this run; none when it has failed.

        Bad input is never tried again. What crashes its process is tried once more, alone, one process a stem.
        A killed process may have wanted too much memory: its last attempt is alone too.
        """
        if kind == "input":
            return None
        if kind == "crash":
            return Retry(0.0, alone=True) if failures == 1 and self.retries else None
        if failures > self.retries:
            return None
        wait_s = min(LONGEST_S, self.backoff_s * 2 ** (failures - 1))
        return Retry(wait_s, alone=kind == "killed" and failures == self.retries)
