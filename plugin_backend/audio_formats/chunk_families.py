"""The families of formats that consist of chunks, and how their chunks lie in a file.

Formats: IBM and Microsoft (RIFF, 1991), EBU Tech 3306 (RF64: 64-bit sizes in a ``ds64`` chunk), Apple (AIFF, CAF),
Sony (Wave64).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """Layout of the files of one family.

    Attributes:
        first: where the first chunk begins.
        data: the name of the chunk with the audio.
        size: format of a chunk's size, as in :mod:`struct`.
        name_bytes: length of a chunk's name.
        align: chunks begin at a multiple of it.
        whole: whether sizes include the chunk's name and size.
        form_size: position of the size of the whole file, which counts from ``form_from``; ``None`` if there is none.
        form_from: see ``form_size``.
    """

    first: int
    data: bytes
    size: str
    name_bytes: int = 4
    align: int = 2
    whole: bool = False
    form_size: int | None = 4
    form_from: int = 8

    @property
    def head_bytes(self) -> int:
        """Length of a chunk's name and size."""
        return self.name_bytes + struct.calcsize(self.size)

    def head(self, name: bytes, body_bytes: int) -> bytes:
        """Return a chunk's name and size."""
        return name + struct.pack(self.size, body_bytes + self.head_bytes * self.whole)

    def after(self, end: int) -> int:
        """Return where the next chunk begins after a body that ends at ``end``."""
        return -(-end // self.align) * self.align


WAVE, WAVE_BIG_ENDIAN = Family(12, b"data", "<I"), Family(12, b"data", ">I")
AIFF, CAF = Family(12, b"SSND", ">I"), Family(8, b"data", ">q", align=1, form_size=None)
W64 = Family(
    40, b"data" + bytes.fromhex("f3acd3118cd100c04f8edb8a"), "<Q", 16, align=8, whole=True, form_size=16, form_from=0
)


def find_family(head: bytes) -> Family | None:
    """Return the family of a file that begins with these 12 bytes, or ``None``."""
    form, kind = head[:4], head[8:12]
    if form == b"RIFX" and kind == b"WAVE":
        return WAVE_BIG_ENDIAN
    if form in (b"RIFF", b"RF64", b"BW64") and kind == b"WAVE":
        return WAVE
    if form == b"FORM" and kind in (b"AIFF", b"AIFC"):
        return AIFF
    return {b"caff": CAF, b"riff": W64}.get(form)
