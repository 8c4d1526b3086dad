"""WAV and its kin: files of chunks, one of which holds the audio, and where that really ends.

A recorder that streams, crashes or passes 4 GiB leaves a size that is too small, 0 or a placeholder. Formats: IBM and
Microsoft (RIFF, 1991), EBU Tech 3306 (RF64: 64-bit sizes in a ``ds64`` chunk), Apple (AIFF, CAF), Sony (Wave64).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from plugin_backend.audio_formats.byte_ranges import ByteRange, Content, Part, PartFile
from plugin_backend.dsp.sanitize import MAX_SAMPLE
from plugin_backend.errors import AudioFileError

IN_DS64, LARGEST_RIFF = 0xFFFFFFFF, 0xFFFFFFFF
UNKNOWN = {0xFFFFFFFF, -1, 2**64 - 1}
"""Sizes that say that they are not known."""

PLACEHOLDERS = UNKNOWN | {0x7FFFF000, 0x7FFFFFFF, 0x80000000, *range(0xFFFFFF00, 2**32), *range(2**64 - 256, 2**64)}
"""Sizes that programs write which do not know them."""

NO_LENGTH = "states no length: read to the end of the file"
MOST_CHUNKS = 10_000
LEAST_BYTES = 8
"""Fewer bytes after the audio are neither a chunk nor worth a word."""

BLOCK_BYTES = 2**20
NO_NAME = bytes(4)
NAMES = {4: re.compile(rb"[ -~]{4}"), 16: re.compile(rb"[ -~]{4}.{12}", re.DOTALL)}
AFTER_AUDIO = frozenset(
    b"LIST id3 ID3 bext iXML cue smpl inst JUNK junk PAD FLLR fact PEAK acid axml chna afsp cart link umid DISP COMM "
    b"COMT MARK INST NAME AUTH ANNO APPL MIDI info strg mark regn".split()
)
"""Chunks that stand after the audio: one of them there is sign enough that the audio ended, whatever follows."""

INSPECTED_SAMPLES, NOISE_RMS, NOISE_CORRELATION, TEXT_OFFSET = 4096, 0.5, 0.1, 0.25
"""Any bytes taken for samples are so loud with nothing alike from one to the next; text has such an offset: a
recording has neither.
"""


@dataclass(frozen=True)
class Family:
    """How the files of one family are laid out.

    Attributes:
        first: where the first chunk begins.
        data: the name of the chunk with the audio.
        size: how a chunk's size is written, as in :mod:`struct`.
        name_bytes: of a chunk's name.
        align: chunks begin at a multiple of it.
        whole: whether sizes count the chunk's name and size too.
        form_size: where the size of the whole file stands; it counts from ``form_from``. None without one.
    """

    first: int
    data: bytes
    size: str
    name_bytes: int = 4
    align: int = 2
    whole: bool = False
    form_size: int | None = 4
    form_from: int = 8

    @property
    def head_bytes(self) -> int:
        """Of a chunk's name and size."""
        return self.name_bytes + struct.calcsize(self.size)

    def head(self, name: bytes, body_bytes: int) -> bytes:
        """A chunk's name and size."""
        return name + struct.pack(self.size, body_bytes + self.head_bytes * self.whole)

    def after(self, end: int) -> int:
        """Where the next chunk begins after a body that ends at ``end``."""
        return -(-end // self.align) * self.align


WAVE, WAVE_BIG_ENDIAN = Family(12, b"data", "<I"), Family(12, b"data", ">I")
AIFF, CAF = Family(12, b"SSND", ">I"), Family(8, b"data", ">q", align=1, form_size=None)
W64 = Family(
    40, b"data" + bytes.fromhex("f3acd3118cd100c04f8edb8a"), "<Q", 16, align=8, whole=True, form_size=16, form_from=0
)


def find_family(head: bytes) -> Family | None:
    """The family of a file that begins with these 12 bytes; None of another."""
    form, kind = head[:4], head[8:12]
    if form == b"RIFX" and kind == b"WAVE":
        return WAVE_BIG_ENDIAN
    if form in (b"RIFF", b"RF64", b"BW64") and kind == b"WAVE":
        return WAVE
    if form == b"FORM" and kind in (b"AIFF", b"AIFC"):
        return AIFF
    return {b"caff": CAF, b"riff": W64}.get(form)


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
        chunks: all but the audio's, in their order; the last may end past the file.
        audio: the one with the audio, of the size that it really has; None without one.
        stated_bytes: the size that it states.
        remark: what is wrong about that, in a line; or empty.
        end: where the file ends.
    """

    end: int
    chunks: list[Chunk] = field(default_factory=list)
    audio: Chunk | None = None
    stated_bytes: int = 0
    remark: str = ""

    @property
    def missing_bytes(self) -> int:
        """How much audio the file lacks at its end."""
        stated = self.stated_bytes
        return max(0, self.audio.body + stated - self.end) if self.audio and stated not in PLACEHOLDERS else 0


def inspect_content(file: BinaryIO, family: Family) -> Content:
    """The audio of a file of chunks.

    Raises:
        AudioFileError: it is longer than its format can be.
    """
    layout = read_layout(file, family)
    if layout.audio is None:
        return Content()
    if missing := layout.missing_bytes:
        name = layout.audio.name[:4].decode("ascii")
        parts = (_part(file, family, layout),) if family is CAF else ()  # which libsndfile would refuse
        return Content(parts, cut_short=f"the file is cut short: its {name} chunk ends {missing} bytes past the file")
    file.seek(0)
    is_bw64 = file.read(4) == b"BW64"  # which libsndfile does not know
    goes_past = family is W64 and layout.audio.end + LEAST_BYTES <= layout.end  # as libsndfile does
    if layout.audio.size == layout.stated_bytes and not is_bw64 and not goes_past:
        return Content(remarks=(layout.remark,) if layout.remark else ())
    return Content((_part(file, family, layout),), (layout.remark,) if layout.remark else ())


def next_recording(file: BinaryIO, family: Family, begins: Callable[[bytes], bool]) -> int | None:
    """Where another recording is joined to the one that a file begins with; None where none is.

    Args:
        begins: whether a recording begins with these 12 bytes.
    """
    end, chunks = file.seek(0, 2), []
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
        after = (_chunk_at(file, family, place, end, False) for place in places)
        chunk = next((chunk for chunk in after if chunk is not None), None)
        if chunk is None:
            return None
        at = chunk.end
    return None


def read_wave_chunk(path: Path, name: bytes, most_bytes: int) -> bytes | None:
    """The first bytes of the first chunk of that name in a WAVE file; None without one, or of another file.

    Raises:
        OSError: it cannot be read.
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
    """The chunks of a file, and where its audio ends."""
    end, chunks = file.seek(0, 2), []
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
    """The chunks from ``at`` on, as long as they have names and end within the file; known ones may be cut short.

    A chunk of odd size may lack the byte that fills it up. ``filler``: whether four zeros are a name, too.
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
    """The layout with the audio's true size, and the chunks after it."""
    audio, stated, end = layout.audio, layout.stated_bytes, layout.end

    def sized(size: int, remark: str = "", after: list[Chunk] = ()) -> Layout:
        return replace(layout, chunks=[*layout.chunks, *after], audio=replace(audio, size=size), remark=remark)

    if stated in PLACEHOLDERS and (stated < 0 or audio.end > end):
        return sized(end - audio.body, "" if stated in UNKNOWN else NO_LENGTH)
    rest = end - audio.end
    if rest < 0:
        return sized(end - audio.body)
    if (after := _chunks_after(file, family, audio.end, end)) is not None:
        return sized(stated, after=after)
    if not stated:
        return sized(rest, NO_LENGTH)
    whole = rest >> 32 << 32
    if whole and (after := _chunks_after(file, family, audio.end + whole, end)) is not None:
        return sized(stated + whole, "is longer than the 4 GiB that its header can state: read to its end", after)
    if _is_filling(file, audio.end, end):
        return sized(stated, f"{rest} bytes after its audio are left out: they are all the same")
    longer = sized(stated + rest, f"goes on {rest} bytes after the length that it states: read to the end of the file")
    if not _is_sound(file, family, layout, longer):
        return sized(stated, f"{rest} bytes after its audio are left out: they are no sound")
    return longer


def _chunks_after(file: BinaryIO, family: Family, at: int, end: int) -> list[Chunk] | None:
    """The chunks from where the audio would end to the end of the file; None if it does not end there."""
    for start in dict.fromkeys((family.after(at), at)):
        chunks = list(_walk(file, family, start, end))
        ended = end - (chunks[-1].end if chunks else start) < LEAST_BYTES
        if ended or (chunks and chunks[0].name.strip() in AFTER_AUDIO):
            return chunks
    return None


def _is_filling(file: BinaryIO, start: int, end: int) -> bool:
    """Whether all bytes from ``start`` to ``end`` are alike."""
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
    """Whether what follows the stated end can be a recording's samples."""
    import soundfile

    try:
        with soundfile.SoundFile(PartFile(file, _part(file, family, short))) as stated:
            frames = stated.frames
        with soundfile.SoundFile(PartFile(file, _part(file, family, longer))) as whole:
            whole.seek(frames)
            block = whole.read(INSPECTED_SAMPLES, dtype="float64", always_2d=True)
    except soundfile.LibsndfileError:
        return True  # and read as what it is, or refused
    if not np.abs(block).max(initial=0.0) <= MAX_SAMPLE:
        return False
    power = np.square(block).mean() if len(block) > 1 else 0.0
    if power and abs(block.mean()) > TEXT_OFFSET:
        return False
    return power < NOISE_RMS**2 or abs((block[1:] * block[:-1]).mean()) > NOISE_CORRELATION * power


def _part(file: BinaryIO, family: Family, layout: Layout) -> Part:
    """The audio behind a header that states its size; other chunks come before it."""
    audio, others = layout.audio, [chunk for chunk in layout.chunks if chunk.name != b"ds64"]
    stretches = [ByteRange(chunk.at, min(layout.end, family.after(chunk.end))) for chunk in others]
    total = family.first + sum(map(len, stretches)) + family.head_bytes + audio.size - family.form_from
    file.seek(0)
    form = file.read(family.first)
    if family is WAVE and (form[:4] != b"RIFF" or total > LARGEST_RIFF):
        ds64 = struct.pack("<QQQI", total + 36, audio.size, 0, 0)
        form = b"RF64" + struct.pack("<I", IN_DS64) + b"WAVE" + WAVE.head(b"ds64", len(ds64)) + ds64
        return Part((form, *stretches, WAVE.head(audio.name, IN_DS64), ByteRange(audio.body, audio.end)))
    if family.form_size is not None:
        if total > LARGEST_RIFF and family is not W64:
            raise AudioFileError("longer than the 4 GiB that its format can be; give a WAV, CAF or W64 file")
        width = struct.calcsize(family.size)
        form = form[: family.form_size] + struct.pack(family.size, total) + form[family.form_size + width :]
    return Part((form, *stretches, family.head(audio.name, audio.size), ByteRange(audio.body, audio.end)))
