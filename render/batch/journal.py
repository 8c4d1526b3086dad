"""The journal of finished jobs: an SQLite file beside the jobs' folders that survives a power cut."""

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
from plugin_backend.text import escape_unprintable, in_one_line
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

State = Literal["waiting", "running", "moving", "done", "failed"]
WAITING: State = "waiting"
RUNNING: State = "running"
MOVING: State = "moving"
DONE: State = "done"
FAILED: State = "failed"
MOMENT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$"


class Row(msgspec.Struct, kw_only=True):
    """A job in the journal.

    Attributes:
        name, key: of the job.
        state: ``waiting``, ``running``, ``moving`` (rendered, being moved into its folder), ``done`` or ``failed``.
        version: version number of its files.
        moment: origination date and time of its files, fixed when the key was first planned.
        attempts: attempts begun so far, over all runs.
        kind, cause: why the last attempt failed.
        began, ended: of the last attempt, UTC.
        wall_s: seconds of the successful attempt.
        model_s: seconds predicted for it by the cost constants.
    """

    name: str
    key: str
    state: State
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
    """Return the time in UTC as ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Journal:
    """An open journal.

    A full disk stops no batch: what could not be written is written with the next write.

    Attributes:
        rows: case-folded job name → its row.
        problem: why the last write failed; empty if everything is on disk.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path):
        self._connection, self._path = connection, path
        self._pending: list[tuple] = []
        self.problem = ""
        records = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM jobs")
        self.rows = {row.name.casefold(): row for row in (_row(values, path) for values in records)}

    def outputs(self, name: str) -> list[Output]:
        """Return the files of a job's last complete attempt."""
        query = "SELECT file, bytes, modified_ns, digest FROM outputs WHERE job = ?"
        with _text_error(self._path):
            outputs = [Output(*values) for values in self._connection.execute(query, (name,))]
        for output in outputs:
            if PurePosixPath(output.file).is_absolute() or ".." in PurePosixPath(output.file).parts:
                raise OutputError(f"{self._path}: it names a file outside its job's folder: {output.file!r}")
        return outputs

    def put(self, rows: Iterable[Row]) -> bool:
        """Store rows. Return whether they are on disk."""
        rows = [msgspec.structs.replace(row, cause=escape_unprintable(row.cause)) for row in rows]
        self.rows.update((row.name.casefold(), row) for row in rows)
        return self._write([(PUT, _values(row)) for row in rows])

    def put_with_outputs(self, row: Row, outputs: list[Output]) -> bool:
        """Store a row and its job's files together, if both can be written now. Return whether they are on disk."""
        values = [(row.name, *msgspec.structs.astuple(output)) for output in outputs]
        puts = [("INSERT INTO outputs VALUES (?, ?, ?, ?, ?)", value) for value in values]
        delete = ("DELETE FROM outputs WHERE job = ?", (row.name,))
        waiting = len(self._pending)
        if not self._write([delete, *puts, (PUT, _values(row))]):
            del self._pending[waiting:]
            return False
        self.rows[row.name.casefold()] = row
        return True

    def add_attempt(self, began: str, outcome: Outcome) -> None:
        """Note how an attempt ended; it is written with the next write."""
        values = (
            outcome.name,
            began,
            utc_now(),
            outcome.wall_s,
            _stored(outcome.kind),
            escape_unprintable(outcome.cause),
        )
        self._pending.append(("INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?)", values))

    def flush(self) -> bool:
        """Write what is pending. Return whether everything is on disk."""
        return self._write([])

    def _write(self, statements: list[tuple]) -> bool:
        with hold_signals():  # disk and pending statements must agree
            return self._execute(statements)

    def _execute(self, statements: list[tuple]) -> bool:
        self._pending += statements
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for statement, values in self._pending:
                self._connection.execute(statement, values)
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:  # the disk is full or refuses to write
            self.problem = str(error)
            return False
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        self._pending, self.problem = [], ""
        return True


def _stored(kind: str | None) -> str | None:
    """Return a kind of failure as journals store it."""
    return "passing" if kind == "transient" else kind


def _values(row: Row) -> tuple:
    """Return a row's values as the table stores them."""
    return msgspec.structs.astuple(msgspec.structs.replace(row, kind=_stored(row.kind)))


def _row(values: tuple, path: Path) -> Row:
    """Return a row as read and checked; its name becomes a folder's name."""
    try:
        row = msgspec.convert(dict(zip(COLUMNS, values, strict=True)), Row)
        datetime.fromisoformat(row.moment)
    except (ValueError, msgspec.ValidationError) as error:
        raise OutputError(f"{path}: the journal is damaged: job {values[0]!r}: {in_one_line(error)}") from error
    if not is_job_name(row.name):
        raise OutputError(f"{path}: a job's name is not allowed: {row.name!r}")
    return row


@contextmanager
def open_journal(folder: Path) -> Iterator[Journal]:
    """Open the journal of a locked folder; create it if it is missing.

    Raises:
        OutputError: it has another schema, is damaged, or cannot be created.
    """
    path = folder / NAME
    with _sqlite_error(path), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with _text_error(path):
            schema = connection.execute("PRAGMA user_version").fetchone()[0]
            if schema not in (0, SCHEMA):
                raise OutputError(f"{path}: its schema is {schema}, ours {SCHEMA}: use the release that created it")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            if schema == 0:
                connection.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;")
            journal = Journal(connection, path)
        yield journal


@contextmanager
def peek(folder: Path) -> Iterator[Journal | None]:
    """Open the journal of a folder for reading only; yield None if there is none.

    Raises:
        OutputError: it cannot be read.
    """
    path = folder / NAME
    if not path.is_file():
        yield None
        return
    running = path.with_name(f"{NAME}-wal").exists()  # without it nobody writes, and reading leaves no file
    mode = "mode=ro" if running else "immutable=1"
    with _sqlite_error(path), closing(sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True)) as connection:
        schema = connection.execute("PRAGMA user_version").fetchone()[0]
        if schema == 0:  # created, and killed before the first write
            yield None
        elif schema == SCHEMA:
            with _text_error(path):
                journal = Journal(connection, path)
            yield journal
        else:
            raise OutputError(f"{path}: its schema is {schema}, ours {SCHEMA}: use the release that created it")


@contextmanager
def _text_error(path: Path) -> Iterator[None]:
    """Turn the error of a text that is not UTF-8, of a row or of SQLite's message, into OutputError."""
    try:
        yield
    except UnicodeDecodeError as error:
        reason = "a text is not UTF-8"
        raise OutputError(f"{path}: the journal is damaged ({reason}); delete it to run all jobs again") from error


@contextmanager
def _sqlite_error(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into OutputError."""
    try:
        yield
    except sqlite3.Error as error:
        reason = in_one_line(error)
        raise OutputError(f"{path}: the journal cannot be used ({reason}); delete it to run all jobs again") from error
