"""Check the compound file around an AAF before pyaaf2 trusts its counts and sizes."""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

from plugin_backend.errors import CueSheetError

DAMAGED = "not a whole AAF file"
HEADER = struct.Struct("<24xHHHHH6xIIII4xIIII")
ENTRY = struct.Struct("<64sHBB12x16xIQQIQ")
LITTLE_ENDIAN = 0xFFFE
SECTOR_SHIFTS = (9, 12)
MINI_SHIFT = 6
STREAM = 2
READ_WHOLE = ("properties", " index")  # the streams that pyaaf2 reads into memory
MOST_STREAM_MIB = 64


def check_compound_file(file: BinaryIO) -> None:
    """Check that header and directory state no more than the file holds. pyaaf2 would allocate what they state.

    Args:
        file: an open file that begins as compound files do; its position moves.

    Raises:
        CueSheetError: they state more; or a stream is larger than any editor writes.
    """
    from aaf2.cfb import CompoundFileBinary

    file.seek(0)
    head = file.read(HEADER.size)
    file.seek(0, 2)
    size = file.tell()
    _check_header(head, size)
    file.seek(0)
    compound = CompoundFileBinary(file, "rb")
    sectors = b"".join(compound.read_sector_data(sector) for sector in compound.dir_fat_chain)
    for number, entry in enumerate(ENTRY.iter_unpack(sectors[: len(sectors) // ENTRY.size * ENTRY.size])):
        raw_name, name_bytes, kind, stream_bytes = entry[0], entry[1], entry[2], entry[-1]
        if kind != STREAM:
            continue
        if compound.sector_size == 512:
            stream_bytes &= 0xFFFFFFFF  # the upper half is undefined there
        if stream_bytes > size:
            raise CueSheetError(f"{DAMAGED}: stream {number} is longer than the file")
        name = raw_name[: max(0, min(name_bytes, 64) - 2)].decode("utf-16-le", errors="replace")
        if name.endswith(READ_WHOLE) and stream_bytes > MOST_STREAM_MIB * 2**20:
            raise CueSheetError(f"{DAMAGED}: stream {number} is larger than {MOST_STREAM_MIB} MiB")
        if name.endswith(" index") and _count(compound, number) > stream_bytes:
            raise CueSheetError(f"{DAMAGED}: index {number} promises more entries than it holds")


def _check_header(head: bytes, size: int) -> None:
    if len(head) < HEADER.size:
        raise CueSheetError(f"{DAMAGED}: its header is cut off")
    _, _, order, shift, mini_shift, *counts = HEADER.unpack(head)
    if order != LITTLE_ENDIAN or shift not in SECTOR_SHIFTS or mini_shift != MINI_SHIFT:
        raise CueSheetError(f"{DAMAGED}: its header states a byte order or sector size that no AAF has")
    directories, fats, _, _, _, mini_fats, _, difats = counts
    if max(directories, fats, mini_fats, difats) > (size >> shift) + 1:
        raise CueSheetError(f"{DAMAGED}: its header promises more sectors than the file holds")


def _count(compound: Any, number: int) -> int:
    """Return the number of entries that an index stream states at its beginning."""
    first = compound.read_dir_entry(number).open("r").read(4)
    return struct.unpack("<I", first)[0]
