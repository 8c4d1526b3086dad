"""A checksum at the end of a kept file, over its name and all before it: what is damaged or misnamed is found."""

from __future__ import annotations

import zlib

CHECKSUM_BYTES = 4


class Checksum:
    """Adds up what is written under a name; CRC-32, which finds every damage of a few bits, and is fast."""

    def __init__(self, name: str):
        self._sum = zlib.crc32(name.encode())

    def add(self, data) -> None:
        """The next bytes, or a contiguous array."""
        self._sum = zlib.crc32(data, self._sum)

    @property
    def written(self) -> bytes:
        """What stands at the end of the file."""
        return self._sum.to_bytes(CHECKSUM_BYTES, "little")


def checksum_matches(name: str, data) -> bool:
    """Whether bytes that were read back are what was written under the name, seal and all."""
    seal = Checksum(name)
    seal.add(memoryview(data)[:-CHECKSUM_BYTES])
    return bytes(memoryview(data)[-CHECKSUM_BYTES:]) == seal.written
