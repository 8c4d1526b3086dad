"""List who made the sounds a model was trained on: read from the corpus manifest, written as Markdown."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from pathlib import Path

from plugin_backend.corpus.holdout import FACTORY_HELD_OUT
from plugin_backend.corpus.manifest import NAME, check_cells, read_rows
from plugin_backend.errors import AudioFileError

COLUMNS = ("file", "label", "seconds", "licence", "author", "debian_package", "version")
HEADING = """# Attribution

The model learned from the recordings below, all of them taken from Debian packages; we thank their
authors. Packages marked *held out* were kept from training and only used to evaluate the model.
Authors and licences are as the packages state them.

| package | version | author | licence | files | use |
|---|---|---|---|---:|---|
"""


def read_manifest(corpus: Path) -> list[dict[str, str]]:
    """Return the rows of ``manifest.csv``, each with all of :data:`COLUMNS`.

    Raises:
        AudioFileError: it is missing, unreadable, lacks a column or lists no file; or a cell is empty or wrong.
    """
    path = corpus / NAME
    rows = read_rows(path, COLUMNS)
    if not rows:
        raise AudioFileError(f"{path}: lists no file")
    check_cells(path, rows, COLUMNS)
    for line, row in rows:
        if not _is_length(row["seconds"]):
            raise AudioFileError(f"{path}, row {line}, column 'seconds': '{row['seconds']}' is not a length in seconds")
    return [{name: text or "" for name, text in row.items()} for _, row in rows]


def _is_length(text: str | None) -> bool:
    try:
        return 0 <= float(text or "") < math.inf
    except ValueError:
        return False


def is_held_out(row: dict[str, str]) -> bool:
    """Return whether a manifest row belongs to a held-out package."""
    return row["debian_package"] in FACTORY_HELD_OUT


def summary(rows: list[dict[str, str]]) -> dict:
    """Return files, minutes, files per class (first part of the label) and per licence of manifest rows."""
    minutes: dict[str, float] = defaultdict(float)
    for row in rows:
        minutes[row["label"].split("/")[0]] += float(row["seconds"]) / 60
    return {
        "files": len(rows),
        "minutes": round(sum(minutes.values()), 2),
        "minutes_per_class": {name: round(value, 2) for name, value in sorted(minutes.items())},
        "files_per_licence": dict(Counter(row["licence"] for row in rows).most_common()),
    }


def cell(text: str) -> str:
    """Return the text on one line, with Markdown's special characters escaped."""
    return re.sub(r"([\\`*_<>|\[\]])", r"\\\1", " ".join(text.split()))


def attribution(rows: list[dict[str, str]]) -> str:
    """Return the Markdown text: one line per package, version, author and licence, with the number of files."""
    keys = ("debian_package", "version", "author", "licence")
    counts = Counter(tuple(row[key] for key in keys) + (is_held_out(row),) for row in rows)
    lines = [
        f"| {' | '.join(map(cell, map(str, names)))} | {count} | {'held out' if held_out else 'training'} |"
        for (*names, held_out), count in sorted(counts.items())
    ]
    return HEADING + "\n".join(lines) + "\n"
