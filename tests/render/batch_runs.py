"""Helpers for tests of batches: settings, and queries of the journal."""

import sqlite3
from contextlib import closing
from pathlib import Path

from render.batch import Policy, Pool

QUICK = Policy(retries=2, backoff_s=0.05)


class Kept(Pool):
    """A pool that goes on to the next batch, for its worker is warm."""

    def close(self) -> None:
        pass


def rows_of(out: Path, columns: str = "name, state") -> dict:
    with closing(sqlite3.connect(out / "batch.sqlite")) as journal:
        return dict(journal.execute(f"SELECT {columns} FROM jobs"))
