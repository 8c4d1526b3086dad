"""``manifest.csv`` of a corpus: what each file is labelled and where it came from."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from plugin_backend.errors import AudioFileError

NAME = "manifest.csv"
SOURCE_COLUMNS = ("source", "debian_package")
"""The first of these that a manifest has tells each file's source."""

Row = tuple[int, dict[str, str | None]]
"""Its line in the file, 1-based, and its cells; ``None`` for those that a short row lacks."""


def read_labels(folder: Path) -> dict[str, tuple[str, str | None]] | None:
    """For each file, named relative to ``folder`` with ``/``: its label and, if told, its source.

    ``None`` where there is no manifest.

    Raises:
        AudioFileError: unreadable, lacks ``file`` or ``label``, a cell is empty or a file comes twice.
    """
    path, needed = folder / NAME, ("file", "label")
    if not path.exists():
        return None
    rows = read_rows(path, needed)
    source_column = next((name for name in SOURCE_COLUMNS if rows and name in rows[0][1]), None)
    check_cells(path, rows, [*needed, source_column] if source_column else needed)
    labels = {}
    for line, row in rows:
        if row["file"] in labels:
            raise AudioFileError(f"{path}, row {line}, column 'file': {row['file']} came before; list a file once")
        labels[row["file"]] = (row["label"], row[source_column] if source_column else None)
    return labels


def read_rows(path: Path, columns: Sequence[str]) -> list[Row]:
    """The rows of a manifest that has these ``columns``.

    Raises:
        AudioFileError: unreadable, or lacks a column.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            there = reader.fieldnames or ()  # of an empty file none
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise AudioFileError(f"{path}: cannot be read ({problem})") from problem
    missing = [name for name in columns if name not in there]
    if missing:
        raise AudioFileError(f"{path}: lacks the column {' and '.join(missing)}")
    return rows


def check_cells(path: Path, rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Refuse a manifest with an empty cell in one of ``columns``.

    Raises:
        AudioFileError: names row and column.
    """
    for line, row in rows:
        for name in columns:
            if not (row[name] or "").strip():
                raise AudioFileError(f"{path}, row {line}, column '{name}': empty; every file needs one")
