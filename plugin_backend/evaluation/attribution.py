"""Who made the sounds a model learned from: read from the corpus manifest, written as Markdown."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from pathlib import Path

from plugin_backend.corpus.split import FACTORY_HELD_OUT
from plugin_backend.errors import AudioFileError

COLUMNS = {"file", "label", "seconds", "licence", "author", "debian_package", "version"}
HEADING = """# Attribution

The model learned from the recordings below, all of them taken from Debian packages; we thank their
authors. Packages marked *held out* were kept from training and only used to judge the model.
Authors and licences are as the packages state them.

| package | version | author | licence | files | use |
|---|---|---|---|---:|---|
"""


def read_manifest(corpus: Path) -> list[dict[str, str]]:
    """The rows of ``manifest.csv``.

    Raises:
        AudioFileError: it is missing, unreadable or lacks a column.
    """
    path = corpus / "manifest.csv"
    try:
        with open(path, newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise AudioFileError(f"{path}: cannot be read ({problem})") from problem
    missing = COLUMNS - set(rows[0] if rows else ())
    if missing:
        raise AudioFileError(f"{path}: lacks {', '.join(sorted(missing))}")
    return rows


def is_held_out(row: dict[str, str]) -> bool:
    """Whether a manifest row belongs to a held-out package."""
    return row["debian_package"] in FACTORY_HELD_OUT


def summary(rows: list[dict[str, str]]) -> dict:
    """Of manifest rows: files, minutes, files per class (first part of the label) and per licence."""
    minutes = defaultdict(float)
    for row in rows:
        minutes[row["label"].split("/")[0]] += float(row["seconds"]) / 60
    return {
        "files": len(rows),
        "minutes": round(sum(minutes.values()), 2),
        "minutes_per_class": {name: round(value, 2) for name, value in sorted(minutes.items())},
        "files_per_licence": dict(Counter(row["licence"] for row in rows).most_common()),
    }


def cell(text: str) -> str:
    """Text on one line, with whatever Markdown would take for a mark escaped."""
    return re.sub(r"([\\`*_<>|\[\]])", r"\\\1", " ".join(text.split()))


def attribution(rows: list[dict[str, str]]) -> str:
    """The Markdown text: one line per package, version, author and licence, with the number of files."""
    keys = ("debian_package", "version", "author", "licence")
    counts = Counter(tuple(row[key] for key in keys) + (is_held_out(row),) for row in rows)
    lines = [
        f"| {' | '.join(map(cell, names))} | {count} | {'held out' if held_out else 'training'} |"
        for (*names, held_out), count in sorted(counts.items())
    ]
    return HEADING + "\n".join(lines) + "\n"
