"""Read XLSX cue sheets, with the columns and checks of CSV."""

from __future__ import annotations

import datetime
import io
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from plugin_backend.errors import CueSheetError
from plugin_backend.text import NOT_IN_XML
from render.cues.cue import DEFAULT_OPTIONS, CueSheet, ReadOptions
from render.cues.readers.other_files import archive_problem
from render.cues.readers.sheet_rows import KNOWN, MOST_COLUMNS, MOST_ROWS, Cells, rows_to_sheet
from render.cues.readers.spreadsheet_cells import TYPE_AGAIN
from render.cues.readers.time_cells import TIMES
from render.cues.sheet_file import SheetFile, SheetSource, open_sheet
from render.project.timecode import Clock

FORMAT = "XLSX"
MAGIC = b"PK\x03\x04"
WORKBOOK = "xl/workbook.xml"
LARGEST_BYTES = 64 * 2**20
MOST_FILES = 2_000
HIGHEST_RATIO = 200
SMALL_BYTES = 2**20
PIECE_BYTES = 2**16
MOST_CELLS = 20_000_000
HIGHEST_ROW = 2**20  # Excel's own limit
FORMULA = re.compile(rb"<(\w+:)?f[\s/>]")
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
TIME_TYPES = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta)
# The errors that zipfile, the XML parsers and openpyxl raise for a damaged file.
DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, SyntaxError, ValueError, TypeError),
    *(LookupError, AttributeError, ArithmeticError, RuntimeError, AssertionError),
)


def is_xlsx(head: bytes) -> bool:
    """Return whether a file may be a workbook: any ZIP archive, by its first bytes."""
    return head.startswith(MAGIC)


def read_xlsx(source: SheetSource, clock: Clock, options: ReadOptions = DEFAULT_OPTIONS) -> CueSheet:
    """Read the first sheet whose header has a column 'start'.

    Args:
        source: at most 64 MiB unpacked and 100,000 rows of 256 columns.
        clock: the programme's time base.
        options: see :func:`render.cues.readers.sheet_rows.rows_to_sheet`.

    Raises:
        CueSheetError: no workbook, damaged, a ZIP bomb, or with contents that cannot be used; see
            :func:`render.cues.readers.csv_sheet.read_csv`. Cells that a spreadsheet program has turned into times of
            day are refused, because their frames are lost.
    """
    with open_sheet(source) as sheet:
        path = sheet.path
        try:
            with _damage_as_error():
                archive, formulas = _unpacked(sheet)
            sheets = list(_sheets(archive, formulas))
        except CueSheetError as error:
            raise error.at(file=path) from error
    name, rows = next(((name, rows) for name, rows in sheets if _is_header(rows)), (None, []))
    if name is None:
        names = ", ".join(repr(name) for name, _ in sheets)
        raise CueSheetError(f"no sheet has a header with a column 'start'; it has {names or 'no sheets'}", file=path)
    others = [repr(other) for other, rows in sheets if other != name and rows]
    remarks = [f"the sheet {name!r} was read; {', '.join(others)} not"] if others else []
    return rows_to_sheet(path, FORMAT, _records(rows), clock, options, tuple(remarks))


@contextmanager
def _damage_as_error() -> Iterator[None]:
    """Turn the errors of a damaged file into a CueSheetError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions that openpyxl does not read
            yield
    except DAMAGE as problem:
        if isinstance(problem, CueSheetError):
            raise
        raise CueSheetError(f"not a whole XLSX file: {' '.join(str(problem).split()) or 'damaged'}") from problem


def _unpacked(sheet: SheetFile) -> tuple[io.BytesIO, bool]:
    """Return the same archive unpacked, and whether any of its sheets has formulas.

    The sizes that the archive states are not trusted: the unpacked bytes are counted as they come, and later readers do
    not see the stated sizes. Entities are refused here, because not every XML parser under openpyxl refuses them.
    """
    unpacked, formulas, room = io.BytesIO(), False, LARGEST_BYTES
    with zipfile.ZipFile(sheet.file) as archive, zipfile.ZipFile(unpacked, "w", zipfile.ZIP_STORED) as whole:
        members = archive.infolist()
        names = {member.filename for member in members}
        if WORKBOOK not in names:
            raise CueSheetError(archive_problem(names))
        if len(members) > MOST_FILES:
            raise CueSheetError(f"{len(members)} files in the archive; a workbook has at most {MOST_FILES}")
        stated = sum(member.file_size for member in members)
        if stated > LARGEST_BYTES:
            raise CueSheetError(f"{stated} bytes when unpacked; at most {LARGEST_BYTES // 2**20} MiB")
        for member in members:
            content = _content(archive, member, room)
            room -= len(content)
            if member.filename.endswith((".xml", ".rels")):
                plain = content.replace(b"\0", b"")  # of UTF-16
                if b"<!ENTITY" in plain:
                    raise CueSheetError(f"{member.filename!r} defines entities: refused")
                formulas |= member.filename.startswith("xl/worksheets/") and FORMULA.search(plain) is not None
            whole.writestr(member.filename, content)
    return unpacked, formulas


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, room: int) -> bytes:
    """Return a member's content, unpacked in pieces of bounded size."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise CueSheetError(f"{member.filename!r} is packed in a way that no workbook uses")
    if member.file_size > max(SMALL_BYTES, HIGHEST_RATIO * member.compress_size):
        raise CueSheetError(
            f"{member.filename!r} unpacks to more than {HIGHEST_RATIO} times its size: a ZIP bomb, not a cue sheet"
        )
    pieces, size = [], 0
    with archive.open(member) as packed:
        while piece := packed.read(PIECE_BYTES):
            pieces.append(piece)
            size += len(piece)
            if size > room:
                raise CueSheetError(f"more than {LARGEST_BYTES // 2**20} MiB when unpacked")
    return b"".join(pieces)


def _sheets(archive: io.BytesIO, formulas: bool) -> Iterator[tuple[str, list[tuple[int, list]]]]:
    """Yield each sheet's name and its rows that are not blank: number and cells, as (value, type)."""
    import openpyxl

    with ExitStack() as opened, _damage_as_error():
        books = []
        for data_only in (True, False) if formulas else (True,):
            file = io.BytesIO(archive.getbuffer())  # a file object, because of a path openpyxl would check the suffix
            books.append(openpyxl.load_workbook(file, read_only=True, data_only=data_only, keep_links=False))
            opened.callback(books[-1].close)
        for sheets in zip(*(book.worksheets for book in books), strict=True):
            yield sheets[0].title, list(_rows(sheets))


def _rows(sheets: tuple) -> Iterator[tuple[int, list]]:
    """Yield rows of calculated values. If the same sheet's formulas are given too, check against them."""
    for sheet in sheets:
        sheet.reset_dimensions()  # the stated dimensions may be wrong
    budget = MOST_CELLS
    for number, rows in enumerate(zip(*(sheet.iter_rows() for sheet in sheets), strict=True), 1):
        budget -= len(rows[0])
        if number > HIGHEST_ROW or budget < 0:
            raise CueSheetError("more cells than a cue sheet has: delete empty rows and columns", row=number)
        width = len(rows[0])
        while width and rows[0][width - 1].value in (None, "") and rows[-1][width - 1].value in (None, ""):
            width -= 1
        if width and number > MOST_ROWS + 1:
            raise CueSheetError(f"more than {MOST_ROWS} rows: split the sheet", row=number)
        if width > MOST_COLUMNS:
            raise CueSheetError(f"more than {MOST_COLUMNS} columns", row=number)
        for value, formula in zip(rows[0][:width], rows[-1][:width], strict=True):
            if formula.data_type == "f" and value.value is None:
                raise CueSheetError(
                    f"{formula.coordinate} of the sheet {sheets[0].title!r} holds a formula that was never calculated: "
                    "open and save it in a spreadsheet program",
                    row=number,
                )
        if width:
            yield number, [(cell.value, cell.data_type) for cell in rows[0][:width]]


def _is_header(rows: list[tuple[int, list]]) -> bool:
    return bool(rows) and "start" in (str(value).strip().lower() for value, _ in rows[0][1])


def _records(rows: list[tuple[int, list]]) -> Iterator[tuple[int, Cells]]:
    """Yield each row's number and texts; a cell without a text is the error that says why."""
    columns = [str(value).strip().lower() for value, _ in rows[0][1]]
    for row, cells in rows:
        names = columns + [""] * (len(cells) - len(columns))
        texts = [_text_or_why(value, kind, name) for (value, kind), name in zip(cells, names, strict=False)]
        if any(texts):
            yield row, texts


def _text_or_why(value: object, kind: str, column: str) -> str | CueSheetError:
    try:
        return _text(value, kind, column)
    except CueSheetError as error:
        return error


def _text(value: object, kind: str, column: str) -> str:
    """Return a cell's text as CSV would have it."""
    if value is None:
        return ""
    if isinstance(value, TIME_TYPES) and column in KNOWN:
        came_as = "a time of day, which has no frames" if column in TIMES else "a date or time"
        raise CueSheetError(f"{str(value)!r} came as {came_as}: {TYPE_AGAIN}")
    if kind == "e" and column in KNOWN:
        raise CueSheetError(f"the cell holds the error {value}")
    text = (
        ESCAPED.sub(lambda code: chr(int(code[1], 16)), value).strip() if isinstance(value, str) else str(value).strip()
    )
    if control := NOT_IN_XML.search(text):
        raise CueSheetError(f"the cell holds a control character (0x{ord(control[0]):02x})")
    return text
