"""The cache of decoded cues on disk, named by their keys. A cue is decoded once, even for several reels."""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from plugin_backend.checksums import CHECKSUM_BYTES, Checksum, checksum_matches
from plugin_backend.output_files import hidden_path_beside

MOST_BYTES = 8 * 2**30
STALE_S = 24 * 3600
SUFFIX = ".cue"
KEPT = (SUFFIX, ".npy", ".npz")
"""Suffixes of files that stay: audio, audio of earlier versions of Pisada, and statistics of delivered files."""

MOST_CHANNELS = 2


class _Entry:
    """A cache entry that is being written. It gets its name when all ``samples`` are written.

    ``kept`` becomes False if the disk refuses.
    """

    def __init__(self, path: Path, samples: int, channels: int):
        self.path, self.left, self.channels, self.kept = path, samples, channels, True
        self._temporary, self._seal = hidden_path_beside(path), Checksum(path.stem)
        self._file: BinaryIO | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self._temporary, "wb")  # noqa: SIM115 - closed by add or drop
            self._write(_header(samples, channels))
        except OSError:
            self.kept = False
            self.drop()

    def add(self, piece: np.ndarray) -> None:
        """Write the next samples ``[channels, n]``."""
        if self._file is None:
            return
        try:
            samples = np.ascontiguousarray(piece[:, : self.left].T, "<f4")
            if not np.isfinite(samples).all():  # damaged audio must not be cached
                self.drop()
                return
            self._write(samples)
            self.left -= len(samples)
            if not self.left:
                self._file.write(self._seal.value)
                self._file.close()
                os.replace(self._temporary, self.path)
                self._file = None
        except OSError:
            self.kept = False
            self.drop()

    def _write(self, data: Any) -> None:
        """Write bytes or an array."""
        assert self._file is not None
        self._file.write(data)
        self._seal.add(data)

    def drop(self) -> None:
        """Remove the file, if it is not complete."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # closing flushes, and the disk may be full
                self._file.close()
            self._file = None
            self._temporary.unlink(missing_ok=True)


def _header(samples: int, channels: int) -> bytes:
    """Return the NumPy header of a float32 array ``[samples, channels]``."""
    header = io.BytesIO()
    shape = {"descr": "<f4", "fortran_order": False, "shape": (samples, channels)}
    np.lib.format.write_array_header_1_0(header, shape)
    return header.getvalue()


def _open_entry(path: Path, samples: int) -> np.ndarray | None:
    """Memory-map an entry as ``[samples, channels]``; return ``None`` if the file is damaged.

    Raises:
        OSError: the file cannot be read.
    """
    whole = np.memmap(path, np.uint8, "r") if os.path.getsize(path) else np.zeros(0, np.uint8)
    for channels in range(1, MOST_CHANNELS + 1):
        header = _header(samples, channels)
        if whole[: len(header)].tobytes() == header:
            expected = len(header) + 4 * samples * channels + CHECKSUM_BYTES
            fits = len(whole) == expected and checksum_matches(path.stem, whole.data)
            return whole[len(header) : -CHECKSUM_BYTES].view("<f4").reshape(samples, channels) if fits else None
    return None


class CueCache:
    """A folder of decoded cues.

    A file ``KEY.cue`` is a NumPy array ``[samples, channels]`` of float32, before gain, pan and fades, followed by a
    checksum. Several processes may use the folder at once: a file appears completely or not at all, and files of equal
    names hold equal samples. If the disk is full, or the folder cannot be written, audio is not stored.

    Args:
        folder: made when needed.

    Attributes:
        kept: whether all audio could be stored up to now.
        damaged: number of entries that were damaged, and so were removed.
    """

    def __init__(self, folder: Path):
        self.folder, self.kept, self.damaged = Path(folder), True, 0

    def path(self, key: str) -> Path:
        """Return the path of an entry, which need not exist."""
        return self.folder / key[:2] / f"{key}{SUFFIX}"

    def __contains__(self, key: str) -> bool:
        return os.path.isfile(self.path(key))

    def get(self, key: str, samples: int) -> np.ndarray | None:
        """Read an entry and mark it as used.

        Args:
            key: its key.
            samples: its length.

        Returns:
            ``[channels, samples]`` float32, memory-mapped, or ``None`` if the entry is missing or damaged.
        """
        path = self.path(key)
        try:
            audio = _open_entry(path, samples)
        except FileNotFoundError:
            return None
        except OSError:
            audio = None
        if audio is None:
            self.damaged += 1
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):  # the cache may be read-only
            os.utime(path)
        return audio.T

    def storing(self, key: str, pieces: Iterator[np.ndarray], samples: int) -> Iterator[np.ndarray]:
        """Yield pieces and store them on the way.

        The file appears when its last sample is written. If the pieces end early, it is filled with silence.

        Args:
            key: key of the entry.
            pieces: audio ``[channels, n]``.
            samples: length of the entry; later samples are not stored.

        Yields:
            The pieces.
        """
        entry: _Entry | None = None
        try:
            for piece in pieces:
                entry = entry or _Entry(self.path(key), samples, len(piece))
                entry.add(piece)
                yield piece
            if entry:
                entry.add(np.zeros((entry.channels, entry.left), np.float32))
        finally:
            if entry:
                entry.drop()
                self.kept &= entry.kept

    def prune(self, most_bytes: int = MOST_BYTES) -> int:
        """Delete the entries that were used longest ago, and incomplete files that are a day old.

        Args:
            most_bytes: size of the entries that stay.

        Returns:
            Number of bytes freed.
        """
        entries = []
        now = time.time()
        for path in self.folder.glob("*/*"):
            with contextlib.suppress(OSError):
                state = path.stat()
                if path.suffix in KEPT:
                    entries.append((state.st_mtime, state.st_size, path))
                elif now - state.st_mtime > STALE_S:
                    path.unlink()
        surplus, freed = sum(size for _, size, _ in entries) - most_bytes, 0
        for _, size, path in sorted(entries):
            if freed >= surplus:
                break
            with contextlib.suppress(OSError):
                path.unlink()
                freed += size
        return freed
