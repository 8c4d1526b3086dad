"""FLAC whose header states no length, or too little: its frames are numbered, so the last one says how long it is.

Format: RFC 9639. A frame header's own checksum tells it from other bytes. Files may follow one another in a file.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass

from plugin_backend.audio_formats.byte_ranges import ByteRange, Content, Part, join_recordings

MARKER = b"fLaC"
FIRST_HEADS = (b"\x00\x00\x00\x22", b"\x80\x00\x00\x22")
"""How the block begins that must follow the marker."""

STREAMINFO_BYTES, TOTAL_BITS = 34, 36
SYNC = re.compile(rb"\xff[\xf8\xf9]", re.DOTALL)
BLOCK_SIZES = (None, 192, 576, 1152, 2304, 4608, None, None, *(256 << n for n in range(8)))
LONGEST_HEADER = 16
LEAST_TAIL_BYTES = 2**16
CRC_POLYNOMIAL = 0x07


@dataclass(frozen=True)
class Frame:
    """A frame's place in the file, its first sample and its length in samples."""

    at: int
    first_sample: int
    samples: int


def inspect_content(data: mmap.mmap, start: int) -> Content:
    """The recordings of a file, one after another, each as long as its frames say.

    Args:
        data: the file.
        start: where its first stream begins, with its marker.
    """
    starts, at = [start], _first_frame(data, start)
    while (at := data.find(MARKER, at)) >= 0:
        begins = data[at + len(MARKER) : at + len(MARKER) + 4] in FIRST_HEADS
        if begins:
            starts.append(at)
        at = _first_frame(data, at) if begins else at + len(MARKER)
    stretches = [ByteRange(*each) for each in zip(starts, [*starts[1:], len(data)], strict=True)]
    return join_recordings([(stretch, _stream(data, stretch)) for stretch in stretches])


def _stream(data: mmap.mmap, stretch: ByteRange) -> Content:
    """One stream.

    Where the header states a length, only the end of the stream is looked at, and believed if it says the same.
    """
    start, stop = stretch.start, stretch.stop
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
    there, end = _counted(data, _first_frame(data, start), stop, block_samples)
    if there <= stated:
        return Content()
    right = (numbers & ~(2**TOTAL_BITS - 1) | there).to_bytes(8, "big")
    pieces = ByteRange(start, info_at + 10), right, ByteRange(info_at + 18, stop)
    remarks = [f"goes on after the {stated} samples that it states: all {there} are read"] * bool(stated)
    if stop - end > max(LEAST_TAIL_BYTES, 2 * largest_bytes):
        remarks.append(f"{stop - end} bytes after its frames are not read: damaged, or no audio")
    return Content((Part(pieces),), tuple(remarks))


def _counted(data: mmap.mmap, at: int, stop: int, block_samples: int) -> tuple[int, int]:
    """How many samples the frames in a row from ``at`` on hold, and where the last of them begins."""
    samples = 0
    for frame in _frames(data, at, stop, block_samples):
        if frame.first_sample == samples:
            samples, at = samples + frame.samples, frame.at
    return samples, at


def _first_frame(data: mmap.mmap, start: int) -> int:
    """Where the metadata ends."""
    at, last = start + len(MARKER), False
    while not last and at + 4 <= len(data):
        last = bool(data[at] & 0x80)
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    return at


def _frames(data: mmap.mmap, at: int, stop: int, block_samples: int) -> Iterator[Frame]:
    """Whatever looks like a frame from ``at`` to ``stop``."""
    for sync in SYNC.finditer(data, at, stop):
        frame = _frame(data[sync.start() : sync.start() + LONGEST_HEADER], sync.start(), block_samples)
        if frame is not None:
            yield frame


def _frame(head: bytes, at: int, block_samples: int) -> Frame | None:
    """The frame that ``head`` begins, if its checksum is right."""
    if len(head) < 6 or head[3] & 1:
        return None
    size_code, rate_code, position = head[2] >> 4, head[2] & 15, 5
    more = 0 if head[4] < 0x80 else 8 - (head[4] ^ 0xFF).bit_length()
    if more in (1, 8) or rate_code == 15 or not size_code:
        return None
    number = head[4] & (0x7F if not more else (1 << 7 - more) - 1)
    for byte in head[5 : 5 + max(0, more - 1)]:
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
    """The 8-bit checksum of a frame header."""
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ (CRC_POLYNOMIAL if value & 0x80 else 0)) & 0xFF
    return value
