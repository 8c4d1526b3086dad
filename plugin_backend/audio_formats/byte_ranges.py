"""The audio of a file as ranges of its bytes, which libsndfile reads as a file of their own."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from typing_extensions import Buffer


@dataclass(frozen=True)
class ByteRange:
    """The bytes ``start`` to ``stop`` of a file."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Part:
    """One recording in a file. Most files hold one, joined files several.

    Attributes:
        pieces: what libsndfile is given: new bytes, and ranges of the file.
        length_samples: samples per channel after ``skip_samples``; ``None``: as many as libsndfile states.
        skip_samples: decoded samples before the recording begins.
        claimed_bytes: length that libsndfile is told, if greater than that of the pieces.
    """

    pieces: tuple[bytes | ByteRange, ...]
    length_samples: int | None = None
    skip_samples: int = 0
    claimed_bytes: int = 0


@dataclass(frozen=True)
class Content:
    """The recordings in a file.

    Attributes:
        parts: its recordings in order. None: libsndfile reads the file correctly as it is.
        remarks: errors in the header, one line each, without the file's name.
        cut_short: a line if the file ends before its audio does, otherwise empty.
    """

    parts: tuple[Part, ...] = ()
    remarks: tuple[str, ...] = ()
    cut_short: str = ""


def join_recordings(recordings: Sequence[tuple[ByteRange, Content]]) -> Content:
    """Combine recordings that follow one another in a file: the range of each, and its content."""
    if len(recordings) == 1:
        return recordings[0][1]
    parts = [part for byte_range, content in recordings for part in content.parts or (Part((byte_range,)),)]
    remarks = dict.fromkeys(remark for _, content in recordings for remark in content.remarks)
    cut_short = next((content.cut_short for _, content in recordings if content.cut_short), "")
    return Content(tuple(parts), (f"{len(recordings)} recordings joined: read as one", *remarks), cut_short)


class PartFile(io.RawIOBase):
    """A part as a read-only file. Bytes that are claimed but do not exist are zeros."""

    def __init__(self, file: BinaryIO, part: Part):
        self._file, self._pieces, self._position = file, part.pieces, 0
        self._starts = [sum(map(len, part.pieces[:index])) for index in range(len(part.pieces))]
        self._end = sum(map(len, part.pieces))
        self._size = max(self._end, part.claimed_bytes)

    @classmethod
    def opened(cls, file: BinaryIO, part: Part) -> BinaryIO:
        """Return the part as a file, typed as :func:`open` types one."""
        return cast(BinaryIO, cls(file, part))

    def readable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Return true."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position, and return it."""
        self._position = max(0, offset + (0, self._position, self._size)[whence])
        return self._position

    def readinto(self, buffer: Buffer) -> int:
        """Fill ``buffer`` with the bytes that exist. Return their number."""
        view, done = memoryview(buffer).cast("B"), 0
        wanted = max(0, min(len(view), self._size - self._position))
        while done < wanted:
            piece = self._next(wanted - done)
            view[done : done + len(piece)] = piece
            done += len(piece)
            self._position += len(piece)
        return done

    def _next(self, most: int) -> bytes:
        """Return the bytes at the position, up to the end of their piece."""
        if self._position >= self._end:
            return bytes(most)
        index = bisect_right(self._starts, self._position) - 1
        piece, offset = self._pieces[index], self._position - self._starts[index]
        if isinstance(piece, bytes):
            return piece[offset : offset + most]
        self._file.seek(piece.start + offset)
        data = self._file.read(min(most, len(piece) - offset))
        return data or bytes(min(most, len(piece) - offset))  # the file has become shorter meanwhile
