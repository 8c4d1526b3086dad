"""MP3 and its older layers: a stream of frames, each with a header, counted from the first to the last.

Headers: ISO/IEC 11172-3, 13818-3 and Fraunhofer's MPEG 2.5. A first frame without sound may hold a count: Xing's
(``Xing`` or ``Info``, with LAME's decoder delay after it) or Fraunhofer's (``VBRI``). libsndfile takes the length from
that frame. Without one it guesses the length from the sizes of the file and of its first frame, and stops there.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from plugin_backend.audio_formats.byte_ranges import ByteRange, Content, Part
from plugin_backend.errors import AudioFileError

CONFIRMED_FRAMES = 3
"""After a gap, this number of consecutive frames is a stream again."""

DECODER_DELAY_SAMPLES = 529
"""Delay of every decoder.

If there is Xing's frame, libsndfile removes it, with the encoder's delay that LAME states.
"""

VBRI_OFFSET, SPARE_FRAMES = 36, 2
MOST_AFTER_BYTES = 2**16
"""Size of tags after the last frame; libsndfile warns of more."""

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
"""Second bytes of a header in which neither version nor layer is reserved."""

MARKS, MARK_OFFSETS = (b"Xing", b"Info", b"VBRI"), (13, 21, 36)
TAGS = (b"ID3", b"TAG", b"APE", b"LYR")


@dataclass(frozen=True)
class Frame:
    """The content of a header. The frames of a stream share ``kind``: version, layer, rate in Hz, channels."""

    size_bytes: int
    samples: int
    kind: tuple[int, int, int, int]

    @property
    def count_offset(self) -> int:
        """Position of Xing's count in a frame of layer III: after header and side information."""
        version, _, _, channels = self.kind
        return 4 + ((17, 32) if version == MPEG_1 else (9, 17))[channels - 1]


@dataclass
class Stream:
    """Frames of one kind, and what the frame before them states.

    Attributes:
        first: the first frame.
        stated_frames: stated number of frames, if any.
        delay_samples: samples to skip.
        head: the range of the frame before them, if it is Xing's; libsndfile reads it.
        frames: number of frames.
        largest_bytes: size of the largest frame.
        stretches: ranges of the frames.
    """

    first: Frame
    stated_frames: int | None = None
    delay_samples: int = 0
    head: ByteRange | None = None
    frames: int = 0
    largest_bytes: int = 0
    ranges: list[ByteRange] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Whether libsndfile reads all of it."""
        return self.head is not None and self.stated_frames == self.frames

    def add(self, start: int, stop: int, frames: int, largest_bytes: int) -> None:
        """Add consecutive frames.

        Args:
            start: where they begin.
            stop: where they end.
            frames: their number.
            largest_bytes: size of the largest.
        """
        self.frames, self.largest_bytes = self.frames + frames, max(self.largest_bytes, largest_bytes)
        self.ranges.append(ByteRange(start, stop))


@lru_cache(4096)
def parse_header(word: bytes) -> Frame | None:
    """Return the frame that four bytes begin, or ``None``."""
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
    """Return whether a file that begins with these bytes is an MPEG stream: it has an ID3 tag, or consecutive frames.

    ``is_whole``: whether these are all bytes of the file.
    """
    if head[:3] == b"ID3":
        return True
    data = head if is_whole else head + NOT_THE_END
    return _next_frame(data, 0) < len(data)


def inspect_content(data: mmap.mmap) -> Content:
    """Return the streams of a file, each as long as its frames.

    Raises:
        AudioFileError: streams of different rates or channels are joined.
    """
    streams = [stream for stream in _streams(data) if stream.frames]
    kinds = {stream.first.kind[2:] for stream in streams}
    if len(kinds) > 1:
        texts = (f"{rate} Hz with {channels} channel{'s' * (channels > 1)}" for rate, channels in kinds)
        raise AudioFileError(f"recordings of {' and '.join(texts)} are joined in it; give them as files of their own")
    ends = streams[-1].ranges[-1].stop if streams else 0
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
            remarks.append(f"continues after the {stated} frames that it states: all {stream.frames} are read")
    return Content(tuple(map(_part, streams)), tuple(dict.fromkeys(remarks)), cut_short)


def _part(stream: Stream) -> Part:
    if stream.is_right and stream.head is not None:
        return Part((stream.head, *stream.ranges))
    return Part(
        tuple(stream.ranges),
        length_samples=max(0, stream.frames * stream.first.samples - stream.delay_samples),
        skip_samples=stream.delay_samples,
        claimed_bytes=(stream.frames + SPARE_FRAMES) * stream.largest_bytes,
    )


def _streams(data: mmap.mmap) -> Iterator[Stream]:
    """Yield each stream of the file."""
    marked = {frame_range - offset for mark in MARKS for frame_range in _places(data, mark) for offset in MARK_OFFSETS}

    at = 0
    stream: Stream | None = None
    while at + 4 <= len(data):
        frame = parse_header(data[at : at + 4])
        continues = frame is not None and stream is not None and frame.kind == stream.first.kind
        if frame is None or not (continues or _confirmed(data, at)):
            at = _after_tag(data, at) or _next_frame(data, at + 1)
            continue
        if at + frame.size_bytes > len(data):
            break
        frame_range = ByteRange(at, at + frame.size_bytes)
        stated = _stated(data, frame_range, frame) if at in marked else None
        if stated is not None or not continues:
            if stream is not None:
                yield stream
            stream = Stream(frame, *(stated or ()))
        assert stream is not None
        at = frame_range.stop if stated is not None else _add_frames(data, at, stream, marked)
    if stream is not None:
        yield stream


def _add_frames(data: mmap.mmap, start: int, stream: Stream, marked: set[int]) -> int:
    """Add the consecutive frames from ``start`` on to the stream.

    Return where they end, or where one may hold no sound.
    """
    at, end, kind, frames, largest_bytes = start, len(data), stream.first.kind, 0, 0
    while (frame := parse_header(data[at : at + 4])) is not None and frame.kind == kind:
        stop = at + frame.size_bytes
        if stop > end or (frames and at in marked):
            break
        frames, largest_bytes, at = frames + 1, max(largest_bytes, frame.size_bytes), stop
    stream.add(start, at, frames, largest_bytes)
    return at


def _stated(data: mmap.mmap, frame_range: ByteRange, frame: Frame) -> tuple[int | None, int, ByteRange | None] | None:
    """Return what a frame without sound states, or ``None`` for other frames.

    Returns:
        The number of frames, the decoder's delay, and the frame's range if it is Xing's.
    """
    if frame.kind[1] != 3:
        return None
    at = frame_range.start + VBRI_OFFSET
    if data[at : at + 4] == b"VBRI":
        return int.from_bytes(data[at + 14 : at + 18], "big") or None, 0, None
    at = frame_range.start + frame.count_offset
    if data[at : at + 4] not in (b"Xing", b"Info"):
        return None
    xing = data[at : frame_range.stop]
    flags = int.from_bytes(xing[4:8], "big")
    count = int.from_bytes(xing[8:12], "big") if flags & 1 else None
    lame = xing[8 + sum(size for bit, size in enumerate((4, 4, 100, 4)) if flags >> bit & 1) :]
    return count, DECODER_DELAY_SAMPLES + (int.from_bytes(lame[21:24], "big") >> 12), frame_range


def _confirmed(data: mmap.mmap | bytes, at: int, frames: int = CONFIRMED_FRAMES) -> bool:
    """Return whether ``frames`` consecutive frames of one kind follow, or fewer up to a tag or the end."""
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
    """Return where the ID3v2 tags at the beginning of a file end."""
    at = 0
    while (after := _after_tag(data, at)) is not None:
        at = after
    return at


def _after_tag(data: mmap.mmap, at: int) -> int | None:
    """Return where the ID3v2 tag that begins here ends, or ``None``."""
    head = data[at : at + 10]
    if head[:3] != b"ID3" or len(head) < 10 or any(byte > 127 for byte in head[6:]):
        return None
    size = sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    return at + 10 + size + 10 * (head[5] >> 4 & 1)


def _next_frame(data: mmap.mmap | bytes, start: int) -> int:
    """Return where the stream continues, or the end of the file. It stops at a tag, which the caller skips."""
    at, last = start, len(data) - 3
    while 0 <= (position := data.find(b"\xff", at)) < last:
        if (tag := data.find(b"ID3", at, position)) >= 0:
            return tag
        if data[position + 1] in SECOND_BYTES and _confirmed(data, position):
            return position
        at = position + 1
    tag = data.find(b"ID3", at)
    return tag if tag >= 0 else len(data)


def _places(data: mmap.mmap, mark: bytes) -> Iterator[int]:
    """Yield the positions of some bytes in the file."""
    at = data.find(mark)
    while at >= 0:
        yield at
        at = data.find(mark, at + 1)
