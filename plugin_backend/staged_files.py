"""Write several files that appear together: in a hidden folder, synced to disk, committed in one step, then renamed.

    .LABEL.lock                  locked by the process that writes the files
    .LABEL.RANDOM.part/          where the files are written, under their final names
    .LABEL.RANDOM.part/.commit   the list of their names: when it exists, the set is complete

If a process dies before the list exists, the next one that takes the lock removes what it left. If the list exists,
the next one finishes the set: it renames every file that does not have its name yet. New files take free names, in
order. The last name shows that all files are there.
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
"""Names in the hidden folder: the list of files, and the folder of the files that are replaced."""


class StagedFiles:
    """A set of files that is being written; made by :func:`stage_files` or :meth:`begin`.

    Attributes:
        folder: where to write the files, under their final names.
    """

    def __init__(self, home: Path, label: str, lock: FileLock | None):
        self.home, self._lock = home, lock
        self.folder = hidden_path_beside(home / label)
        self._new: list[str] = []
        self._replacing: list[str] = []
        self.folder.mkdir()

    @classmethod
    def begin(cls, home: Path, label: str) -> StagedFiles | None:
        """Begin a set in ``home``. Finish or remove what dead processes left of sets with this label.

        If the file system has no locks, other processes are unknown and their files are left alone.

        Args:
            home: the folder where the files appear.
            label: distinguishes this set from others in the folder.

        Returns:
            The set, or ``None`` while a living process writes one with this label.

        Raises:
            OSError: ``home`` cannot be written.
        """
        lock, has_locks = None, True
        try:
            lock = FileLock.acquire(home / f".{label}.lock")
        except OSError as problem:
            if problem.errno not in NO_LOCKS:
                raise
            has_locks = False
        if has_locks and lock is None:
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
        """Return the path at which to write a file (or make a folder) that will appear as ``name``.

        Files appear in the order of the calls.
        """
        self._new.append(name)
        return self.folder / name

    def replacing(self, name: str) -> Path:
        """Return the path to write a file that will replace the file called ``name``, after all new files."""
        self._replacing.append(name)
        return self.folder / name

    def publish(self) -> None:
        """Rename all files, or none: if one fails, the others are renamed back.

        Raises:
            FileExistsError: the name of a new file is taken.
            OSError: the files cannot be written.
        """
        for path in sorted(self.folder.rglob("*"), reverse=True):
            sync_to_disk(path)
        sync_to_disk(self.folder)
        sync_to_disk(self.home)
        new = [one for name in self._new for one in _files(self.folder, name)]
        with hold_signals():
            with write_atomically(self.folder / COMMIT) as commit:
                commit.write_text(json.dumps({"new": new, "replacing": self._replacing}), encoding="utf-8")
            _rename_all(self.folder, self.home)

    def end(self) -> None:
        """Remove what was not published, and release the lock."""
        if not (self.folder / COMMIT).exists():  # a set that is half renamed is left to the next run
            shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock is not None:
            self._lock.release()


@contextmanager
def stage_files(home: Path, label: str) -> Iterator[StagedFiles]:
    """Yield a set of files, and publish it when the block ends without an exception.

    Args:
        home: the folder where the files appear. It must exist.
        label: distinguishes this set from others in the folder.

    Raises:
        OutputError: a living process is writing the same set.
        OSError: the files cannot be written.
    """
    stage = StagedFiles.begin(home, label)
    if stage is None:
        raise OutputError(f"{home}: another run is writing {label} just now")
    try:
        yield stage
        stage.publish()
    finally:
        stage.end()


def recover_staged_files(home: Path, label_glob: str) -> None:
    """Finish or remove what dead processes left of the sets whose labels match the glob ``shape``.

    Raises:
        OSError: ``home`` cannot be written.
    """
    locks = {path.name[1 : -len(".lock")] for path in home.glob(f".{label_glob}.lock")}
    for label in locks | {
        path.name[1:].rsplit(".", 2)[0] for path in home.glob(f".{label_glob}.*.part") if path.is_dir()
    }:
        stage = StagedFiles.begin(home, label)
        if stage is not None:
            stage.end()


def _recover(home: Path, label: str) -> None:
    for leftover in home.glob(f".{glob.escape(label)}.*.part"):
        if not leftover.is_dir():
            continue
        with suppress(FileExistsError):  # another file has the name now: the set was undone
            if (leftover / COMMIT).exists():
                _rename_all(leftover, home)
        shutil.rmtree(leftover, ignore_errors=True)


def _files(stage: Path, name: str) -> list[str]:
    """Return the name of a file, or of all files in a folder."""
    if not (stage / name).is_dir():
        return [name]
    return sorted(path.relative_to(stage).as_posix() for path in (stage / name).rglob("*") if path.is_file())


def _rename_all(stage: Path, home: Path) -> None:
    """Rename the files of a committed set. Some may have their names already. Then remove the hidden folder."""
    commit = json.loads((stage / COMMIT).read_text(encoding="utf-8"))
    before = stage / BEFORE
    try:
        for name in commit["new"]:
            if _is_pending(stage / name, home / name):
                (home / name).parent.mkdir(exist_ok=True)
                rename_if_free(stage / name, home / name)
        for folder in {(home / name).parent for name in commit["new"]} - {home}:
            sync_to_disk(folder)
        before.mkdir(exist_ok=True)
        for name in commit["replacing"]:
            if (stage / name).exists():
                with suppress(OSError):  # no such file yet, or no links: then it cannot be undone
                    os.link(home / name, before / name)
                os.replace(stage / name, home / name)
        sync_to_disk(home)
    except OSError:
        _undo_renames(stage, home, commit)
        raise
    with suppress(OSError):  # the next run finds that the rest is done
        (stage / COMMIT).unlink()
    shutil.rmtree(stage, ignore_errors=True)


def _is_pending(source: Path, target: Path) -> bool:
    return source.exists() and not (target.exists() and target.samefile(source))


def _undo_renames(stage: Path, home: Path, commit: dict) -> None:
    """Undo the renames. If that fails too, the set stays committed, and the next run finishes it."""
    before = stage / BEFORE
    for name in reversed(commit["replacing"]):
        if not (stage / name).exists():  # it was renamed
            if (before / name).exists():
                os.link(home / name, stage / name)
                os.replace(before / name, home / name)
            else:
                os.rename(home / name, stage / name)
    for name in reversed(commit["new"]):
        source, target = stage / name, home / name
        if not source.exists():  # the file system has no links, so it was renamed
            os.rename(target, source)
        elif not _is_pending(source, target):
            target.unlink()
        if target.parent != home:
            with suppress(OSError):  # not empty yet
                target.parent.rmdir()
    (stage / COMMIT).unlink()
