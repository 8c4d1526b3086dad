"""The chunks of a RIFF or RF64 WAVE file: found, patched in place, appended.

RF64 (EBU Tech 3306) holds its 64-bit sizes in a ``ds64`` chunk: the file's, then the data's.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from plugin_backend.errors import RenderError

FORMS = b"RIFF", b"RF64"
LARGEST_RIFF = 2**32 - 1
IN_DS64 = 0xFFFFFFFF
SPARE_BYTES = 2**16
"""More than all chunks beside the samples take."""


def chunks_of(file: BinaryIO) -> dict[bytes, tuple[int, int]]:
    """Chunk id → offset and size of its body, in bytes; the first of each id. Of files that we wrote.

    Raises:
        RenderError: not a whole RIFF or RF64 WAVE file.
    """
    end, found, data_size = file.seek(0, 2), {}, None
    file.seek(0)
    form, _, kind = struct.unpack("<4sI4s", file.read(12).ljust(12, b"\0"))
    if form not in FORMS or kind != b"WAVE":
        raise RenderError("not a RIFF or RF64 WAVE file")
    at = 12
    while at + 8 <= end:
        file.seek(at)
        name, size = struct.unpack("<4sI", file.read(8))
        if name == b"ds64":
            sizes = file.read(16)
            if len(sizes) < 16:
                raise RenderError("the chunk 'ds64' is cut off")
            data_size = struct.unpack("<8xQ", sizes)[0]
        if name == b"data" and size == IN_DS64 and data_size is not None:
            size = data_size
        if at + 8 + size > end:
            raise RenderError(f"the chunk {_word(name)} ends past the file")
        found.setdefault(name, (at + 8, size))
        at += 8 + size + size % 2
    return found


def _word(name: bytes) -> str:
    return ascii(name.decode("latin-1"))


def patch(path: Path, name: bytes, offset: int, new: bytes) -> None:
    """Overwrite bytes of a chunk's body from ``offset`` on."""
    with open(path, "r+b") as file:
        body, size = chunks_of(file)[name]
        if offset + len(new) > size:
            raise RenderError(f"{path}: the chunk {_word(name)} has {size} bytes")
        file.seek(body + offset)
        file.write(new)


def append(path: Path, name: bytes, body: bytes) -> None:
    """Add a chunk at the end, and its size to the file's.

    Raises:
        RenderError: a RIFF file would grow past 4 GiB.
    """
    with open(path, "r+b") as file:
        chunks = chunks_of(file)
        end = file.seek(0, 2)
        file.write(b"\0" * (end % 2) + struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) % 2))
        size = file.tell() - 8
        if b"ds64" in chunks:
            file.seek(chunks[b"ds64"][0])
            file.write(struct.pack("<Q", size))
        elif size <= LARGEST_RIFF:
            file.seek(4)
            file.write(struct.pack("<I", size))
        else:
            raise RenderError(f"{path}: a RIFF file holds 4 GiB at most")
