"""Read CSV cue sheets: comma, semicolon or tab; one header line; one row for each cue."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from plugin_backend.errors import CueSheetError
from plugin_backend.text import CONTROL_IN_TEXT
from render.cues.cue import DEFAULT_OPTIONS, CueSheet, ReadOptions
from render.cues.readers.sheet_rows import rows_to_sheet
from render.cues.sheet_file import SheetFile, SheetSource, open_sheet
from render.project.timecode import Clock

FORMAT = "CSV"
DELIMITERS = ",;\t"
LARGEST_BYTES = 64 * 2**20
LONGEST_HEADER = 2**20
MOST_LINES = 1_000_000
BOM = "\ufeff"
MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
ANSI, ANSI_NAME = "cp1252", "Windows-1252 (ANSI)"
SEPARATOR = re.compile(r'"?sep=(.)"?[\t,;]*(\r\n|\n|\r|$)', re.IGNORECASE)


def read_csv(source: SheetSource, clock: Clock, options: ReadOptions = DEFAULT_OPTIONS) -> CueSheet:
    """Read a CSV cue sheet.

    Args:
        source: UTF-8 text, UTF-16, or Windows-1252 as Excel saves "CSV" in western countries; at most 64 MiB, 1,000,000
            lines, 100,000 cues and 256 columns.
        clock: the programme's time base.
        options: see :func:`render.cues.readers.sheet_rows.rows_to_sheet`.

    Raises:
        CueSheetError: everything that cannot be used, with file, row and column where they apply.
    """
    with open_sheet(source) as sheet:
        try:
            text, remarks = _text(_bytes(sheet))
        except CueSheetError as error:
            raise error.at(file=sheet.path) from error
    return rows_to_sheet(sheet.path, FORMAT, _records(text), clock, options, remarks)


def records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank: its first line's number and its stripped cells."""
    with open_sheet(path) as sheet:
        text, _ = _text(_bytes(sheet))
    yield from _records(text)


def _bytes(sheet: SheetFile) -> bytes:
    data = sheet.bytes(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise CueSheetError(f"larger than {LARGEST_BYTES // 2**20} MiB: a cue sheet is smaller")
    if max(data.count(b"\n"), data.count(b"\r")) > MOST_LINES:  # empty lines take time too
        raise CueSheetError(f"more than {MOST_LINES} lines: a cue sheet has fewer")
    return data


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    stated = SEPARATOR.match(text)  # the line sep=; that Excel writes and reads
    rows, text = (1, text[stated.end() :]) if stated else (0, text)
    delimiter = stated[1] if stated else max(DELIMITERS, key=lambda mark: _columns(text, mark))
    yield from filled_rows(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), rows)


def filled_rows(reader: Any, rows: int = 0) -> Iterator[tuple[int, list[str]]]:
    """Yield each row of a ``csv.reader`` that is not blank: its first line's number and its stripped cells.

    Args:
        reader: a ``csv.reader``.
        rows: number of lines before the reader's first.

    Raises:
        CueSheetError: not CSV; names the row.
    """
    while True:
        row = rows + reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise CueSheetError(f"not readable as CSV (check the quotes): {error}", row=row) from error
        if any(cells):
            yield row, cells


def _columns(text: str, delimiter: str) -> int:
    """Return the number of header columns with this delimiter; 0 if it cannot be the delimiter."""
    rows = csv.reader(io.StringIO(text[:LONGEST_HEADER], newline=""), delimiter=delimiter)
    try:
        return next((len(row) for row in rows if any(cell.strip(f" {DELIMITERS}") for cell in row)), 0)
    except csv.Error:
        return 0


def _text(data: bytes) -> tuple[str, tuple[str, ...]]:
    """Return the text, and remarks about its encoding."""
    encoding = _encoding(data)
    remarks: tuple[str, ...] = ()
    try:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            if encoding != "utf-8":
                raise
            text, remarks = data.decode(ANSI), (f"its text is not UTF-8: read as {ANSI_NAME}",)
    except UnicodeDecodeError as error:
        names = {"utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}
        raise CueSheetError(
            f"byte {error.start} (0x{data[error.start]:02x}) is not {names.get(encoding, f'UTF-8 nor {ANSI_NAME}')}: "
            "save it as UTF-8",
            row=_lines(data[: error.start].decode("latin-1")),
        ) from error
    text = text.removeprefix(BOM)
    if match := CONTROL_IN_TEXT.search(text):
        raise CueSheetError(
            f"character {match.start() + 1} is a control character (0x{ord(match[0]):02x}): is this a text file?",
            row=_lines(text[: match.start()]),
        )
    return text, remarks


def _encoding(data: bytes) -> str:
    """Return the encoding, by its byte-order mark; UTF-16 also by the zero in its first letter."""
    marked = next((encoding for mark, encoding in MARKS.items() if data.startswith(mark)), None)
    if marked or len(data) < 2 or (data[0] and data[1]) or len(data) % 2:
        return marked or "utf-8"
    return "utf-16-be" if not data[0] else "utf-16-le"


def _lines(before: str) -> int:
    """Return the number of the line after this text, from 1."""
    return before.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
