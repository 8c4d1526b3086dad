"""XLSX cue sheets, every cell text, so that no spreadsheet program makes a time or a formula of it."""

from __future__ import annotations

import io
import re
from pathlib import Path

from render.cues.cue import CueSheet
from render.cues.writers.csv_sheet import check_lengths, whole_file
from render.cues.writers.sheet_rows import sheet_to_rows
from render.project.timecode import Clock

LONGEST_CELL = 32_767
AS_TEXT = "@"
# Carriage returns, which XML turns into line feeds, what XML cannot hold, and what would read as such an escape.
TO_ESCAPE = re.compile(r"[\r\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


def write_xlsx(sheet: CueSheet, path: Path, clock: Clock) -> None:
    """Writes a sheet as a workbook, whole or not at all; see :func:`render.cues.writers.sheet_rows.sheet_to_rows`.

    Raises:
        CueSheetError: what a sheet cannot hold, such as a text over 32,767 characters.
        OutputError: the file cannot be written.
    """
    import openpyxl
    from openpyxl.cell import WriteOnlyCell

    header, rows = sheet_to_rows(sheet, path, clock)
    lines = [[TO_ESCAPE.sub(lambda found: f"_x{ord(found[0]):04X}_", text) for text in row] for row in (header, *rows)]
    check_lengths(lines, LONGEST_CELL, path)
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet("cues")
    page.freeze_panes = "A2"

    def cell(text: str) -> WriteOnlyCell:
        made = WriteOnlyCell(page, text)
        made.data_type, made.number_format = "s", AS_TEXT
        return made

    for line in lines:
        page.append([cell(text) for text in line])
    whole = io.BytesIO()
    book.save(whole)
    with whole_file(path) as temporary:
        temporary.write_bytes(whole.getvalue())
