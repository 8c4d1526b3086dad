"""What a codec adds to sounds, smears and loses, as one table: a row per measure, a column per system.

A system's numbers are ``clips`` (metric → numbers, of all dense clips), ``textures`` (the same, of those clips that are
textures), ``two_sample`` (features → AUC), and the studies ``texture_statistics``, ``hits`` and ``tonality``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from plugin_backend.evaluation.data.dense_clips import is_texture
from plugin_backend.evaluation.metrics.score_clips import Scores, described
from plugin_backend.evaluation.report.html import number

NULL = "null"


@dataclass(frozen=True)
class Row:
    """A line of the table: its title, and the path of its number in a system's numbers."""

    title: str
    path: tuple[str, ...]
    form: str = "{:.2f}"

    def cell(self, numbers: dict) -> str:
        """Return the number of one system, or a dash."""
        value: Any = numbers
        for name in self.path:
            value = value.get(name) if value else None
        return number(value, self.form)


ROWS = [
    Row("comb of textures over controls, dB more than originals", ("textures", "comb_db", "mean")),
    Row("… mean of the multiples", ("textures", "comb_each_db", "mean")),
    Row("… at half the frame rate", ("textures", "comb_half_db", "mean")),
    Row("… at twice the frame rate", ("textures", "comb_double_db", "mean")),
    Row("… at four times the frame rate", ("textures", "comb_fourfold_db", "mean")),
    Row("… at eight times the frame rate", ("textures", "comb_eightfold_db", "mean")),
    Row("… share of all energy, dB", ("textures", "comb_share_db", "mean")),
    Row("two-sample AUC, YAMNet", ("two_sample", "yamnet")),
    Row("two-sample AUC, aiSFX", ("two_sample", "aisfx")),
    Row("two-sample AUC, spectra", ("two_sample", "spectra")),
    Row("texture statistics, decoded over two takes", ("texture_statistics", "ratio")),
    Row("level, dB", ("clips", "level_db", "mean")),
    Row("level per hit, dB (median)", ("clips", "hit_level_db", "median")),
    Row("level of single sounds, dB (median)", ("hits", "level_db")),
    Row("centroid shift, octaves", ("clips", "centroid_shift", "mean")),
    Row("hiss above the original's band, dB more (median)", ("clips", "hiss_db", "median")),
    Row("energy above a cut band edge, dB (median)", ("clips", "above_edge_db", "median"), "{:.0f}"),
    Row("energy added below 25 Hz, %", ("clips", "rumble_25_percent", "mean")),
    Row("energy added below 40 Hz, %", ("clips", "rumble_40_percent", "mean")),
    Row("steady DC re RMS, dB (median)", ("clips", "offset_db", "median"), "{:.0f}"),
    Row("decoded silence, dBFS", ("silence_dbfs",), "{:.0f}"),
    Row("rise of single sounds over the original's", ("hits", "rise_ratio")),
    Row("fall of single sounds over the original's", ("hits", "fall_ratio")),
    Row("earlier than 2 ms before the attack, dB (median)", ("hits", "early_db"), "{:.0f}"),
    Row("in the 2 ms before the attack, dB (median)", ("hits", "late_db"), "{:.0f}"),
    Row("partials still found", ("tonality", "found")),
    Row("partials' prominence error, dB (median)", ("tonality", "prominence_error_db"), "{:.1f}"),
    Row("partials' frequency error, cents (median)", ("tonality", "cents_error"), "{:.1f}"),
    Row("partials' decay error, % (median)", ("tonality", "decay_error_percent"), "{:.0f}"),
]


def sound_scores(scores: Scores, studies: dict[str, dict]) -> dict[str, dict]:
    """Return each system's further numbers, and ``null``, those of the two-sample tests.

    Args:
        scores: of all systems.
        studies: see :func:`~plugin_backend.evaluation.metrics.sound_pairs.studies`.
    """
    result = {}
    for name in scores.metrics:
        rows = [row for row in scores.rows if row["system"] == name and is_texture(row["label"])]
        metrics = [metric for metric in scores.metrics[name] if rows and metric in rows[0]]
        textures = {metric: described(rows, metric) for metric in metrics}
        result[name] = {"textures": textures, "two_sample": _column(scores.two_sample, name)} | studies[name]
    return result | {NULL: {"two_sample": _column(scores.two_sample, NULL)}}


def _column(two_sample: dict[str, dict[str, float | None]], system: str) -> dict[str, float | None]:
    return {hears: of[system] for hears, of in two_sample.items()}


def numbers_of(result: dict) -> dict[str, dict]:
    """Return each system's numbers from an evaluation in the form of ``metrics.json``."""
    return {name: {"clips": result["metrics"].get(name)} | of for name, of in result["sound"].items()}


def lines(columns: dict[str, dict], rows: list[Row] = ROWS) -> list[list[str]]:
    """Return title and cells of every row that has a number in one of ``columns`` (by name)."""
    table = [[row.title, *(row.cell(found) for found in columns.values())] for row in rows]
    return [line for line in table if any(cell != number(None) for cell in line[1:])]
