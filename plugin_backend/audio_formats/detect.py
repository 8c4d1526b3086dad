"""Detect the format of a file by its content, and find the audio that it really holds."""

from __future__ import annotations

import mmap
import os
from dataclasses import replace
from typing import BinaryIO

from plugin_backend.audio_formats import au, flac, mpeg, ogg
from plugin_backend.audio_formats import wav_chunks as chunks
from plugin_backend.audio_formats.byte_ranges import ByteRange, Content, Part, PartFile, join_recordings
from plugin_backend.audio_formats.chunk_families import find_family
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
"""First bytes of other formats that libsndfile reads: VOC, NIST, AVR, PAF, PVF, XI, IRCAM."""


def is_audio(head: bytes) -> bool:
    """Return whether a file that begins with these bytes (4096 or all) is audio of a known format."""
    return (
        find_family(head[:12]) is not None
        or head[:4] in (*au.BYTE_ORDERS, flac.MARKER, ogg.MARKER)
        or head.startswith(OTHERS)
        or (head[:4] == b"FORM" and head[8:12] in (b"8SVX", b"16SV"))
        or mpeg.is_mpeg(head, len(head) < HEAD_BYTES)
    )


def inspect_content(file: BinaryIO) -> Content:
    """Return the recordings in a file. For formats that are not inspected, libsndfile decides.

    Raises:
        AudioFileError: the file cannot be read completely. The message is the reason alone, without the file's name.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if _has_sizes(head[:12]):
        return _sized_content(file)
    size = os.fstat(file.fileno()).st_size
    if not size:
        return Content()
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = mpeg.end_of_tags(data)
        if data[start : start + 4] == flac.MARKER:
            return flac.inspect_content(data, start)
        if data[:4] == ogg.MARKER:
            return ogg.inspect_content(data)
        return mpeg.inspect_content(data) if mpeg.is_mpeg(head, size == len(head)) else Content()


def _has_sizes(head: bytes) -> bool:
    """Return whether a file that begins with these 12 bytes states where its audio ends: a file of chunks, or AU."""
    return find_family(head) is not None or head[:4] in au.BYTE_ORDERS


def _sized_content(file: BinaryIO) -> Content:
    """Return the recordings of a file that states where its audio ends, and those joined to it.

    Raises:
        AudioFileError: too many are joined, or one is longer than its format allows.
    """

    recordings: list[tuple[ByteRange, Content]] = []
    start: int | None = 0
    end = file.seek(0, os.SEEK_END)
    while start is not None:
        if len(recordings) == MOST_JOINED:
            raise AudioFileError(f"over {MOST_JOINED} recordings are joined in it; give them one by one")
        rest: BinaryIO = PartFile.opened(file, Part((ByteRange(start, end),)))
        family = find_family(rest.read(12))
        next_start = chunks.next_recording(rest, family, _has_sizes) if family else au.next_recording(rest, _has_sizes)
        byte_range = ByteRange(start, end if next_start is None else start + next_start)
        recording_file: BinaryIO = PartFile.opened(file, Part((byte_range,)))
        content = chunks.inspect_content(recording_file, family) if family else au.inspect_content(recording_file)
        recordings.append((byte_range, _shift(content, start)))
        start = None if next_start is None else byte_range.stop
    return join_recordings(recordings)


def _shift(content: Content, by: int) -> Content:
    """Shift content that was found in bytes that begin at ``by`` of the file."""
    parts = []
    for part in content.parts:
        pieces = tuple(_shift_piece(piece, by) for piece in part.pieces)
        parts.append(replace(part, pieces=pieces))
    return replace(content, parts=tuple(parts))


def _shift_piece(piece: bytes | ByteRange, by: int) -> bytes | ByteRange:
    return ByteRange(by + piece.start, by + piece.stop) if isinstance(piece, ByteRange) else piece
