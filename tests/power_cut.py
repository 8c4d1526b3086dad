"""Simulate a power cut before any one call.

The simulated disk holds only what was synced.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CALLS = ("fsync", "link", "replace", "rename", "mkdir", "unlink", "rmdir")


class PowerCut:
    """Records what is below ``root`` before each call that changes names or syncs.

    :meth:`disks` then makes what may be found there after a power cut: all names but only synced data, or only synced
    names and data.
    """

    def __init__(self, root: Path, monkeypatch):
        self.root, self._monkeypatch = root, monkeypatch
        self._data, self._names, self._held = {}, {}, {}
        self.moments = []
        for folder in (root, *(path for path in root.rglob("*") if path.is_dir())):
            self._names[self._inode(folder)] = self._listed(folder)
        for path in root.rglob("*"):
            if path.is_file():
                self._data[self._inode(path)] = path.read_bytes()

    @contextmanager
    def recording(self) -> Iterator[None]:
        with self._monkeypatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, self._watched(name, getattr(os, name)))
            yield
        self.moments.append((self._now(), dict(self._data), dict(self._names)))
        for handle in self._held.values():
            os.close(handle)

    def disks(self, into: Path) -> Iterator[Path]:
        """Yield each possible disk, in its own folder below ``into``."""
        root = self._inode(self.root)
        for number, (now, data, names) in enumerate(self.moments):
            for kind in ("all names", "synced names"):
                disk = into / f"{number} {kind}"
                self._write(root, disk, now if kind == "all names" else names, data, {})
                yield disk

    def _write(self, inode: int, path: Path, names: dict, data: dict, written: dict) -> None:
        path.mkdir(parents=True)
        for name, (child, is_folder) in names.get(inode, {}).items():
            if is_folder:
                self._write(child, path / name, names, data, written)
            elif child in written:
                os.link(written[child], path / name)
            else:
                (path / name).write_bytes(data.get(child, b""))
                written[child] = path / name

    def _watched(self, name: str, real):
        def call(*arguments, **options):
            self.moments.append((self._now(), dict(self._data), dict(self._names)))
            returned = real(*arguments, **options)
            if name == "fsync":
                self._synced(arguments[0])
            return returned

        return call

    def _synced(self, handle: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{handle}"))
        if path.is_dir():
            self._names[self._inode(path)] = self._listed(path)
        else:
            self._data[self._inode(path)] = path.read_bytes()

    def _now(self) -> dict:
        folders = [self.root, *(path for path in self.root.rglob("*") if path.is_dir())]
        return {self._inode(folder): self._listed(folder) for folder in folders}

    def _listed(self, folder: Path) -> dict:
        return {path.name: (self._inode(path), path.is_dir()) for path in folder.iterdir()}

    def _inode(self, path: Path) -> int:
        inode = path.stat().st_ino
        if inode not in self._held:  # a held one's number is not given to another file
            self._held[inode] = os.open(path, os.O_RDONLY)
        return inode
