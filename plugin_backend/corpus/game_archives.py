"""Files inside the containers that games keep their sounds in: one reader per suffix, one tuple of bytes out.

Formats: zip under several names; OpenClonk's group (``C4Group.cpp``: gzip with a foreign magic, a
scrambled 204-byte header, 316-byte entries, groups within groups); Qt's binary resource (``qresource.cpp``:
a tree of 22-byte big-endian entries, zlib); OpenTTD's sample catalogue (``sound.cpp``: offset and size
of each sample, a name, then a WAV file).
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from plugin_backend.errors import AudioFileError


def read_members(path: Path) -> Iterator[bytes]:
    """The content of every file in a container, in its order.

    Raises:
        AudioFileError: of another kind than ``READERS``, or damaged.
    """
    reader = READERS.get(path.suffix)
    if reader is None:
        raise AudioFileError(f"{path.name}: no container we can unpack; {', '.join(sorted(READERS))} can be")
    try:
        yield from reader(path)
    except (OSError, ValueError, IndexError, struct.error, zlib.error, zipfile.BadZipFile) as problem:
        raise AudioFileError(f"{path.name}: the container is damaged ({problem})") from problem


def _zip(path: Path) -> Iterator[bytes]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                yield archive.read(member)


def _clonk_group(path: Path) -> Iterator[bytes]:
    yield from _clonk_members(zlib.decompress(b"\x1f\x8b" + path.read_bytes()[2:], wbits=31))


def _clonk_members(group: bytes) -> Iterator[bytes]:
    header = bytearray(byte ^ 237 for byte in group[:204])
    for at in range(0, len(header) - 2, 3):
        header[at], header[at + 2] = header[at + 2], header[at]
    if not header.startswith(b"RedWolf Design GrpFolder"):
        raise ValueError("not an OpenClonk group")
    (count,) = struct.unpack_from("<i", header, 36)
    begin = 204 + 316 * count
    for entry in range(count):
        is_group, size, _, offset = struct.unpack_from("<4i", group, 204 + 316 * entry + 264)
        body = group[begin + offset : begin + offset + size]
        yield from _clonk_members(body) if is_group else (body,)


def _qt_resource(path: Path) -> Iterator[bytes]:
    content = path.read_bytes()
    magic, version, tree, data = struct.unpack_from(">4s3I", content)
    if magic != b"qres" or version not in (2, 3):
        raise ValueError("not a Qt resource of version 2 or 3")
    entry, count = 0, 1
    while entry < count:
        flags, *folder, _ = struct.unpack_from(">H3I", content, tree + 22 * entry + 4)
        if flags & 2:
            count = max(count, sum(folder))
        else:
            (offset,) = struct.unpack_from(">I", content, tree + 22 * entry + 10)
            (size,) = struct.unpack_from(">I", content, data + offset)
            body = content[data + offset + 4 : data + offset + 4 + size]
            if flags & 4:
                raise ValueError("a file in it is packed with zstd")
            yield zlib.decompress(body[4:]) if flags & 1 else body
        entry += 1


def _sample_catalogue(path: Path) -> Iterator[bytes]:
    content = path.read_bytes()
    count = (struct.unpack_from("<I", content)[0] & 0x7FFF_FFFF) // 8
    for entry in range(count):
        offset, size = struct.unpack_from("<2I", content, 8 * entry)
        begin = offset & 0x7FFF_FFFF
        begin += 1 + content[begin]
        yield content[begin : begin + size]


READERS: dict[str, Callable[[Path], Iterator[bytes]]] = {
    ".zip": _zip,
    ".pk3": _zip,
    ".wz": _zip,
    ".ocg": _clonk_group,
    ".rcc": _qt_resource,
    ".cat": _sample_catalogue,
}
