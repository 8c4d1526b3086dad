"""MP3 and its older layers: a stream of frames, each with a header, counted from the first to the last.

Headers: ISO/IEC 11172-3, 13818-3 and Fraunhofer's MPEG 2.5. A first frame without sound may hold a count: Xing's
(``Xing`` or ``Info``, with LAME's decoder delay after it) or Fraunhofer's (``VBRI``). libsndfile takes the length from
that frame; without one it guesses from the size of the file and of its first frame, and stops there.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from plugin_backend.audio_formats.byte_ranges import ByteRange, Content, Part
from plugin_backend.errors import AudioFileError

CONFIRMED_FRAMES = 3
"""Where the stream was lost, so many frames in a row are a stream again."""

DECODER_DELAY_SAMPLES = 529
"""Of every decoder; libsndfile leaves it out, with the encoder's that LAME states, where there is Xing's frame."""

VBRI_OFFSET, SPARE_FRAMES = 36, 2
MOST_AFTER_BYTES = 2**16
"""Of tags after the last frame; libsndfile warns of more."""

BITRATES = {  # kbit/s by (MPEG 1 or not, layer); index 0 is free format, which is left to libsndfile
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES_HZ = (44_100, 48_000, 32_000)
MPEG_25, RESERVED, MPEG_2, MPEG_1 = range(4)
NOT_THE_END = bytes(8192)  # more than any frame
SECOND_BYTES = frozenset(byte for byte in range(0xE0, 0x100) if byte >> 3 & 3 != 1 and byte >> 1 & 3)
"""Of a header: neither version nor layer is reserved."""

MARKS, MARK_OFFSETS = (b"Xing", b"Info", b"VBRI"), (13, 21, 36)
TAGS = (b"ID3", b"TAG", b"APE", b"LYR")


@dataclass(frozen=True)
class Frame:
    """What a header says; frames of one stream share ``kind``: version, layer, rate in Hz, channels."""

    size_bytes: int
    samples: int
    kind: tuple[int, int, int, int]

    @property
    def count_offset(self) -> int:
        """Where Xing's count begins in a frame of layer III: after header and side information."""
        version, _, _, channels = self.kind
        return 4 + ((17, 32) if version == MPEG_1 else (9, 17))[channels - 1]


@dataclass
class Stream:
    """Frames of one kind, and what the frame before them states.

    Attributes:
        head: that frame, if it is Xing's; libsndfile reads it.
    """

    first: Frame
    stated_frames: int | None = None
    delay_samples: int = 0
    head: ByteRange | None = None
    frames: int = 0
    largest_bytes: int = 0
    stretches: list[ByteRange] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Whether libsndfile reads all of it."""
        return self.head is not None and self.stated_frames == self.frames

    def add(self, start: int, stop: int, frames: int, largest_bytes: int) -> None:
        """Take in frames in a row."""
        self.frames, self.largest_bytes = self.frames + frames, max(self.largest_bytes, largest_bytes)
        self.stretches.append(ByteRange(start, stop))


@lru_cache(4096)
def parse_header(word: bytes) -> Frame | None:
    """The frame that four bytes begin, or None."""
    if len(word) < 4 or word[0] != 0xFF or word[1] < 0xE0:
        return None
    version, layer = word[1] >> 3 & 3, 4 - (word[1] >> 1 & 3)
    bitrate, rate = word[2] >> 4, word[2] >> 2 & 3
    if version == RESERVED or layer == 4 or bitrate in (0, 15) or rate == 3:
        return None
    rate_hz = RATES_HZ[rate] >> {MPEG_1: 0, MPEG_2: 1, MPEG_25: 2}[version]
    bits_per_s, padding = 1000 * BITRATES[version == MPEG_1, layer][bitrate], word[2] >> 1 & 1
    samples = {1: 384, 2: 1152}.get(layer, 1152 if version == MPEG_1 else 576)
    if layer == 1:
        size_bytes = 4 * (12 * bits_per_s // rate_hz + padding)
    else:
        size_bytes = samples // 8 * bits_per_s // rate_hz + padding
    return Frame(size_bytes, samples, (version, layer, rate_hz, 1 if word[3] >> 6 == 3 else 2))


def is_mpeg(head: bytes, is_whole: bool) -> bool:
    """Whether a file that begins with these bytes is an MPEG stream: it has an ID3 tag, or frames in a row.

    ``is_whole``: whether these are all bytes of the file.
    """
    if head[:3] == b"ID3":
        return True
    data = head if is_whole else head + NOT_THE_END
    return _next_frame(data, 0) < len(data)


def inspect_content(data: mmap.mmap) -> Content:
    """The streams of a file, each as long as the frames that are there.

    Raises:
        AudioFileError: streams of different rates or channels are joined.
    """
    streams = [stream for stream in _streams(data) if stream.frames]
    kinds = {stream.first.kind[2:] for stream in streams}
    if len(kinds) > 1:
        told = " and ".join(f"{rate} Hz with {channels} channel{'s' * (channels > 1)}" for rate, channels in kinds)
        raise AudioFileError(f"recordings of {told} are joined in it; give them as files of their own")
    ends = streams[-1].stretches[-1].stop if streams else 0
    if not streams or (len(streams) == 1 and streams[0].is_right and len(data) - ends < MOST_AFTER_BYTES):
        return Content()
    remarks, cut_short = [], ""
    if len(streams) > 1:
        remarks.append(f"{len(streams)} recordings joined: read as one")
    for stream in streams:
        stated = stream.stated_frames or stream.frames
        if stated > stream.frames + 1:
            cut_short = f"the file is cut short: it holds {stream.frames} of the {stated} frames that it states"
        elif stated < stream.frames - 1:
            remarks.append(f"goes on after the {stated} frames that it states: all {stream.frames} are read")
    return Content(tuple(map(_part, streams)), tuple(dict.fromkeys(remarks)), cut_short)


def _part(stream: Stream) -> Part:
    if stream.is_right:
        return Part((stream.head, *stream.stretches))
    return Part(
        tuple(stream.stretches),
        length_samples=max(0, stream.frames * stream.first.samples - stream.delay_samples),
        skip_samples=stream.delay_samples,
        claimed_bytes=(stream.frames + SPARE_FRAMES) * stream.largest_bytes,
    )


def _streams(data: mmap.mmap) -> Iterator[Stream]:
    """Each stream of the file in turn."""
    marked = {place - offset for mark in MARKS for place in _places(data, mark) for offset in MARK_OFFSETS}
    at, stream = 0, None
    while at + 4 <= len(data):
        frame = parse_header(data[at : at + 4])
        goes_on = frame is not None and stream is not None and frame.kind == stream.first.kind
        if frame is None or not (goes_on or _confirmed(data, at)):
            at = _after_tag(data, at) or _next_frame(data, at + 1)
            continue
        if at + frame.size_bytes > len(data):
            break
        place = ByteRange(at, at + frame.size_bytes)
        stated = _stated(data, place, frame) if at in marked else None
        if stated is not None or not goes_on:
            if stream is not None:
                yield stream
            stream = Stream(frame, *(stated or ()))
        at = place.stop if stated is not None else _take(data, at, stream, marked)
    if stream is not None:
        yield stream


def _take(data: mmap.mmap, start: int, stream: Stream, marked: set[int]) -> int:
    """Give the stream the frames in a row from ``start`` on; return where they end, or where one may be no sound."""
    at, end, kind, frames, largest_bytes = start, len(data), stream.first.kind, 0, 0
    while (frame := parse_header(data[at : at + 4])) is not None and frame.kind == kind:
        stop = at + frame.size_bytes
        if stop > end or (frames and at in marked):
            break
        frames, largest_bytes, at = frames + 1, max(largest_bytes, frame.size_bytes), stop
    stream.add(start, at, frames, largest_bytes)
    return at


def _stated(data: mmap.mmap, place: ByteRange, frame: Frame) -> tuple[int | None, int, ByteRange | None] | None:
    """Of a frame without sound the count of frames, the decoder's delay, and itself if it is Xing's; else None."""
    if frame.kind[1] != 3:
        return None
    at = place.start + VBRI_OFFSET
    if data[at : at + 4] == b"VBRI":
        return int.from_bytes(data[at + 14 : at + 18], "big") or None, 0, None
    at = place.start + frame.count_offset
    if data[at : at + 4] not in (b"Xing", b"Info"):
        return None
    xing = data[at : place.stop]
    flags = int.from_bytes(xing[4:8], "big")
    count = int.from_bytes(xing[8:12], "big") if flags & 1 else None
    lame = xing[8 + sum(size for bit, size in enumerate((4, 4, 100, 4)) if flags >> bit & 1) :]
    return count, DECODER_DELAY_SAMPLES + (int.from_bytes(lame[21:24], "big") >> 12), place


def _confirmed(data: mmap.mmap | bytes, at: int, frames: int = CONFIRMED_FRAMES) -> bool:
    """Whether ``frames`` frames of one kind follow one another, or fewer up to a tag or the end."""
    kind = None
    for _ in range(frames):
        word = data[at : at + 4]
        if kind is not None and (not word or word[:3] in TAGS):
            return True
        frame = parse_header(word)
        if frame is None or kind not in (None, frame.kind):
            return False
        kind, at = frame.kind, at + frame.size_bytes
    return True


def end_of_tags(data: mmap.mmap) -> int:
    """Where the ID3v2 tags at the beginning of a file end."""
    at = 0
    while (after := _after_tag(data, at)) is not None:
        at = after
    return at


def _after_tag(data: mmap.mmap, at: int) -> int | None:
    """Where an ID3v2 tag that begins here ends, if one does."""
    head = data[at : at + 10]
    if head[:3] != b"ID3" or len(head) < 10 or any(byte > 127 for byte in head[6:]):
        return None
    size = sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    return at + 10 + size + 10 * (head[5] >> 4 & 1)


def _next_frame(data: mmap.mmap | bytes, start: int) -> int:
    """Where the stream goes on, or the end of the file; a tag on the way is for the caller to jump over."""
    at, last = start, len(data) - 3
    while 0 <= (found := data.find(b"\xff", at)) < last:
        if (tag := data.find(b"ID3", at, found)) >= 0:
            return tag
        if data[found + 1] in SECOND_BYTES and _confirmed(data, found):
            return found
        at = found + 1
    tag = data.find(b"ID3", at)
    return tag if tag >= 0 else len(data)


def _places(data: mmap.mmap, mark: bytes) -> Iterator[int]:
    """Where some bytes are in the file."""
    at = data.find(mark)
    while at >= 0:
        yield at
        at = data.find(mark, at + 1)
