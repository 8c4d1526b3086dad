"""CSV cue sheets, written so that they read back as the same cues."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plugin_backend.errors import CueSheetError, OutputError
from plugin_backend.output_files import write_atomically
from render.cues.cue import NUMBERS, CueSheet
from render.cues.readers.sheet_rows import TIMES
from render.cues.writers.sheet_rows import sheet_to_rows
from render.project.timecode import Clock

LONGEST_FIELD = 131_072
PLAIN = {*TIMES, *NUMBERS}
FORMULA_MARKS = tuple("=+-@＝＋－＠")  # noqa: RUF001 (Excel takes the full-width ones, too)


def write_csv(sheet: CueSheet, path: Path, clock: Clock) -> None:
    """Writes a sheet as UTF-8, comma-separated, whole or not at all; see
    :func:`render.cues.writers.sheet_rows.sheet_to_rows`.

    A text that a spreadsheet would take for a formula gets a space before it, which reading takes off again.

    Raises:
        CueSheetError: what a sheet cannot hold, such as a text over 131,072 characters.
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
    """Refuses texts that would be cut, or not read back.

    Raises:
        CueSheetError: one is longer than ``most`` characters.
    """
    for row, line in enumerate(lines, 1):
        for text, column in zip(line, lines[0], strict=True):
            if len(text) > most:
                raise CueSheetError(
                    f"{len(text)} characters; a cell has at most {most}", file=path, row=row, field=column
                )


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary file that becomes ``path`` when all went well.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        with write_atomically(path) as temporary:
            yield temporary
    except OSError as problem:
        raise OutputError(f"{path}: cannot write here ({problem.strerror or problem})") from problem
