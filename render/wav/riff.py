"""Find, patch and append the chunks of a RIFF or RF64 WAVE file.

An RF64 file (EBU Tech 3306) holds two 64-bit sizes in its ``ds64`` chunk: of the file, then of the data.
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
"""More bytes than all chunks other than the samples need."""


def chunks_of(file: BinaryIO) -> dict[bytes, tuple[int, int]]:
    """Return chunk id → offset and size of its body, in bytes. Only the first chunk of each id is returned.

    Args:
        file: a file that we wrote.

    Raises:
        RenderError: it is not a complete RIFF or RF64 WAVE file.
    """
    end, data_size = file.seek(0, 2), None
    chunks: dict[bytes, tuple[int, int]] = {}
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
            raise RenderError(f"the chunk {_id_text(name)} ends past the file")
        chunks.setdefault(name, (at + 8, size))
        at += 8 + size + size % 2
    return chunks


def _id_text(name: bytes) -> str:
    return ascii(name.decode("latin-1"))


def patch(path: Path, name: bytes, offset: int, new: bytes) -> None:
    """Overwrite bytes of a chunk's body.

    Args:
        path: the file.
        name: id of the chunk.
        offset: of the first byte, in the body.
        new: the bytes.

    Raises:
        RenderError: they do not fit into the chunk.
    """
    with open(path, "r+b") as file:
        body, size = chunks_of(file)[name]
        if offset + len(new) > size:
            raise RenderError(f"{path}: the chunk {_id_text(name)} has {size} bytes")
        file.seek(body + offset)
        file.write(new)


def append(path: Path, name: bytes, body: bytes) -> None:
    """Append a chunk, and update the file's size.

    Args:
        path: the file.
        name: id of the chunk.
        body: content of the chunk.

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
