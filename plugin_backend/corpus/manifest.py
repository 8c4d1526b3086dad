"""``manifest.csv`` of a corpus: what each file is labelled and where it came from."""

from __future__ import annotations

import csv
from pathlib import Path

from plugin_backend.errors import AudioFileError

NAME = "manifest.csv"
SOURCE_COLUMNS = ("source", "debian_package")
"""The first of these that a manifest has tells each file's source."""


def read_labels(folder: Path) -> dict[str, tuple[str, str | None]] | None:
    """For each file, named relative to ``folder`` with ``/``: its label and, if told, its source.

    ``None`` where there is no manifest.

    Raises:
        AudioFileError: unreadable, lacks ``file`` or ``label``, a cell is empty or a file comes twice.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        with open(path, newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise AudioFileError(f"{path}: cannot be read ({problem})") from problem
    columns = reader.fieldnames or ()
    missing = [name for name in ("file", "label") if name not in columns]
    if missing:
        raise AudioFileError(f"{path}: lacks the column {' and '.join(missing)}")
    source_column = next((name for name in SOURCE_COLUMNS if name in columns), None)
    labels = {}
    for line, row in rows:
        for name in filter(None, ("file", "label", source_column)):
            if not (row[name] or "").strip():
                raise AudioFileError(f"{path}, row {line}, column '{name}': empty; every file needs one")
        if row["file"] in labels:
            raise AudioFileError(f"{path}, row {line}, column 'file': {row['file']} came before; list a file once")
        labels[row["file"]] = (row["label"], row[source_column] if source_column else None)
    return labels
