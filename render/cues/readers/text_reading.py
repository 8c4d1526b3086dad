"""Helpers of the text readers: bounded files, decoded lines, exact seconds, remarks with lines, Pisada's notes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import msgspec

from plugin_backend.errors import CueSheetError
from plugin_backend.text import NOT_IN_LINES, in_one_line
from render.cues.cue import check_reach
from render.cues.sheet_file import SheetFile
from render.cues.timeline import UnreadItem
from render.project.timecode import Clock, round_half_up

LARGEST_MIB = 64
MOST_LINES = 1_000_000
LARGEST_NOTE = 2**20
BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be", b"\xef\xbb\xbf": "utf-8"}
SECONDS = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,30})?(e-[0-9]{1,2})?", re.IGNORECASE)


@contextmanager
def error_at(*, file: Path | None = None, row: int | None = None) -> Iterator[None]:
    """Add file and row to errors that leave the block."""
    try:
        yield
    except CueSheetError as error:
        raise error.at(file=file, row=row) from error


@contextmanager
def unreadable_at(row: int, clock: Clock, unreadable: list[UnreadItem]) -> Iterator[None]:
    """Turn an error in the block into an unreadable item of that line, and continue with the file.

    Without a frame rate the error is raised: no label could be read, and one option (--fps) makes all readable.
    """
    try:
        yield
    except CueSheetError as error:
        if clock.rate is None:
            raise error.at(row=row) from error
        reason = f"column '{error.field}': {error.problem}" if error.field else error.problem
        unreadable.append(UnreadItem(error.row or row, reason))


def text_lines(sheet: SheetFile, fallback: str) -> tuple[list[str], list[str]]:
    """Return a text file's lines, without line ends and unprintable characters, and remarks on how they were read.

    Args:
        sheet: UTF-8, or UTF-16 with a byte-order mark.
        fallback: the encoding of any other file; one that decodes every byte.

    Raises:
        CueSheetError: unreadable, or larger than any session: 64 MiB, 1,000,000 lines.
    """
    data = sheet.bytes(LARGEST_MIB * 2**20 + 1)
    if len(data) > LARGEST_MIB * 2**20:
        raise CueSheetError(f"larger than {LARGEST_MIB} MiB: not a session's text")
    if data.count(b"\n") + data.count(b"\r") > MOST_LINES:
        raise CueSheetError(f"more than {MOST_LINES} lines: not a session's text")
    text, remarks = decode_text(data, fallback)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\x1a").split("\n")
    changed = [row for row, line in enumerate(lines, 1) if NOT_IN_LINES.search(line)]
    if changed:
        lines = [NOT_IN_LINES.sub("", line) for line in lines]
        remarks.append(f"unprintable characters were taken out: {line_numbers(changed)}")
    return lines, remarks


def decode_text(data: bytes, fallback: str) -> tuple[str, list[str]]:
    """Decode bytes whose end may be missing; return the text, and a remark if the encoding was guessed."""
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace"), []
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError:
        return data.decode(fallback), [f"its text is not UTF-8: read as {fallback}"]


def line_numbers(numbers: list[int]) -> str:
    """Return ``line 3`` or ``lines 3, 5, 9``."""
    return f"line{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"


def line_remarks(notes: dict[str, list[int]]) -> list[str]:
    """Return a remark with its lines for each kind of note, in the order of their first lines."""
    return [f"{line_numbers(numbers)}: {what}" for what, numbers in notes.items() if numbers]


def check_within_day(samples: int, sample_rate: int) -> int:
    """Return the position if it is at most 24 hours before or after the programme's start.

    Raises:
        CueSheetError: it is further away.
    """
    check_reach(abs(samples), sample_rate)
    return samples


def parse_seconds(text: str, name: str) -> Fraction:
    """Return decimal seconds exactly.

    Raises:
        CueSheetError: not a number, or more than 9 digits before the point.
    """
    if not SECONDS.fullmatch(text):
        raise CueSheetError(f"{name} {text[:40]!r} is not a number of seconds")
    return Fraction(text)


def to_samples(seconds: Fraction, sample_rate: int) -> int:
    """Return the nearest sample, at most 24 hours from the programme's start."""
    return check_within_day(round_half_up(seconds * sample_rate), sample_rate)


def parse_pisada_note(text: str) -> dict[str, str]:
    """Return the note that Pisada wrote at a clip as entries of ``TimelineItem.extra``.

    ``{"gain_db": "-3"}`` becomes ``pisada.gain_db``.

    Raises:
        CueSheetError: not a JSON object of strings.
    """
    try:
        entries = msgspec.json.decode(text[:LARGEST_NOTE].encode("utf-8", "replace"), type=dict[str, str])
    except msgspec.MsgspecError as error:
        raise CueSheetError(f"its pisada note is not a JSON object of strings: {in_one_line(error)}") from error
    return {f"pisada.{NOT_IN_LINES.sub('', key)}": NOT_IN_LINES.sub("", value) for key, value in entries.items()}
