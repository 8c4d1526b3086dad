"""The audio of a file as stretches of its bytes, for libsndfile to read as a file of their own."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True)
class ByteRange:
    """The bytes ``start`` to ``stop`` of a file."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Part:
    """One recording of a file; most files are one, joined files are several.

    Attributes:
        pieces: what libsndfile is given: bytes of our own, and stretches of the file.
        length_samples: how many samples a channel there are after ``skip_samples``; None: as many as libsndfile says.
        skip_samples: how many decoded samples come before the recording begins.
        claimed_bytes: how long libsndfile is told that the pieces are, if longer than they are.
    """

    pieces: tuple[bytes | ByteRange, ...]
    length_samples: int | None = None
    skip_samples: int = 0
    claimed_bytes: int = 0


@dataclass(frozen=True)
class Content:
    """What was found in a file.

    Attributes:
        parts: its recordings in order; none: libsndfile reads the file right as it lies.
        remarks: what its header says wrong, a line each, without the file's name.
        cut_short: a line if the file ends before its audio does, else empty.
    """

    parts: tuple[Part, ...] = ()
    remarks: tuple[str, ...] = ()
    cut_short: str = ""


def join_recordings(found: Sequence[tuple[ByteRange, Content]]) -> Content:
    """One recording of those that follow one another in a file: of each where it lies, and what was found there."""
    if len(found) == 1:
        return found[0][1]
    parts = [part for stretch, content in found for part in content.parts or (Part((stretch,)),)]
    said = dict.fromkeys(remark for _, content in found for remark in content.remarks)
    cut_short = next((content.cut_short for _, content in found if content.cut_short), "")
    return Content(tuple(parts), (f"{len(found)} recordings joined: read as one", *said), cut_short)


class PartFile(io.RawIOBase):
    """A part as a file, read-only; what it claims beyond its bytes is zeros."""

    def __init__(self, file: BinaryIO, part: Part):
        self._file, self._pieces, self._position = file, part.pieces, 0
        self._starts = [sum(map(len, part.pieces[:index])) for index in range(len(part.pieces))]
        self._end = sum(map(len, part.pieces))
        self._size = max(self._end, part.claimed_bytes)

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position; return it."""
        self._position = max(0, offset + (0, self._position, self._size)[whence])
        return self._position

    def readinto(self, buffer) -> int:
        """Fill ``buffer`` as far as there are bytes; return how many came."""
        view, done = memoryview(buffer).cast("B"), 0
        wanted = max(0, min(len(view), self._size - self._position))
        while done < wanted:
            piece = self._next(wanted - done)
            view[done : done + len(piece)] = piece
            done += len(piece)
            self._position += len(piece)
        return done

    def _next(self, most: int) -> bytes:
        """The bytes at the position, up to the end of their piece."""
        if self._position >= self._end:
            return bytes(most)
        index = bisect_right(self._starts, self._position) - 1
        piece, offset = self._pieces[index], self._position - self._starts[index]
        if isinstance(piece, bytes):
            return piece[offset : offset + most]
        self._file.seek(piece.start + offset)
        got = self._file.read(min(most, len(piece) - offset))
        return got or bytes(min(most, len(piece) - offset))  # the file has become shorter
