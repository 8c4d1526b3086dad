"""Several files that appear together: made in a hidden folder, put on disk, committed in one step, then named.

    .LABEL.lock                  held by the living process that makes them
    .LABEL.RANDOM.part/          where they are made, under their final names
    .LABEL.RANDOM.part/.commit   the list of their names: from the moment it is there the set is whole

Until the list is there, what a dead process left is removed by whoever takes the lock next. From then on it is
finished: each file that has not got its name yet gets it. New files get names that are free, in order: the last is the
sign that all are there.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from plugin_backend.errors import OutputError
from plugin_backend.file_locks import NO_LOCKS, FileLock
from plugin_backend.output_files import hidden_path_beside, hold_signals, rename_if_free, sync_to_disk, write_atomically

COMMIT, BEFORE = ".commit", ".before"
"""In the hidden folder: the list of names, and the files that were there under names that are replaced."""


class StagedFiles:
    """One set of files in the making; :func:`staged` gives one, or :meth:`begin`.

    Attributes:
        folder: where to write them, under their final names.
    """

    def __init__(self, home: Path, label: str, lock: FileLock | None):
        self.home, self._lock = home, lock
        self.folder = hidden_path_beside(home / label)
        self._new: list[str] = []
        self._replacing: list[str] = []
        self.folder.mkdir()

    @classmethod
    def begin(cls, home: Path, label: str) -> StagedFiles | None:
        """A stage in ``home``, or ``None`` while a living process has one of that label; what dead ones left is
        finished or removed. Where the system locks no files nothing is known of others, and nothing of theirs touched.

        Raises:
            OSError: ``home`` cannot be written.
        """
        lock, known = None, True
        try:
            lock = FileLock.take(home / f".{label}.lock")
        except OSError as problem:
            if problem.errno not in NO_LOCKS:
                raise
            known = False
        if known and lock is None:
            return None
        try:
            if lock is not None:
                _recover(home, label)
            return cls(home, label, lock)
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    def new(self, name: str) -> Path:
        """Where to write a file, or make a folder, that appears as ``name``, in the order of the calls."""
        self._new.append(name)
        return self.folder / name

    def replacing(self, name: str) -> Path:
        """Where to write a file that takes the place of what is called ``name``, after all new ones."""
        self._replacing.append(name)
        return self.folder / name

    def publish(self) -> None:
        """Name all of them, or none: what fails half-way is taken back.

        Raises:
            FileExistsError: a new one's name is taken.
            OSError: they cannot be written.
        """
        for path in sorted(self.folder.rglob("*"), reverse=True):
            sync_to_disk(path)
        sync_to_disk(self.folder)
        sync_to_disk(self.home)
        new = [one for name in self._new for one in _files(self.folder, name)]
        with hold_signals():
            with write_atomically(self.folder / COMMIT) as commit:
                commit.write_text(json.dumps({"new": new, "replacing": self._replacing}), encoding="utf-8")
            _name(self.folder, self.home)

    def end(self) -> None:
        """Remove what was not published, and let others begin."""
        if not (self.folder / COMMIT).exists():  # one that could be neither finished nor taken back is left to the next
            shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock is not None:
            self._lock.release()


@contextmanager
def stage_files(home: Path, label: str) -> Iterator[StagedFiles]:
    """A stage whose files are published when the block ends without an exception.

    Args:
        home: the folder where they appear; it is there.
        label: what tells this set from others in the folder.

    Raises:
        OutputError: a living process is making the same set.
        OSError: they cannot be written.
    """
    stage = StagedFiles.begin(home, label)
    if stage is None:
        raise OutputError(f"{home}: another run is writing {label} just now")
    try:
        yield stage
        stage.publish()
    finally:
        stage.end()


def recover_staged_files(home: Path, shape: str) -> None:
    """Finish or remove what dead processes left of the sets whose labels match the glob ``shape``.

    Raises:
        OSError: ``home`` cannot be written.
    """
    locks = {path.name[1 : -len(".lock")] for path in home.glob(f".{shape}.lock")}
    for label in locks | {path.name[1:].rsplit(".", 2)[0] for path in home.glob(f".{shape}.*.part") if path.is_dir()}:
        stage = StagedFiles.begin(home, label)
        if stage is not None:
            stage.end()


def _recover(home: Path, label: str) -> None:
    for left in home.glob(f".{glob.escape(label)}.*.part"):
        if not left.is_dir():
            continue
        with suppress(FileExistsError):  # somebody else's file has the name now: the set is taken back
            if (left / COMMIT).exists():
                _name(left, home)
        shutil.rmtree(left, ignore_errors=True)


def _files(stage: Path, name: str) -> list[str]:
    """A file, or all in a folder, by name."""
    if not (stage / name).is_dir():
        return [name]
    return sorted(path.relative_to(stage).as_posix() for path in (stage / name).rglob("*") if path.is_file())


def _name(stage: Path, home: Path) -> None:
    """Give a committed set its names; some may have theirs already. Then the stage is not needed any more."""
    commit = json.loads((stage / COMMIT).read_text(encoding="utf-8"))
    before = stage / BEFORE
    try:
        for name in commit["new"]:
            if _waits(stage / name, home / name):
                (home / name).parent.mkdir(exist_ok=True)
                rename_if_free(stage / name, home / name)
        for folder in {(home / name).parent for name in commit["new"]} - {home}:
            sync_to_disk(folder)
        before.mkdir(exist_ok=True)
        for name in commit["replacing"]:
            if (stage / name).exists():
                with suppress(OSError):  # a first one, or no links: then there is no way back
                    os.link(home / name, before / name)
                os.replace(stage / name, home / name)
        sync_to_disk(home)
    except OSError:
        _take_back(stage, home, commit)
        raise
    with suppress(OSError):  # what stays is found to be done by the next run
        (stage / COMMIT).unlink()
    shutil.rmtree(stage, ignore_errors=True)


def _waits(source: Path, target: Path) -> bool:
    return source.exists() and not (target.exists() and target.samefile(source))


def _take_back(stage: Path, home: Path, commit: dict) -> None:
    """Take back the names that were given; if that fails too, the set stays committed, and the next run finishes it."""
    before = stage / BEFORE
    for name in reversed(commit["replacing"]):
        if not (stage / name).exists():  # it has taken its place
            if (before / name).exists():
                os.link(home / name, stage / name)
                os.replace(before / name, home / name)
            else:
                os.rename(home / name, stage / name)
    for name in reversed(commit["new"]):
        source, target = stage / name, home / name
        if not source.exists():  # it was renamed, where there are no links
            os.rename(target, source)
        elif not _waits(source, target):
            target.unlink()
        if target.parent != home:
            with suppress(OSError):  # not empty yet
                target.parent.rmdir()
    (stage / COMMIT).unlink()
