"""CSV cue sheets: comma, semicolon or tab; one header line; one row a cue."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from plugin_backend.errors import CueSheetError
from render.cues.cue import CueSheet, sheet_bytes
from render.cues.rows import sheet_of
from render.timecode import Clock

FORMAT = "CSV"
DELIMITERS = ",;\t"
LARGEST_BYTES = 64 * 2**20
LONGEST_HEADER = 2**20
CONTROL_BYTE = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
BOM = "\ufeff"


def read_csv(path: Path, clock: Clock) -> CueSheet:
    """Reads a CSV cue sheet.

    Args:
        path: UTF-8 text, with or without a byte-order mark; at most 64 MiB, 100,000 cues and 256 columns.
        clock: the programme's time base.

    Raises:
        CueSheetError: anything that cannot be used, with file, row and column where they apply.
    """
    path = Path(path)
    return sheet_of(path, FORMAT, records(path), clock)


def records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank: its first line's number, and its stripped cells."""
    data = sheet_bytes(path, LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise CueSheetError(f"larger than {LARGEST_BYTES // 2**20} MiB: no cue sheet is")
    text = _text(data)
    delimiter = max(DELIMITERS, key=lambda mark: _columns(text, mark))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    yield from filled_rows(reader)


def filled_rows(reader) -> Iterator[tuple[int, list[str]]]:
    """Each row of a ``csv.reader`` that is not blank: its first line's number and its cells, stripped.

    Raises:
        CueSheetError: not CSV; names the row.
    """
    while True:
        row = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise CueSheetError(f"not readable as CSV (check the quotes): {error}", row=row) from error
        if any(cells):
            yield row, cells


def _columns(text: str, delimiter: str) -> int:
    """How many columns the header has if this is the delimiter; 0 if it cannot be."""
    rows = csv.reader(io.StringIO(text[:LONGEST_HEADER], newline=""), delimiter=delimiter)
    try:
        return next((len(row) for row in rows if any(cell.strip(f" {DELIMITERS}") for cell in row)), 0)
    except csv.Error:
        return 0


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8").removeprefix(BOM)
    except UnicodeDecodeError as error:
        raise CueSheetError(
            f"byte {error.start} (0x{data[error.start]:02x}) is not UTF-8: save it as UTF-8",
            row=_line_of(data, error.start),
        ) from error
    if match := CONTROL_BYTE.search(data):
        raise CueSheetError(
            f"byte {match.start()} is a control character (0x{match[0][0]:02x}): is this a text file?",
            row=_line_of(data, match.start()),
        )
    return text


def _line_of(data: bytes, position: int) -> int:
    return data[:position].replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n") + 1
