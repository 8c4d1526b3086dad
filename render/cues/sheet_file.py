"""A cue sheet's file, opened once for everything that reads it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from plugin_backend.errors import CueSheetError

LARGEST_BYTES = 256 * 2**20
BUNDLES = {
    ".fcpxmld": "give the Info.fcpxml in it",
    ".logicx": "a Logic Pro project: export an AAF from it",
}
"""Folders that are a program's document, by suffix: which file to use."""


class SheetFile:
    """A cue sheet that is open. Its bytes are read from the disk once.

    Attributes:
        path: the file.
        file: the open file, at any position, for readers of large files that read parts of it.
    """

    def __init__(self, path: Path, file: BinaryIO):
        self.path, self.file = path, file
        self._kept = b""

    def bytes(self, most: int = -1) -> bytes:
        """Return the sheet's bytes, or its first ``most`` bytes.

        Args:
            most: how many bytes to return; −1 returns all.

        Raises:
            CueSheetError: unreadable, or larger than 256 MiB when all is requested.
        """
        try:
            if most < 0 and os.fstat(self.file.fileno()).st_size > LARGEST_BYTES:
                raise CueSheetError(f"larger than {LARGEST_BYTES // 2**20} MiB: a cue sheet is smaller", file=self.path)
            if most < 0 or most > len(self._kept):
                self.file.seek(len(self._kept))
                self._kept += self.file.read(most - len(self._kept) if most >= 0 else -1)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        return self._kept if most < 0 else self._kept[:most]


SheetSource = Path | SheetFile
"""What a reader reads: a path, or a sheet that is open already."""


@contextmanager
def open_sheet(source: SheetSource) -> Iterator[SheetFile]:
    """Open a sheet until the block ends. A sheet that is open already stays as it is.

    Args:
        source: the path, or the open sheet.

    Raises:
        CueSheetError: no such file, a folder, or unreadable.
    """
    if isinstance(source, SheetFile):
        yield source
        return
    path = Path(source)
    try:
        if path.suffix.lower() in BUNDLES and path.is_dir():
            raise CueSheetError(BUNDLES[path.suffix.lower()], file=path)
        if not path.exists():
            raise CueSheetError("no such file", file=path)
        if not path.is_file():
            raise CueSheetError("a folder or a device, not a cue sheet", file=path)
        file = open(path, "rb")  # noqa: SIM115 - closed by the block below
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    with file:
        yield SheetFile(path, file)


def _unreadable(path: Path, error: OSError | ValueError) -> CueSheetError:
    return CueSheetError(f"cannot be read: {getattr(error, 'strerror', error)}", file=path)
