"""WAV and similar formats: files of chunks, one of which holds the audio, and where the audio really ends.

A recorder that streams, crashes or passes 4 GiB leaves a size that is too small, 0 or a placeholder.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from plugin_backend.audio_formats.byte_ranges import ByteRange, Content, Part, PartFile
from plugin_backend.audio_formats.chunk_families import CAF, W64, WAVE, WAVE_BIG_ENDIAN, Family, find_family
from plugin_backend.dsp.sanitize import MAX_SAMPLE
from plugin_backend.errors import AudioFileError

IN_DS64, LARGEST_RIFF = 0xFFFFFFFF, 0xFFFFFFFF
UNKNOWN = {0xFFFFFFFF, -1, 2**64 - 1}
"""Sizes that state that the size is not known."""

PLACEHOLDERS = UNKNOWN | {0x7FFFF000, 0x7FFFFFFF, 0x80000000, *range(0xFFFFFF00, 2**32), *range(2**64 - 256, 2**64)}
"""Sizes that programs write if they do not know the size."""

NO_LENGTH = "states no length: read to the end of the file"
MOST_CHUNKS = 10_000
LEAST_BYTES = 8
"""Fewer bytes after the audio are neither a chunk nor reported."""

BLOCK_BYTES = 2**20
NO_NAME = bytes(4)
NAMES = {4: re.compile(rb"[ -~]{4}"), 16: re.compile(rb"[ -~]{4}.{12}", re.DOTALL)}
AFTER_AUDIO = frozenset(
    b"LIST id3 ID3 bext iXML cue smpl inst JUNK junk PAD FLLR fact PEAK acid axml chna afsp cart link umid DISP COMM "
    b"COMT MARK INST NAME AUTH ANNO APPL MIDI info strg mark regn".split()
)
"""Chunks that stand after the audio. One of them shows that the audio ended, whatever follows."""

INSPECTED_SAMPLES, NOISE_RMS, NOISE_CORRELATION, TEXT_OFFSET = 4096, 0.5, 0.1, 0.25
"""Arbitrary bytes read as samples are this loud and uncorrelated; text has this offset. A recording has neither."""


@dataclass(frozen=True)
class Chunk:
    """A chunk: its name, where it and its body begin, and its body's size, all in bytes."""

    name: bytes
    at: int
    body: int
    size: int

    @property
    def end(self) -> int:
        """Where the body ends."""
        return self.body + self.size


@dataclass(frozen=True)
class Layout:
    """The chunks of a file.

    Attributes:
        end: where the file ends.
        chunks: all but the audio's, in order. The last may end past the file.
        audio: the one with the audio, with its true size; ``None`` if there is none.
        stated_bytes: the size that it states.
        remark: what is wrong with this size, in one line, or empty.
    """

    end: int
    chunks: list[Chunk] = field(default_factory=list)
    audio: Chunk | None = None
    stated_bytes: int = 0
    remark: str = ""

    @property
    def missing_bytes(self) -> int:
        """How much audio is missing at the end of the file."""
        stated = self.stated_bytes
        return max(0, self.audio.body + stated - self.end) if self.audio and stated not in PLACEHOLDERS else 0


def inspect_content(file: BinaryIO, family: Family) -> Content:
    """Return the audio of a file of chunks.

    Raises:
        AudioFileError: the audio is longer than its format allows.
    """
    layout = read_layout(file, family)
    if layout.audio is None:
        return Content()
    if missing := layout.missing_bytes:
        name = layout.audio.name[:4].decode("ascii")
        parts = (_part(file, family, layout),) if family is CAF else ()  # libsndfile would refuse it
        return Content(parts, cut_short=f"the file is cut short: its {name} chunk ends {missing} bytes past the file")
    file.seek(0)
    is_bw64 = file.read(4) == b"BW64"  # libsndfile does not know it
    reads_past = family is W64 and layout.audio.end + LEAST_BYTES <= layout.end  # libsndfile reads so
    if layout.audio.size == layout.stated_bytes and not is_bw64 and not reads_past:
        return Content(remarks=(layout.remark,) if layout.remark else ())
    return Content((_part(file, family, layout),), (layout.remark,) if layout.remark else ())


def next_recording(file: BinaryIO, family: Family, begins: Callable[[bytes], bool]) -> int | None:
    """Return where another recording follows the first one; ``None`` if there is none.

    Args:
        file: the file.
        family: its family.
        begins: whether a recording begins with these 12 bytes.
    """
    end = file.seek(0, 2)
    chunks: list[Chunk] = []
    for chunk in _walk(file, family, family.first, end, filler=True):
        chunks.append(chunk)
        if chunk.name == family.data:
            break
    if not chunks or chunks[-1].name != family.data:
        return None
    audio, size = chunks[-1], chunks[-1].size
    if size in (0, IN_DS64) and family is WAVE:
        size = _in_ds64(file, chunks) or 0
    if not 0 < size < end:
        return None
    at = audio.body + size
    for _ in range(MOST_CHUNKS):
        places = dict.fromkeys((family.after(at), at))
        for place in places:
            file.seek(place)
            if begins(file.read(12)):
                return place
        chunks_after = (_chunk_at(file, family, place, end, False) for place in places)
        following = next((found for found in chunks_after if found is not None), None)
        if following is None:
            return None
        at = following.end
    return None


def read_wave_chunk(path: Path, name: bytes, most_bytes: int) -> bytes | None:
    """Return the first bytes of the first chunk of that name in a WAVE file; ``None`` if there is none.

    Args:
        path: the file.
        name: name of the chunk.
        most_bytes: how many bytes to return at most.

    Raises:
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        family = find_family(file.read(12))
        if family not in (WAVE, WAVE_BIG_ENDIAN):
            return None
        chunk = next((chunk for chunk in read_layout(file, family).chunks if chunk.name == name), None)
        if chunk is None:
            return None
        file.seek(chunk.body)
        return file.read(min(most_bytes, chunk.size))


def read_layout(file: BinaryIO, family: Family) -> Layout:
    """Return the chunks of a file, and where its audio ends."""
    end = file.seek(0, 2)
    chunks: list[Chunk] = []
    for chunk in _walk(file, family, family.first, end, filler=True):
        if chunk.name == family.data:
            stated = _in_ds64(file, chunks) if chunk.size in (0, IN_DS64) and family is WAVE else None
            chunk = replace(chunk, size=stated if stated is not None else chunk.size)
            return _with_audio(file, family, Layout(end, chunks, chunk, chunk.size))
        chunks.append(chunk)
    return Layout(end, chunks)


def _in_ds64(file: BinaryIO, chunks: list[Chunk]) -> int | None:
    ds64 = next((chunk for chunk in chunks if chunk.name == b"ds64" and chunk.size >= 16), None)
    if ds64 is None:
        return None
    file.seek(ds64.body + 8)
    return struct.unpack("<Q", file.read(8))[0]


def _walk(file: BinaryIO, family: Family, at: int, end: int, filler: bool = False) -> Iterator[Chunk]:
    """Yield the chunks from ``at`` on that have names and end within the file. Known chunks may be cut short.

    A chunk of odd size may lack its padding byte. ``filler``: whether four zeros count as a name.
    """
    for _ in range(MOST_CHUNKS):
        chunk = _chunk_at(file, family, at, end, filler)
        if chunk is None:
            return
        yield chunk
        at = family.after(chunk.end)
        if at != chunk.end and _chunk_at(file, family, at, end, filler) is None:
            at = chunk.end


def _chunk_at(file: BinaryIO, family: Family, at: int, end: int, filler: bool) -> Chunk | None:
    if at + family.head_bytes > end:
        return None
    file.seek(at)
    head = file.read(family.head_bytes)
    name, size = head[: family.name_bytes], struct.unpack(family.size, head[family.name_bytes :])[0]
    if not (NAMES[family.name_bytes].fullmatch(name) or (filler and name == NO_NAME)):
        return None
    if family.whole and size not in PLACEHOLDERS:
        size = max(0, size - family.head_bytes)
    chunk = Chunk(name, at, at + family.head_bytes, size)
    fits = 0 <= size <= end - chunk.body
    return chunk if fits or name == family.data or name.strip() in AFTER_AUDIO else None


def _with_audio(file: BinaryIO, family: Family, layout: Layout) -> Layout:
    """Return the layout with the true size of the audio, and the chunks after it."""
    audio, stated, end = layout.audio, layout.stated_bytes, layout.end
    assert audio is not None

    def with_size(size: int, remark: str = "", chunks_after: Sequence[Chunk] = ()) -> Layout:
        return replace(layout, chunks=[*layout.chunks, *chunks_after], audio=replace(audio, size=size), remark=remark)

    if stated in PLACEHOLDERS and (stated < 0 or audio.end > end):
        return with_size(end - audio.body, "" if stated in UNKNOWN else NO_LENGTH)
    rest = end - audio.end
    if rest < 0:
        return with_size(end - audio.body)
    if (chunks_after := _chunks_after(file, family, audio.end, end)) is not None:
        return with_size(stated, chunks_after=chunks_after)
    if not stated:
        return with_size(rest, NO_LENGTH)
    whole = rest >> 32 << 32
    if whole and (chunks_after := _chunks_after(file, family, audio.end + whole, end)) is not None:
        return with_size(
            stated + whole, "is longer than the 4 GiB that its header can state: read to its end", chunks_after
        )
    if _is_filling(file, audio.end, end):
        return with_size(stated, f"{rest} bytes after its audio are left out: they are all equal")
    longer = with_size(
        stated + rest, f"continues {rest} bytes after the length that it states: read to the end of the file"
    )
    if not _is_sound(file, family, layout, longer):
        return with_size(stated, f"{rest} bytes after its audio are left out: they are not sound")
    return longer


def _chunks_after(file: BinaryIO, family: Family, at: int, end: int) -> list[Chunk] | None:
    """Return the chunks from where the audio would end to the end of the file; ``None`` if it does not end there."""
    for start in dict.fromkeys((family.after(at), at)):
        chunks = list(_walk(file, family, start, end))
        ended = end - (chunks[-1].end if chunks else start) < LEAST_BYTES
        if ended or (chunks and chunks[0].name.strip() in AFTER_AUDIO):
            return chunks
    return None


def _is_filling(file: BinaryIO, start: int, end: int) -> bool:
    """Return whether all bytes from ``start`` to ``end`` are equal."""
    file.seek(start)
    first = file.read(1)
    file.seek(start)
    while start < end:
        block = file.read(min(BLOCK_BYTES, end - start))
        if block.count(first) < len(block):
            return False
        start += len(block)
    return True


def _is_sound(file: BinaryIO, family: Family, short: Layout, longer: Layout) -> bool:
    """Return whether the bytes after the stated end can be samples of a recording."""
    import soundfile

    try:
        with soundfile.SoundFile(PartFile(file, _part(file, family, short))) as stated:
            frames = stated.frames
        with soundfile.SoundFile(PartFile(file, _part(file, family, longer))) as whole:
            whole.seek(frames)
            block = whole.read(INSPECTED_SAMPLES, dtype="float64", always_2d=True)
    except soundfile.LibsndfileError:
        return True  # libsndfile then reads or refuses it
    if not np.abs(block).max(initial=0.0) <= MAX_SAMPLE:
        return False
    power = np.square(block).mean() if len(block) > 1 else 0.0
    if power and abs(block.mean()) > TEXT_OFFSET:
        return False
    return power < NOISE_RMS**2 or abs((block[1:] * block[:-1]).mean()) > NOISE_CORRELATION * power


def _part(file: BinaryIO, family: Family, layout: Layout) -> Part:
    """Return the audio behind a header that states its true size. Other chunks come before it."""
    assert layout.audio is not None
    audio, others = layout.audio, [chunk for chunk in layout.chunks if chunk.name != b"ds64"]
    ranges = [ByteRange(chunk.at, min(layout.end, family.after(chunk.end))) for chunk in others]
    total = family.first + sum(map(len, ranges)) + family.head_bytes + audio.size - family.form_from
    file.seek(0)
    form = file.read(family.first)
    if family is WAVE and (form[:4] != b"RIFF" or total > LARGEST_RIFF):
        ds64 = struct.pack("<QQQI", total + 36, audio.size, 0, 0)
        form = b"RF64" + struct.pack("<I", IN_DS64) + b"WAVE" + WAVE.head(b"ds64", len(ds64)) + ds64
        return Part((form, *ranges, WAVE.head(audio.name, IN_DS64), ByteRange(audio.body, audio.end)))
    if family.form_size is not None:
        if total > LARGEST_RIFF and family is not W64:
            raise AudioFileError("longer than the 4 GiB that its format can be; give a WAV, CAF or W64 file")
        width = struct.calcsize(family.size)
        form = form[: family.form_size] + struct.pack(family.size, total) + form[family.form_size + width :]
    return Part((form, *ranges, family.head(audio.name, audio.size), ByteRange(audio.body, audio.end)))
