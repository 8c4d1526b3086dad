"""Measure how well the sounds of a film fit its frames, scene by scene, and how well that agrees with listeners.

The table is a CSV file with the columns ``scene``, ``frame`` (a picture), ``sound`` (a recording), and, if you like,
``text`` (what the frame shows) and ``rating`` (of listeners). Rows of one scene and frame are candidates for that
frame. The first row of a scene is its first frame and first sound.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import read_mono
from plugin_backend.errors import ProjectError
from plugin_backend.evaluation.joint_spaces.base import JointSpace
from plugin_backend.evaluation.joint_spaces.images import read_image
from plugin_backend.evaluation.metrics.rating_correlation import Correlation, correlations
from plugin_backend.evaluation.metrics.sonorization import COSINE, NORMALISED, inconsistency, slerp_distance, target
from plugin_backend.text import in_one_line

NEEDED, OPTIONAL = ("scene", "frame", "sound"), ("text", "rating")
MOST_ROWS = 20_000
METRICS = ("inconsistency", "slerp_distance")


@dataclass(frozen=True)
class Row:
    """A sound for a frame.

    Attributes:
        scene: name of the scene.
        frame: picture file.
        sound: recording.
        text: what the frame shows, or empty.
        rating: of listeners, or None.
    """

    scene: str
    frame: Path
    sound: Path
    text: str
    rating: float | None


@dataclass(frozen=True)
class Fit:
    """Result for a row.

    Attributes:
        row: the row.
        inconsistency: Equation 1, None without a text.
        slerp_distance: Equation 3.
        place: 1 for the nearest candidate of its frame, 2 for the next.
    """

    row: Row
    inconsistency: float | None
    slerp_distance: float
    place: int


def read_rows(path: Path) -> list[Row]:
    """Read the table. Files are seen from its folder.

    Raises:
        ProjectError: the file, a column or a cell cannot be used; it names the row.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            names = reader.fieldnames or []
            if missing := [name for name in NEEDED if name not in names]:
                allowed = f"it needs {', '.join(NEEDED)}, and may have {' and '.join(OPTIONAL)}"
                raise ProjectError(f"{path}: no column {', '.join(missing)}; {allowed}")
            rows = [_row(path, number, cells) for number, cells in enumerate(reader, 2)]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise ProjectError(f"{path}: cannot be read ({in_one_line(problem)})") from problem
    if not 1 <= len(rows) <= MOST_ROWS:
        raise ProjectError(f"{path}: {len(rows)} rows; 1 to {MOST_ROWS} can be measured")
    return rows


def _row(path: Path, number: int, cells: dict[str, str | None]) -> Row:
    values = {name: (cells.get(name) or "").strip() for name in (*NEEDED, *OPTIONAL)}
    if empty := [name for name in NEEDED if not values[name]]:
        raise ProjectError(f"{path}, row {number}: column '{empty[0]}' is empty")
    rating = None
    if values["rating"]:
        try:
            rating = float(values["rating"])
        except ValueError:
            rating = np.nan
        if not np.isfinite(rating):
            raise ProjectError(f"{path}, row {number}: rating {values['rating'][:40]!r} is not a number")
    folder = path.parent
    return Row(values["scene"], folder / values["frame"], folder / values["sound"], values["text"], rating)


def measure(rows: list[Row], space: JointSpace, distance: str = COSINE, mode: str = NORMALISED) -> list[Fit]:
    """Return the result of each row, in order. Each file is read and embedded once.

    Args:
        rows: of :func:`read_rows`.
        space: in which pictures, sounds and texts are compared.
        distance, mode: see :mod:`plugin_backend.evaluation.metrics.sonorization`.

    Raises:
        ProjectError: a picture cannot be read.
        AudioFileError: a sound cannot be read.
    """
    frames = {row.frame: np.zeros(0) for row in rows}
    for file in frames:
        frames[file] = space.embed_image([read_image(file)])[0]
    sounds = {row.sound: np.zeros(0) for row in rows}
    for file in sounds:
        sounds[file] = space.embed_audio([read_mono(file, space.rate_hz)])[0]
    words = list(dict.fromkeys(row.text for row in rows if row.text))
    texts = dict(zip(words, space.embed_text(words), strict=True)) if words else {}
    first = {row.scene: row for row in reversed(rows)}
    away = []
    for row in rows:
        begin = first[row.scene]
        (point,) = target(sounds[begin.sound], frames[begin.frame], frames[row.frame][None], mode)
        away.append(float(slerp_distance(point, sounds[row.sound], distance, mode)))
    rivals: dict[tuple[str, Path], list[tuple[float, int]]] = {}
    for number, (row, one) in enumerate(zip(rows, away, strict=True)):
        rivals.setdefault((row.scene, row.frame), []).append((one, number))
    places = {number: place for each in rivals.values() for place, (_, number) in enumerate(sorted(each), 1)}
    fits = []
    for number, (row, one) in enumerate(zip(rows, away, strict=True)):
        differs = None
        if row.text:
            vectors = frames[row.frame], texts[row.text], sounds[row.sound]
            differs = float(inconsistency(*vectors, distance, mode))
        fits.append(Fit(row, differs, one, places[number]))
    return fits


def agreement(fits: list[Fit]) -> dict[str, dict[str, Correlation]]:
    """Return for each metric Pearson's and Spearman's correlation with the ratings. Low values should be rated high."""
    found = {}
    for metric in METRICS:
        pairs = [
            (value, fit.row.rating)
            for fit in fits
            if (value := getattr(fit, metric)) is not None and fit.row.rating is not None
        ]
        table = np.array(pairs, np.float64).reshape(len(pairs), 2)
        found[metric] = correlations(table[:, 0], table[:, 1])
    return found
