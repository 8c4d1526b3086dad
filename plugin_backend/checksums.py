"""Checksum files that are kept on disk. A checksum at a file's end covers its name and its content."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

CHECKSUM_BYTES = 4


class Checksum:
    """A running CRC-32 of a name and of the content under it. CRC-32 is fast and finds every damage of a few bits."""

    def __init__(self, name: str):
        self._sum = zlib.crc32(name.encode())

    def add(self, data: Buffer) -> None:
        """Add the next bytes, or a contiguous array."""
        self._sum = zlib.crc32(data, self._sum)

    @property
    def value(self) -> bytes:
        """The bytes that stand at the end of the file."""
        return self._sum.to_bytes(CHECKSUM_BYTES, "little")


def checksum_matches(name: str, data: Buffer) -> bool:
    """Return whether the bytes of a file, checksum included, are those that were written under this name."""
    checksum = Checksum(name)
    checksum.add(memoryview(data)[:-CHECKSUM_BYTES])
    return bytes(memoryview(data)[-CHECKSUM_BYTES:]) == checksum.value
