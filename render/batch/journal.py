"""The record of what is done: SQLite beside the jobs' folders, whole after a power cut."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import msgspec

from plugin_backend.errors import OutputError
from plugin_backend.output_files import hold_signals
from plugin_backend.text import escape_unprintable
from render.batch.engines.protocol import Outcome, Output
from render.batch.jobs.schema import is_job_name

NAME = "batch.sqlite"
SCHEMA = 1
TABLES = """
CREATE TABLE jobs (
    name TEXT PRIMARY KEY COLLATE NOCASE, key TEXT NOT NULL, state TEXT NOT NULL, version INTEGER NOT NULL,
    moment TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, kind TEXT, cause TEXT NOT NULL DEFAULT '',
    began TEXT, ended TEXT, wall_s REAL, model_s REAL NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE outputs (
    job TEXT NOT NULL COLLATE NOCASE, file TEXT NOT NULL, bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
    digest TEXT NOT NULL, PRIMARY KEY (job, file)
) STRICT;
CREATE TABLE attempts (
    job TEXT NOT NULL COLLATE NOCASE, began TEXT NOT NULL, ended TEXT NOT NULL, wall_s REAL NOT NULL, kind TEXT,
    cause TEXT NOT NULL
) STRICT;
"""

WAITING, RUNNING, MOVING, DONE, FAILED = State = ("waiting", "running", "moving", "done", "failed")
MOMENT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$"


class Row(msgspec.Struct, kw_only=True):
    """A job as the journal knows it.

    Attributes:
        name, key: of the job.
        state: ``waiting``, ``running``, ``moving`` (rendered, being put into its folder), ``done`` or ``failed``.
        version: number that its files bear.
        moment: origination date and time that its files bear, settled when the key was first seen.
        attempts: begun so far, over all runs.
        kind, cause: why the last one failed.
        began, ended: of the last attempt, UTC.
        wall_s: of the attempt that succeeded.
        model_s: what the stated costs foretold for it.
    """

    name: str
    key: str
    state: Literal[State]
    version: Annotated[int, msgspec.Meta(ge=0)]
    moment: Annotated[str, msgspec.Meta(pattern=MOMENT)]
    attempts: int = 0
    kind: str | None = None
    cause: str = ""
    began: str | None = None
    ended: str | None = None
    wall_s: float | None = None
    model_s: float = 0.0


COLUMNS = Row.__struct_fields__
PUT = f"INSERT OR REPLACE INTO jobs ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"


def utc_now() -> str:
    """ISO 8601 to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Journal:
    """An open journal. A full disk stops no batch: what could not be written waits for the next write.

    Attributes:
        rows: job name, case-folded → its row.
        behind: why the last write failed; empty when all is on disk.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path):
        self._connection, self._path, self._pending = connection, path, []
        self.behind = ""
        found = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM jobs")
        self.rows = {row.name.casefold(): row for row in (_row(values, path) for values in found)}

    def outputs(self, name: str) -> list[Output]:
        """What a job's last whole attempt left."""
        found = self._connection.execute("SELECT file, bytes, modified_ns, digest FROM outputs WHERE job = ?", (name,))
        outputs = [Output(*values) for values in found]
        for output in outputs:
            if PurePosixPath(output.file).is_absolute() or ".." in PurePosixPath(output.file).parts:
                raise OutputError(f"{self._path}: it names a file outside its job's folder: {output.file!r}")
        return outputs

    def put(self, rows: Iterable[Row]) -> bool:
        """Keep rows; whether they are on disk."""
        rows = [msgspec.structs.replace(row, cause=escape_unprintable(row.cause)) for row in rows]
        self.rows.update((row.name.casefold(), row) for row in rows)
        return self._write([(PUT, msgspec.structs.astuple(row)) for row in rows])

    def leave(self, row: Row, outputs: list[Output]) -> bool:
        """Keep a row and what its job left, together, if they can be written now; whether they are on disk."""
        values = [(row.name, *msgspec.structs.astuple(output)) for output in outputs]
        puts = [("INSERT INTO outputs VALUES (?, ?, ?, ?, ?)", value) for value in values]
        forget = ("DELETE FROM outputs WHERE job = ?", (row.name,))
        waiting = len(self._pending)
        if not self._write([forget, *puts, (PUT, msgspec.structs.astuple(row))]):
            del self._pending[waiting:]
            return False
        self.rows[row.name.casefold()] = row
        return True

    def attempt(self, began: str, outcome: Outcome) -> None:
        """Note how an attempt ended; written with what comes next."""
        values = (outcome.name, began, utc_now(), outcome.wall_s, outcome.kind, escape_unprintable(outcome.cause))
        self._pending.append(("INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?)", values))

    def flush(self) -> bool:
        """Write what waits; whether all is on disk."""
        return self._write([])

    def _write(self, statements: list[tuple]) -> bool:
        with hold_signals():  # what is on disk and what waits are not to part
            return self._written(statements)

    def _written(self, statements: list[tuple]) -> bool:
        self._pending += statements
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for statement, values in self._pending:
                self._connection.execute(statement, values)
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as problem:  # the disk is full, or refuses
            self.behind = str(problem)
            return False
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        self._pending, self.behind = [], ""
        return True


def _row(values: tuple, path: Path) -> Row:
    """A row as read: what it names becomes a folder's name."""
    try:
        row = msgspec.convert(dict(zip(COLUMNS, values, strict=True)), Row)
        datetime.fromisoformat(row.moment)
    except (ValueError, msgspec.ValidationError) as problem:
        raise OutputError(f"{path}: the journal is damaged: job {values[0]!r}: {problem}") from problem
    if not is_job_name(row.name):
        raise OutputError(f"{path}: it names a job that may not be: {row.name!r}")
    return row


@contextmanager
def open_journal(folder: Path) -> Iterator[Journal]:
    """The journal of a folder that is locked, made if need be.

    Raises:
        OutputError: it is of another schema or damaged, or cannot be made.
    """
    path = folder / NAME
    with _told(path), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        schema = connection.execute("PRAGMA user_version").fetchone()[0]
        if schema not in (0, SCHEMA):
            raise OutputError(f"{path}: its schema is {schema}, ours {SCHEMA}: use the release that began it")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        if schema == 0:
            connection.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;")
        yield Journal(connection, path)


@contextmanager
def peek(folder: Path) -> Iterator[Journal | None]:
    """The journal of a folder to look at only; none where there is none.

    Raises:
        OutputError: it cannot be read.
    """
    path = folder / NAME
    if not path.is_file():
        yield None
        return
    running = path.with_name(f"{NAME}-wal").exists()  # without, nobody writes, and we need leave no file
    how = "mode=ro" if running else "immutable=1"
    with _told(path), closing(sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True)) as connection:
        schema = connection.execute("PRAGMA user_version").fetchone()[0]
        if schema == 0:  # begun, and killed before its first line
            yield None
        elif schema == SCHEMA:
            yield Journal(connection, path)
        else:
            raise OutputError(f"{path}: its schema is {schema}, ours {SCHEMA}: use the release that began it")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as problem:
        raise OutputError(f"{path}: the journal cannot be used ({problem}); without it, all jobs run anew") from problem
