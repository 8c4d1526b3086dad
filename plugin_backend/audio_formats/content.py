"""Which format a file is of, by its content, and what it really holds."""

from __future__ import annotations

import mmap
import os
from contextlib import nullcontext
from typing import BinaryIO

from plugin_backend.audio_formats import au, chunks, flac, mpeg, ogg
from plugin_backend.audio_formats.parts import Content

HEAD_BYTES = 4096
OTHERS = (
    b"Creative Voice File\x1a",
    b"NIST_1A",
    b"2BIT",
    b" paf",
    b"fap ",
    b"PVF1\n",
    b"Extended Instrument: ",
    b"\x64\xa3\x01\x00",
    b"\x64\xa3\x02\x00",
    b"\x64\xa3\x03\x00",
    b"\x64\xa3\x04\x00",
)
"""How files of other formats begin that libsndfile reads: VOC, NIST, AVR, PAF, PVF, XI, IRCAM."""


def is_audio(head: bytes) -> bool:
    """Whether a file that begins with these bytes (4096 or all) is audio of a format that is read."""
    return (
        chunks.family_of(head[:12]) is not None
        or head[:4] in (*au.ORDERS, flac.MARKER, ogg.MARKER)
        or head.startswith(OTHERS)
        or (head[:4] == b"FORM" and head[8:12] in (b"8SVX", b"16SV"))
        or mpeg.is_mpeg(head, len(head) < HEAD_BYTES)
    )


def content_of(file: BinaryIO) -> Content:
    """What a file really holds; of formats that are not looked into, what libsndfile says.

    Raises:
        AudioFileError: it cannot be read whole; the message is the reason alone, without the file's name.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if family := chunks.family_of(head[:12]):
        return chunks.content_of(file, family)
    if head[:4] in au.ORDERS:
        return au.content_of(file)
    size = os.fstat(file.fileno()).st_size
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else nullcontext(b"") as data:
        start = mpeg.tags_end(data)
        if data[start : start + 4] == flac.MARKER:
            return flac.content_of(data, start)
        if data[:4] == ogg.MARKER:
            return ogg.content_of(data)
        return mpeg.content_of(data) if mpeg.is_mpeg(head, size == len(head)) else Content()
