"""Read ``manifest.csv`` of a corpus: the label and the source of each file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from plugin_backend.errors import AudioFileError

NAME = "manifest.csv"
SOURCE_COLUMNS = ("source", "debian_package")
"""The first of these columns that a manifest has is the file's source."""

Row = tuple[int, dict[str, str | None]]
"""Line in the file, from 1, and its cells. A cell is ``None`` if a short row lacks it."""


def read_labels(folder: Path) -> dict[str, tuple[str, str | None]] | None:
    """Return the label and, if given, the source of each file. Files are named relative to ``folder`` with ``/``.

    Returns:
        File → label and source; ``None`` if there is no manifest.

    Raises:
        AudioFileError: the manifest is unreadable, lacks ``file`` or ``label``, has an empty cell, or lists a file
            twice.
    """
    path, needed = folder / NAME, ("file", "label")
    if not path.exists():
        return None
    rows = read_rows(path, needed)
    source_column = next((name for name in SOURCE_COLUMNS if rows and name in rows[0][1]), None)
    check_cells(path, rows, [*needed, source_column] if source_column else needed)
    labels: dict[str, tuple[str, str | None]] = {}
    for line, row in rows:
        file, label = row["file"] or "", row["label"] or ""
        if file in labels:
            raise AudioFileError(f"{path}, row {line}, column 'file': {file} came before; list a file once")
        labels[file] = (label, row[source_column] if source_column else None)
    return labels


def read_rows(path: Path, columns: Sequence[str]) -> list[Row]:
    """Return the rows of a manifest that has these ``columns``.

    Raises:
        AudioFileError: the manifest is unreadable, or lacks a column.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            header = reader.fieldnames or ()  # an empty file has none
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise AudioFileError(f"{path}: cannot be read ({problem})") from problem
    missing = [name for name in columns if name not in header]
    if missing:
        raise AudioFileError(f"{path}: lacks the column {' and '.join(missing)}")
    return rows


def check_cells(path: Path, rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Refuse a manifest with an empty cell in one of ``columns``.

    Args:
        path: the manifest, for the message.
        rows: its rows.
        columns: names of columns.

    Raises:
        AudioFileError: a cell is empty. The message names row and column.
    """
    for line, row in rows:
        for name in columns:
            if not (row[name] or "").strip():
                raise AudioFileError(f"{path}, row {line}, column '{name}': empty; every file needs one")
