"""Read guide recordings: a Broadcast-WAV file is one region at its time stamp, and its cue points are markers.

The chunks are read here. wavinfo (4.0.1), which the tests compare with, loops 2^32 times over a hostile ds64 chunk,
expands XML entities, and confuses a byte of a long range's length with its text's code page.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, NoReturn

from plugin_backend.audio_formats.chunk_families import WAVE, find_family
from plugin_backend.audio_formats.wav_chunks import MOST_CHUNKS, NO_NAME, read_layout
from plugin_backend.errors import CueSheetError
from render.cues.readers.text_reading import check_within_day, decode_text, error_at
from render.cues.readers.timeline_builder import clean_name, exact_rate, with_counted_rate
from render.cues.sheet_file import SheetSource, open_sheet
from render.cues.timeline import Timeline, TimelineItem
from render.project.timecode import Clock, round_half_up
from render.wav.bext import TIME_REFERENCE_OFFSET

KEPT = (b"fmt ", b"ds64", b"bext", b"iXML", b"cue ")
FILLERS = (b"JUNK", b"junk", b"FLLR", b"PAD ", b"fact", NO_NAME)
MOST_POINTS = 100_000
LARGEST_CHUNK = 4 * 2**20
DESCRIPTION, ORIGINATOR = slice(0, 256), slice(256, 288)
RATE = re.compile(r"[1-9][0-9]{0,5}(/[1-9][0-9]{0,5}|\.[0-9]{1,6})?")
FLAGS = {"DF": True, "NDF": False}
IXML = {"project": "PROJECT", "scene": "SCENE", "take": "TAKE", "tape": "TAPE", "ixml_note": "NOTE"}


@dataclass
class Wave:
    """The chunks of a WAVE file: the kept ones, by name, and the texts of cue points, by the points' numbers."""

    chunks: dict[bytes, bytes] = field(default_factory=dict)
    adtl: dict[bytes, dict[int, bytes]] = field(default_factory=lambda: {b"labl": {}, b"note": {}, b"ltxt": {}})
    audio_bytes: int | None = None
    unread: list[str] = field(default_factory=list)
    remark: str = ""


def is_bwf(head: bytes) -> bool:
    """Return whether a file begins as a WAVE file."""
    return find_family(head[:12]) is WAVE


def read_bwf(source: SheetSource, clock: Clock) -> Timeline:
    """Read a recording's position: one region of its whole length, named after the file, and its cue points.

    A cue point with a length is a region too. ``row`` is 1 for the recording; cue points count on from 2. ``extra`` of
    the recording may hold ``originator`` (bext), ``project``, ``scene``, ``take``, ``tape`` and ``ixml_note`` (iXML).

    Args:
        source: RIFF, RF64 or BW64, of any length; the audio is not read.
        clock: the programme's time base; iXML may state a rate (TIMECODE_RATE, TIMECODE_FLAG).

    Raises:
        CueSheetError: damaged or cut off, of another rate than the clock's, or with a time stamp at another sample rate
            than its audio.
    """
    with open_sheet(source) as sheet, error_at(file=sheet.path):
        try:
            sheet.file.seek(0)
            wave = _read(sheet.file)
        except OSError as error:
            raise CueSheetError(f"cannot be read: {error.strerror}") from error
        return _timeline(wave, sheet.path, clock)


def _read(file: BinaryIO) -> Wave:
    if not is_bwf(file.read(12)):
        raise CueSheetError("not a WAVE file")
    layout = read_layout(file, WAVE)
    if len(layout.chunks) >= MOST_CHUNKS:
        raise CueSheetError(f"over {MOST_CHUNKS} chunks: damaged")
    wave = Wave(audio_bytes=layout.audio.size if layout.audio else None, remark=layout.remark)
    if layout.audio is not None and (missing := layout.missing_bytes):
        _cut_off(layout.audio.name, layout.audio.size + missing, layout.audio.size)
    for chunk in layout.chunks:
        if chunk.end > layout.end:
            _cut_off(chunk.name, chunk.size, layout.end - chunk.body)
        file.seek(chunk.body)
        _keep(wave, chunk.name, chunk.size, file)
    return wave


def _cut_off(name: bytes, stated_bytes: int, present_bytes: int) -> NoReturn:
    raise CueSheetError(f"cut off: {name!r} should have {stated_bytes} bytes, but has {present_bytes}")


def _keep(wave: Wave, name: bytes, size: int, file: BinaryIO) -> None:
    if name in FILLERS:
        return
    kind = file.read(4) if name == b"LIST" and size >= 4 else b""
    if (name not in KEPT and kind != b"adtl") or name in wave.chunks:
        wave.unread.append(clean_name((name + kind).decode("latin-1")))
        return
    if size > LARGEST_CHUNK:
        raise CueSheetError(f"{name!r} of {size} bytes: at most {LARGEST_CHUNK} bytes of a chunk are read")
    content = file.read(size - len(kind))
    if kind != b"adtl":
        wave.chunks[name] = content
        return
    position = 0
    while position + 12 <= len(content):
        name, size, point = struct.unpack_from("<4sII", content, position)
        wave.adtl.get(name, {}).setdefault(point, content[position + 12 : position + 8 + size])
        position += 8 + size + size % 2


def _timeline(wave: Wave, path: Path, clock: Clock) -> Timeline:
    rate_hz, frame_bytes = struct.unpack_from("<4xI4xH", wave.chunks.get(b"fmt ", b"").ljust(14, b"\0"))
    if not rate_hz or not frame_bytes or wave.audio_bytes is None:
        raise CueSheetError("not a whole WAVE file: it has no format or no audio")
    remarks = [wave.remark] * bool(wave.remark)
    remarks += [f"chunks not read: {', '.join(sorted(set(wave.unread)))}"] * bool(wave.unread)
    ixml = _ixml(wave.chunks.get(b"iXML", b""), remarks)
    bext = wave.chunks.get(b"bext")
    reference = None
    if bext is None:
        remarks.append("no time stamp (bext): placed at the programme's start")
    elif len(bext) < TIME_REFERENCE_OFFSET + 8:
        raise CueSheetError(f"cut off: its bext chunk has {len(bext)} bytes")
    else:
        reference = struct.unpack_from("<Q", bext, TIME_REFERENCE_OFFSET)[0]
        if (stamped := ixml.get("TIMESTAMP_SAMPLE_RATE", str(rate_hz))) != str(rate_hz):
            raise CueSheetError(f"pulled up or down: time stamp at {stamped[:20]} Hz, audio at {rate_hz} Hz")
        check_within_day(round_half_up(Fraction(reference * clock.sample_rate, rate_hz)), clock.sample_rate)
    clock = _clock(clock, ixml, None if reference is None else Fraction(reference, rate_hz), remarks)

    def samples(frames: int) -> int:
        """Return the sample of an audio frame, from 00:00:00:00 or from the programme's start."""
        return round_half_up(Fraction(((reference or 0) + frames) * clock.sample_rate, rate_hz))

    zero = 0 if reference is None else clock.start_samples
    if reference is not None and clock.is_next_day(samples(0) - zero):
        zero -= clock.day_samples
    first, length_frames = check_within_day(samples(0) - zero, clock.sample_rate), wave.audio_bytes // frame_bytes
    extra = {key: ixml[tag] for key, tag in IXML.items() if ixml.get(tag)}
    if bext and (originator := _text(bext[ORIGINATOR])):
        extra = {"originator": originator} | extra
    length = check_within_day(samples(length_frames) - samples(0), clock.sample_rate)
    note = _text(bext[DESCRIPTION]) if bext else ""
    items = [TimelineItem("region", clean_name(path.stem), "", first, length or None, 1, note, path, extra)]
    for number, (point, begin, count) in enumerate(_points(wave, length_frames, remarks), 2):
        start = check_within_day(samples(begin) - zero, clock.sample_rate)
        point_length = samples(begin + count) - samples(begin) or None
        texts = [_text(wave.adtl[name].get(point, b"")) for name in (b"labl", b"note")]
        items.append(
            TimelineItem("region" if point_length else "marker", texts[0], "", start, point_length, number, texts[1])
        )
    return Timeline("Broadcast-WAV", clock, items, remarks)


def _points(wave: Wave, length_frames: int, remarks: list[str]) -> Iterator[tuple[int, int, int]]:
    """Yield number, first frame and length in frames of each cue point (IBM and Microsoft, RIFF, 1991)."""
    content = wave.chunks.get(b"cue ", bytes(4))
    count = min(struct.unpack("<I", content[:4].ljust(4, b"\0"))[0], MOST_POINTS + 1)
    if len(content) < 4 + 24 * count:
        raise CueSheetError(f"cut off: its cue chunk has {len(content)} bytes for {count} points")
    if count > MOST_POINTS:
        raise CueSheetError(f"over {MOST_POINTS} cue points")
    for index in range(count):
        point, _, _, _, _, frame = struct.unpack_from("<II4sIII", content, 4 + 24 * index)
        if frame > length_frames:
            remarks.append(f"event {index + 2}: cue point {point} lies after the recording's end")
        ranged = wave.adtl[b"ltxt"].get(point, b"")
        yield point, frame, struct.unpack("<I", ranged[:4])[0] if len(ranged) >= 4 else 0


def _ixml(content: bytes, remarks: list[str]) -> dict[str, str]:
    """Return the first text of each element that has one."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    if not content.strip(b"\0 \r\n"):
        return {}
    texts: dict[str, str] = {}
    try:
        for element in fromstring(content.rstrip(b"\0")).iter():
            if element.text and clean_name(element.text):
                texts.setdefault(element.tag, clean_name(element.text))
    except DefusedXmlException as error:
        raise CueSheetError("its iXML defines entities or refers to outside files: refused") from error
    except (ParseError, LookupError, ValueError) as error:
        remarks.append(f"its iXML is not well-formed, so not read: {error}")
    return texts


def _clock(clock: Clock, ixml: dict[str, str], start: Fraction | None, remarks: list[str]) -> Clock:
    """Return the clock with the rate that iXML states and the frame in which the recording begins."""
    if not (text := ixml.get("TIMECODE_RATE")):
        return clock
    if not RATE.fullmatch(text):
        remarks.append(f"its TIMECODE_RATE {text[:40]!r} is not a rate: not read")
        return clock
    rate = exact_rate(Fraction(text))
    frames = None if start is None else int(start * rate)
    return with_counted_rate(clock, rate, FLAGS.get(ixml.get("TIMECODE_FLAG", "")), frames, remarks)


def _text(content: bytes) -> str:
    return clean_name(decode_text(content.split(b"\0")[0], "latin-1")[0])
