"""Which format a file is of, by its content, and what it really holds."""

from __future__ import annotations

import mmap
import os
from contextlib import nullcontext
from dataclasses import replace
from typing import BinaryIO

from plugin_backend.audio_formats import au, flac, mpeg, ogg
from plugin_backend.audio_formats import wav_chunks as chunks
from plugin_backend.audio_formats.byte_ranges import ByteRange, Content, Part, PartFile, join_recordings
from plugin_backend.errors import AudioFileError

HEAD_BYTES = 4096
MOST_JOINED = 1000
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
        chunks.find_family(head[:12]) is not None
        or head[:4] in (*au.BYTE_ORDERS, flac.MARKER, ogg.MARKER)
        or head.startswith(OTHERS)
        or (head[:4] == b"FORM" and head[8:12] in (b"8SVX", b"16SV"))
        or mpeg.is_mpeg(head, len(head) < HEAD_BYTES)
    )


def inspect_content(file: BinaryIO) -> Content:
    """What a file really holds; of formats that are not looked into, what libsndfile says.

    Raises:
        AudioFileError: it cannot be read whole; the message is the reason alone, without the file's name.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if _has_sizes(head[:12]):
        return _sized_content(file)
    size = os.fstat(file.fileno()).st_size
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else nullcontext(b"") as data:
        start = mpeg.end_of_tags(data)
        if data[start : start + 4] == flac.MARKER:
            return flac.inspect_content(data, start)
        if data[:4] == ogg.MARKER:
            return ogg.inspect_content(data)
        return mpeg.inspect_content(data) if mpeg.is_mpeg(head, size == len(head)) else Content()


def _has_sizes(head: bytes) -> bool:
    """Whether a file that begins with these 12 bytes states where its audio ends: a file of chunks, or AU."""
    return chunks.find_family(head) is not None or head[:4] in au.BYTE_ORDERS


def _sized_content(file: BinaryIO) -> Content:
    """What is in a file that states where its audio ends, and in those that are joined to it.

    Raises:
        AudioFileError: too many are joined, or one is longer than its format can be.
    """
    found, start, end = [], 0, file.seek(0, os.SEEK_END)
    while start is not None:
        if len(found) == MOST_JOINED:
            raise AudioFileError(f"over {MOST_JOINED} recordings are joined in it; give them one by one")
        rest = PartFile(file, Part((ByteRange(start, end),)))
        family = chunks.find_family(rest.read(12))
        more = chunks.next_recording(rest, family, _has_sizes) if family else au.next_recording(rest, _has_sizes)
        stretch = ByteRange(start, end if more is None else start + more)
        alone = PartFile(file, Part((stretch,)))
        content = chunks.inspect_content(alone, family) if family else au.inspect_content(alone)
        found.append((stretch, _moved(content, start)))
        start = None if more is None else stretch.stop
    return join_recordings(found)


def _moved(content: Content, by: int) -> Content:
    """What was found in bytes that begin at ``by`` of the file."""
    parts = []
    for part in content.parts:
        pieces = (ByteRange(by + it.start, by + it.stop) if isinstance(it, ByteRange) else it for it in part.pieces)
        parts.append(replace(part, pieces=tuple(pieces)))
    return replace(content, parts=tuple(parts))
