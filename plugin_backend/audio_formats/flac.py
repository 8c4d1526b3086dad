"""FLAC whose header states no length, or too little. Its frames are numbered, so the last one gives the length.

Format: RFC 9639. The checksum of a frame header distinguishes it from other bytes. Several streams may follow one
another in a file.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass

from plugin_backend.audio_formats.byte_ranges import ByteRange, Content, Part, join_recordings

MARKER = b"fLaC"
FIRST_HEADS = (b"\x00\x00\x00\x22", b"\x80\x00\x00\x22")
"""First bytes of the block that must follow the marker."""

STREAMINFO_BYTES, TOTAL_BITS = 34, 36
SYNC = re.compile(rb"\xff[\xf8\xf9]", re.DOTALL)
BLOCK_SIZES = (None, 192, 576, 1152, 2304, 4608, None, None, *(256 << n for n in range(8)))
LONGEST_HEADER = 16
LEAST_TAIL_BYTES = 2**16
CRC_POLYNOMIAL = 0x07


@dataclass(frozen=True)
class Frame:
    """A frame's position in the file, its first sample and its length in samples."""

    at: int
    first_sample: int
    samples: int


def inspect_content(data: mmap.mmap, start: int) -> Content:
    """Return the recordings of a file, one after another, each as long as its frames.

    Args:
        data: the file.
        start: where the marker of its first stream begins.
    """
    starts, at = [start], _first_frame(data, start)
    while (at := data.find(MARKER, at)) >= 0:
        is_stream = data[at + len(MARKER) : at + len(MARKER) + 4] in FIRST_HEADS
        if is_stream:
            starts.append(at)
        at = _first_frame(data, at) if is_stream else at + len(MARKER)
    ranges = [ByteRange(*bounds) for bounds in zip(starts, [*starts[1:], len(data)], strict=True)]
    return join_recordings([(byte_range, _inspect_stream(data, byte_range)) for byte_range in ranges])


def _inspect_stream(data: mmap.mmap, byte_range: ByteRange) -> Content:
    """Return one stream.

    If the header states a length, only the end of the stream is read. It is believed if it states the same.
    """
    start, stop = byte_range.start, byte_range.stop
    info_at = start + len(MARKER) + 4
    info = data[info_at : info_at + STREAMINFO_BYTES]
    if len(info) < STREAMINFO_BYTES:
        return Content()
    block_samples, largest_bytes = int.from_bytes(info[2:4], "big"), int.from_bytes(info[7:10], "big")
    numbers = int.from_bytes(info[10:18], "big")
    stated = numbers & 2**TOTAL_BITS - 1
    if stated:
        tail = max(LEAST_TAIL_BYTES, 2 * largest_bytes)
        if not any(
            frame.first_sample + frame.samples > stated
            for frame in _frames(data, max(start, stop - tail), stop, block_samples)
        ):
            return Content()
    sample_count, end = _count_samples(data, _first_frame(data, start), stop, block_samples)
    if sample_count <= stated:
        return Content()
    corrected = (numbers & ~(2**TOTAL_BITS - 1) | sample_count).to_bytes(8, "big")
    pieces = ByteRange(start, info_at + 10), corrected, ByteRange(info_at + 18, stop)
    remarks = [f"continues after the {stated} samples that it states: all {sample_count} are read"] * bool(stated)
    if stop - end > max(LEAST_TAIL_BYTES, 2 * largest_bytes):
        remarks.append(f"{stop - end} bytes after its frames are not read: damaged, or no audio")
    return Content((Part(pieces),), tuple(remarks))


def _count_samples(data: mmap.mmap, at: int, stop: int, block_samples: int) -> tuple[int, int]:
    """Return the number of samples in consecutive frames from ``at`` on, and where the last frame begins."""
    samples = 0
    for frame in _frames(data, at, stop, block_samples):
        if frame.first_sample == samples:
            samples, at = samples + frame.samples, frame.at
    return samples, at


def _first_frame(data: mmap.mmap, start: int) -> int:
    """Return where the metadata ends."""
    at, last = start + len(MARKER), False
    while not last and at + 4 <= len(data):
        last = bool(data[at] & 0x80)
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    return at


def _frames(data: mmap.mmap, at: int, stop: int, block_samples: int) -> Iterator[Frame]:
    """Yield everything that looks like a frame from ``at`` to ``stop``."""
    for sync in SYNC.finditer(data, at, stop):
        frame = _frame(data[sync.start() : sync.start() + LONGEST_HEADER], sync.start(), block_samples)
        if frame is not None:
            yield frame


def _frame(head: bytes, at: int, block_samples: int) -> Frame | None:
    """Return the frame that ``head`` begins, if its checksum is correct."""
    if len(head) < 6 or head[3] & 1:
        return None
    size_code, rate_code, position = head[2] >> 4, head[2] & 15, 5
    extra_bytes = 0 if head[4] < 0x80 else 8 - (head[4] ^ 0xFF).bit_length()
    if extra_bytes in (1, 8) or rate_code == 15 or not size_code:
        return None
    number = head[4] & (0x7F if not extra_bytes else (1 << 7 - extra_bytes) - 1)
    for byte in head[5 : 5 + max(0, extra_bytes - 1)]:
        number, position = number << 6 | byte & 0x3F, position + 1
    samples = BLOCK_SIZES[size_code]
    if samples is None:
        width = size_code - 5
        samples, position = int.from_bytes(head[position : position + width], "big") + 1, position + width
    position += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if position >= len(head) or _crc(head[:position]) != head[position]:
        return None
    numbered_by_samples = head[1] & 1
    return Frame(at, number if numbered_by_samples else number * block_samples, samples)


def _crc(data: bytes) -> int:
    """Return the 8-bit checksum of a frame header."""
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ (CRC_POLYNOMIAL if value & 0x80 else 0)) & 0xFF
    return value
