"""Write CSV cue sheets that read back as the same cues."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plugin_backend.errors import CueSheetError
from plugin_backend.output_files import cannot_write, write_atomically
from render.cues.cue import NUMBERS, CueSheet
from render.cues.readers.time_cells import TIMES
from render.cues.writers.sheet_rows import sheet_to_rows
from render.project.timecode import Clock

LONGEST_FIELD = 131_072
PLAIN = {*TIMES, *NUMBERS}
FORMULA_MARKS = tuple("=+-@＝＋－＠")  # noqa: RUF001 (Excel accepts the full-width ones too)


def write_csv(sheet: CueSheet, path: Path, clock: Clock) -> None:
    """Write a sheet as UTF-8, comma-separated, complete or not at all.

    A text that a spreadsheet would treat as a formula gets a leading space, which reading removes. See
    :func:`render.cues.writers.sheet_rows.sheet_to_rows`.

    Args:
        sheet: the cues.
        path: the file; an existing one is replaced.
        clock: the programme's time base.

    Raises:
        CueSheetError: something that a sheet cannot hold, such as a text over 131,072 characters.
        OutputError: the file cannot be written.
    """
    header, rows = sheet_to_rows(sheet, path, clock)
    lines = [[_guarded(name, "") for name in header]]
    lines += [[_guarded(text, name) for text, name in zip(row, header, strict=True)] for row in rows]
    check_lengths(lines, LONGEST_FIELD, path)
    with whole_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(lines)


def _guarded(text: str, column: str) -> str:
    return f" {text}" if column not in PLAIN and text.startswith(FORMULA_MARKS) else text


def check_lengths(lines: list[list[str]], most: int, path: Path) -> None:
    """Check that no text is too long for a cell.

    Args:
        lines: header and rows.
        most: longest text, in characters.
        path: the file, for the error.

    Raises:
        CueSheetError: a text is longer than ``most`` characters.
    """
    for row, line in enumerate(lines, 1):
        for text, column in zip(line, lines[0], strict=True):
            if len(text) > most:
                raise CueSheetError(
                    f"{len(text)} characters; a cell has at most {most}", file=path, row=row, field=column
                )


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary file that becomes ``path`` if the block ends without an error.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        with write_atomically(path) as temporary:
            yield temporary
    except OSError as problem:
        raise cannot_write(path, problem.strerror or problem) from problem
