"""A log of JSON records on disk. A record that :meth:`DurableLog.append` has returned from survives any crash.

The file has one line for each record: the CRC-32 of the line before it and of its own JSON, as 8 hexadecimal digits, a
space, and the JSON. So a line that is cut, changed, repeated or moved is found. The first line names the kind of log.

If the last lines are damaged, as after a power cut, they are cut off and kept in a file beside the log.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from plugin_backend.errors import OutputError
from plugin_backend.file_locks import NO_LOCKS, FileLock
from plugin_backend.output_files import disk_error, hidden_path_beside, sync_to_disk, write_atomically

MOST_BYTES = 2**30
"""A longer file is not a log of ours."""


class DurableLog:
    """An open log; made by :meth:`open`. One process has it open at a time.

    Attributes:
        path: the file.
        records: those that were in the file when it was opened.
        findings: what was damaged and cut off, one line each.
    """

    def __init__(self, path: Path, kind: str, lock: FileLock | None):
        self.path, self._kind, self._lock = path, kind, lock
        self.records: list[Any] = []
        self.findings: list[str] = []
        self._sum, self._broken = 0, False
        if path.exists():
            self._read()
        else:
            with write_atomically(path) as temporary:
                temporary.write_bytes(self._line({"log": kind}))
        self._file = open(path, "r+b", buffering=0)  # noqa: SIM115 (closed in close)
        self._end = self._file.seek(0, os.SEEK_END)

    @classmethod
    def open(cls, path: Path, kind: str) -> DurableLog:
        """Open a log; make it if it is absent.

        Args:
            path: the file; its folder exists.
            kind: what it holds, for example ``edits 1``. A log of another kind is refused.

        Raises:
            OutputError: another process has it open, it is of another kind, or it cannot be read or written.
            DiskFullError: the disk is full.
        """
        lock = None
        try:
            lock = FileLock.acquire(path.with_name(f".{path.name}.lock"))
            if lock is None:
                raise OutputError(f"{path}: another process has it open; close it there first")
        except OSError as problem:
            if problem.errno not in NO_LOCKS:
                raise disk_error(problem, path.parent) from problem
        try:
            return cls(path, kind, lock)
        except BaseException as problem:
            if lock is not None:
                lock.release()
            if isinstance(problem, OSError):
                raise disk_error(problem, path.parent) from problem
            raise

    def append(self, records: Iterable[Any]) -> None:
        """Write records and wait until they are on disk: all of them, or none.

        Args:
            records: what msgspec writes as JSON.

        Raises:
            DiskFullError, OutputError: nothing was written.
        """
        if self._broken:
            raise OutputError(f"{self.path}: it could not be repaired after a failed write; open it again")
        before = self._sum
        data = b"".join(self._line(record) for record in records)
        try:
            written = self._file.write(data)
            while written < len(data):
                written += self._file.write(data[written:])
            os.fsync(self._file.fileno())
        except OSError as problem:
            self._sum = before
            self._undo()
            raise disk_error(problem, self.path.parent) from problem
        self._end += len(data)

    def close(self) -> None:
        """Close the file, so that it can be opened again."""
        self._file.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _undo(self) -> None:
        """Remove what a failed write has left."""
        try:
            self._file.truncate(self._end)
            self._file.seek(self._end)
        except OSError:
            self._broken = True

    def _line(self, record: Any) -> bytes:
        text = msgspec.json.encode(record)
        self._sum = zlib.crc32(text, self._sum)
        return b"%08x %s\n" % (self._sum, text)

    def _read(self) -> None:
        if self.path.stat().st_size > MOST_BYTES:
            raise OutputError(f"{self.path}: this is no log of ours: it is over {MOST_BYTES} bytes")
        data, end = self.path.read_bytes(), 0
        for line in data.splitlines(keepends=True):
            record = self._checked(line)
            if record is None:
                break
            if not end and record != {"log": self._kind}:
                raise OutputError(f"{self.path}: this is no log of {self._kind}; it was left as it is")
            self.records += [record] if end else []
            end += len(line)
        if not end:
            raise OutputError(f"{self.path}: its first line is damaged; it was left as it is")
        if end < len(data):
            self._cut(data[end:], end)

    def _checked(self, line: bytes) -> Any:
        """Return the record of a line; None if the line is damaged."""
        mark, space, text = line[:8], line[8:9], line[9:-1]
        if space != b" " or not line.endswith(b"\n"):
            return None
        following = zlib.crc32(text, self._sum)
        if mark != b"%08x" % following:
            return None
        try:
            record = msgspec.json.decode(text)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return None
        self._sum = following
        return record

    def _cut(self, tail: bytes, end: int) -> None:
        """Cut a damaged end off, and keep it beside the log."""
        kept = hidden_path_beside(self.path, "damaged")
        kept.write_bytes(tail)
        sync_to_disk(kept)
        with open(self.path, "r+b") as file:
            file.truncate(end)
            os.fsync(file.fileno())
        self.findings.append(
            f"{self.path.name}: its last {len(tail)} bytes were damaged and were cut off (kept as {kept.name}); "
            f"{len(self.records)} records before them are complete"
        )
