"""Decoded cues on disk, named by what decides them: a cue is decoded once, whichever reel asks for it again."""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from plugin_backend.checksums import CHECKSUM_BYTES, Checksum, checksum_matches
from plugin_backend.output_files import hidden_path_beside

HOME_VARIABLE = "PISADA_CACHE"
MOST_BYTES = 8 * 2**30
STALE_S = 24 * 3600
SUFFIX = ".cue"
KEPT = (SUFFIX, ".npy", ".npz")
"""Sounds, sounds of editions before, and notes of delivered files."""

MOST_CHANNELS = 2


def cache_home() -> Path:
    """Where decoded cues are kept: ``$PISADA_CACHE``, or the user's cache folder."""
    from platformdirs import user_cache_path

    named = os.environ.get(HOME_VARIABLE)
    return Path(named) if named else user_cache_path("pisada")


class _Part:
    """A sound being written; appears under its name when ``samples`` have come. A refusing disk is noted."""

    def __init__(self, path: Path, samples: int, channels: int):
        self.path, self.left, self.channels, self.kept = path, samples, channels, True
        self._temporary, self._seal = hidden_path_beside(path), Checksum(path.stem)
        self._file = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self._temporary, "wb")  # noqa: SIM115 - closed by add or drop
            self._write(_header(samples, channels))
        except OSError:
            self.kept = False
            self.drop()

    def add(self, piece: np.ndarray) -> None:
        if self._file is None:
            return
        try:
            kept = np.ascontiguousarray(piece[:, : self.left].T, "<f4")
            if not np.isfinite(kept).all():  # nobody wants to hear it twice
                self.drop()
                return
            self._write(kept)
            self.left -= len(kept)
            if not self.left:
                self._file.write(self._seal.written)
                self._file.close()
                os.replace(self._temporary, self.path)
                self._file = None
        except OSError:
            self.kept = False
            self.drop()

    def _write(self, data) -> None:
        self._file.write(data)
        self._seal.add(data)

    def drop(self) -> None:
        """Forget what was written, if it is not whole."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # closing flushes, and the disk may be full
                self._file.close()
            self._file = None
            self._temporary.unlink(missing_ok=True)


def _header(samples: int, channels: int) -> bytes:
    """NumPy's, of float32 ``[samples, channels]``."""
    header = io.BytesIO()
    shape = {"descr": "<f4", "fortran_order": False, "shape": (samples, channels)}
    np.lib.format.write_array_header_1_0(header, shape)
    return header.getvalue()


def _opened(path: Path, samples: int) -> np.ndarray | None:
    """The sound ``[samples, channels]``, mapped; ``None`` if the file is not just as it was written.

    Raises:
        OSError: it cannot be read.
    """
    whole = np.memmap(path, np.uint8, "r") if os.path.getsize(path) else np.zeros(0, np.uint8)
    for channels in range(1, MOST_CHANNELS + 1):
        header = _header(samples, channels)
        if whole[: len(header)].tobytes() == header:
            fits = len(whole) == len(header) + 4 * samples * channels + CHECKSUM_BYTES and checksum_matches(
                path.stem, whole
            )
            return whole[len(header) : -CHECKSUM_BYTES].view("<f4").reshape(samples, channels) if fits else None
    return None


class CueCache:
    """A folder of ``KEY.cue``: a NumPy array ``[samples, channels]`` of float32 before level, pan and fades, and a
    checksum after it.

    Several processes may share it: a file appears whole or not at all, and equal names hold equal
    samples. A full disk or a folder that cannot be written leaves sounds unkept; ``kept`` says so.

    Attributes:
        kept: whether everything offered could be stored so far.
        damaged: how many entries were found damaged, and dropped.
    """

    def __init__(self, folder: Path):
        self.folder, self.kept, self.damaged = Path(folder), True, 0

    def path(self, key: str) -> Path:
        """Where a sound is or would be."""
        return self.folder / key[:2] / f"{key}{SUFFIX}"

    def __contains__(self, key: str) -> bool:
        return os.path.isfile(self.path(key))

    def get(self, key: str, samples: int) -> np.ndarray | None:
        """The sound ``[channels, samples]``, mapped and marked as used; ``None`` if it is absent or damaged."""
        path = self.path(key)
        try:
            sound = _opened(path, samples)
        except FileNotFoundError:
            return None
        except OSError:
            sound = None
        if sound is None:
            self.damaged += 1
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):  # a cache we may read only
            os.utime(path)
        return sound.T

    def storing(self, key: str, pieces: Iterator[np.ndarray], samples: int) -> Iterator[np.ndarray]:
        """Hand on ``pieces`` ``[channels, n]``, keeping the first ``samples`` of them under ``key``.

        The file appears with its last sample; pieces that end early are followed by silence in it.
        """
        part = None
        try:
            for piece in pieces:
                part = part or _Part(self.path(key), samples, len(piece))
                part.add(piece)
                yield piece
            if part:
                part.add(np.zeros((part.channels, part.left), np.float32))
        finally:
            if part:
                part.drop()
                self.kept &= part.kept

    def prune(self, most_bytes: int = MOST_BYTES) -> int:
        """Delete what was used longest ago until ``most_bytes`` are left, and parts of dead writers; bytes freed."""
        found = []
        now = time.time()
        for path in self.folder.glob("*/*"):
            with contextlib.suppress(OSError):
                state = path.stat()
                if path.suffix in KEPT:
                    found.append((state.st_mtime, state.st_size, path))
                elif now - state.st_mtime > STALE_S:
                    path.unlink()
        surplus, freed = sum(size for _, size, _ in found) - most_bytes, 0
        for _, size, path in sorted(found):
            if freed >= surplus:
                break
            with contextlib.suppress(OSError):
                path.unlink()
                freed += size
        return freed
