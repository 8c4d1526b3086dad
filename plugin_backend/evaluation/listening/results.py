"""Results of a listening test: means with intervals, careless raters, correlation with metrics, and CSV."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec

from plugin_backend.errors import InputError
from plugin_backend.evaluation.listening.answers import RatedSound
from plugin_backend.evaluation.listening.listening_test import REFERENCE
from plugin_backend.evaluation.rating_statistics import Interval, mean_interval, pearson, spearman

LOWEST_REFERENCE, MOST_LOW_SHARE = 90, 0.15
"""ITU-R BS.1534-3: a rater who scores the hidden reference below 90 in over 15 % of the items may be left out."""
MOST_CELLS = 1_000_000


class ConditionResult(msgspec.Struct, frozen=True):
    """The scores of one condition.

    Attributes:
        condition: its name.
        mean, low, high: mean and its 95 % interval; raters are resampled.
        count: number of scores.
    """

    condition: str
    mean: float
    low: float
    high: float
    count: int


class MetricResult(msgspec.Struct, frozen=True):
    """How a metric agrees with the mean scores of the sounds.

    Attributes:
        metric: its name.
        pearson, spearman: the correlation with its 95 % interval (value, low, high); ``None`` if it does not exist.
        count: number of sounds.
    """

    metric: str
    pearson: tuple[float, float, float] | None
    spearman: tuple[float, float, float] | None
    count: int


def condition_results(rows: Sequence[RatedSound]) -> list[ConditionResult]:
    """Return mean and interval of each condition, the best first."""
    scores: dict[str, list[RatedSound]] = defaultdict(list)
    for row in rows:
        scores[row.condition].append(row)
    results = []
    for condition, own in scores.items():
        interval = mean_interval([row.score for row in own], [row.rater for row in own])
        results.append(ConditionResult(condition, interval.value, interval.low, interval.high, interval.count))
    return sorted(results, key=lambda result: (-result.mean, result.condition))


def careless_raters(rows: Sequence[RatedSound]) -> list[str]:
    """Return the raters of a ``mushra`` test who often scored the hidden reference low (ITU-R BS.1534-3, 4.1.2)."""
    references: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.condition == REFERENCE:
            references[row.rater].append(row.score)
    low = {rater: sum(score < LOWEST_REFERENCE for score in scores) for rater, scores in references.items()}
    return sorted(rater for rater, count in low.items() if count > MOST_LOW_SHARE * len(references[rater]))


def metric_results(rows: Sequence[RatedSound], table: Path) -> list[MetricResult]:
    """Return how metrics agree with the mean score of each sound.

    Args:
        rows: the scores.
        table: CSV with the columns ``item`` and ``condition``, and one for each metric.

    Raises:
        InputError: the table cannot be read, or names no rated sound.
    """
    scores: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows:
        scores[row.item, row.condition].append(row.score)
    pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for key, metrics in _read_metrics(table):
        for metric, value in metrics.items() if key in scores else ():
            pairs[metric].append((sum(scores[key]) / len(scores[key]), value))
    if not pairs:
        raise InputError(f"{table.name}: no row names an item and a condition that were rated")
    return [_metric_result(metric, values) for metric, values in pairs.items()]


def _metric_result(metric: str, pairs: list[tuple[float, float]]) -> MetricResult:
    scores, values = [score for score, _ in pairs], [value for _, value in pairs]
    return MetricResult(metric, _numbers(pearson(scores, values)), _numbers(spearman(scores, values)), len(pairs))


def csv_of(rows: Sequence[RatedSound]) -> str:
    """Return the scores as CSV, one row for each."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(RatedSound.__struct_fields__)
    for row in rows:
        comment = f" {row.comment}" if row.comment.startswith(tuple("=+-@")) else row.comment  # no formula
        writer.writerow(msgspec.structs.astuple(msgspec.structs.replace(row, comment=comment)))
    return text.getvalue()


def _numbers(interval: Interval | None) -> tuple[float, float, float] | None:
    return (interval.value, interval.low, interval.high) if interval is not None else None


def _read_metrics(table: Path) -> list[tuple[tuple[str, str], dict[str, float]]]:
    try:
        text = table.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"{table.name}: cannot be read as UTF-8 text ({problem})") from problem
    reader = csv.DictReader(io.StringIO(text))
    names = [name.strip() for name in reader.fieldnames or []]
    reader.fieldnames = names
    for column in ("item", "condition"):
        if column not in names:
            raise InputError(f"{table.name}: it has no column {column!r}; it has {', '.join(names[:20]) or 'none'}")
    rows = []
    for number, row in enumerate(reader, 2):
        if number * len(names) > MOST_CELLS:
            raise InputError(f"{table.name}: more than {MOST_CELLS} cells")
        metrics = {}
        for name in names:
            text_of = (row.get(name) or "").strip()
            if name in ("item", "condition") or not text_of:
                continue
            try:
                value = float(text_of)
            except ValueError:
                continue  # a column of words is no metric
            if not abs(value) < float("inf"):
                raise InputError(f"{table.name}, row {number}, column {name!r}: {text_of} is not a finite number")
            metrics[name] = value
        rows.append((((row["item"] or "").strip(), (row["condition"] or "").strip()), metrics))
    return rows
