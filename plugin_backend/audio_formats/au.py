"""AU (NeXT and Sun): a header of fixed size, then audio to the end of the file, whatever size the header states."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import BinaryIO

from plugin_backend.audio_formats.byte_ranges import ByteRange, Content, Part
from plugin_backend.audio_formats.wav_chunks import NO_LENGTH

BYTE_ORDERS = {b".snd": ">", b"dns.": "<"}
UNKNOWN = 0xFFFFFFFF
HEAD_BYTES = 24


def next_recording(file: BinaryIO, begins: Callable[[bytes], bool]) -> int | None:
    """Where another recording is joined to the one that a file begins with; see :mod:`.chunks`."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if len(head) < HEAD_BYTES:
        return None
    offset, stated = struct.unpack(f"{BYTE_ORDERS[head[:4]]}4xII", head[:12])
    file.seek(offset + stated)
    return offset + stated if stated and begins(file.read(12)) else None


def inspect_content(file: BinaryIO) -> Content:
    """The audio of an AU file."""
    end = file.seek(0, 2)
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if len(head) < HEAD_BYTES:
        return Content()
    order = BYTE_ORDERS[head[:4]]
    offset, stated = struct.unpack(f"{order}4xII", head[:12])
    if stated == UNKNOWN or offset > end or offset + stated == end:
        return Content()
    if offset + stated > end:
        return Content(cut_short=f"the file is cut short: its audio ends {offset + stated - end} bytes past the file")
    remark = NO_LENGTH
    if stated:
        more = end - offset - stated
        remark = f"goes on {more} bytes after the length that it states: read to the end of the file"
    return Content((Part((head[:8], struct.pack(f"{order}I", UNKNOWN), ByteRange(12, end))),), (remark,))
