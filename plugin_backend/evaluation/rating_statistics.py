"""Statistics of listeners' ratings: means and correlations, each with a bootstrap interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
SHARE = 0.95
"""Share of the bootstrap distribution that lies within an interval."""
FEWEST_PAIRS = 3
"""A correlation of fewer pairs says nothing: two points always lie on a line."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its bootstrap interval.

    Attributes:
        value: the estimate.
        low, high: ends of the interval; both are ``value`` if nothing can be resampled.
        count: how many values (or pairs) it rests on.
    """

    value: float
    low: float
    high: float
    count: int


def mean_interval(ratings: Sequence[float], raters: Sequence[str] = (), seed: int = 1) -> Interval:
    """Return the mean of ratings with its interval, by the percentile bootstrap (Efron, 1979).

    Whole raters are resampled, because the ratings of one person are alike. Without raters, ratings are resampled.

    Args:
        ratings: one or more numbers.
        raters: who gave each rating, of equal length; or empty.
        seed: of the resampling.

    Returns:
        The mean with its interval.

    Raises:
        ValueError: there are no ratings, or another number of raters.
    """
    values = _as_array(ratings)
    if not values.size:
        raise ValueError("the mean of no ratings")
    groups = _groups(raters, values.size)
    sums = np.array([values[group].sum() for group in groups])
    sizes = np.array([len(group) for group in groups])
    draws = _draws(len(groups), seed)
    means = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    return _interval(float(values.mean()), means, values.size)


def pearson(one: Sequence[float], other: Sequence[float], seed: int = 1) -> Interval | None:
    """Return Pearson's correlation of two rows of numbers with its interval; pairs are resampled.

    Args:
        one, other: of equal length.
        seed: of the resampling.

    Returns:
        The correlation, −1 to 1; ``None`` if it does not exist: fewer than three pairs, or one row is constant.

    Raises:
        ValueError: the lengths differ.
    """
    return _correlation(one, other, _pearson_rows, seed)


def spearman(one: Sequence[float], other: Sequence[float], seed: int = 1) -> Interval | None:
    """Return Spearman's rank correlation with its interval; equal values have their mean rank. See :func:`pearson`."""
    return _correlation(one, other, _spearman_rows, seed)


def _correlation(
    one: Sequence[float],
    other: Sequence[float],
    rows: Callable[[np.ndarray, np.ndarray], np.ndarray],
    seed: int,
) -> Interval | None:
    first, second = _as_array(one), _as_array(other)
    if first.size != second.size:
        raise ValueError(f"{first.size} numbers and {second.size}: a correlation needs pairs")
    if first.size < FEWEST_PAIRS:
        return None
    value = rows(first[None], second[None])[0]
    if np.isnan(value):
        return None
    draws = _draws(first.size, seed)
    return _interval(float(value), rows(first[draws], second[draws]), first.size)


def _pearson_rows(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the correlation of each row of ``[resamples, n]``; NaN where a row is constant."""
    flat = (np.ptp(first, axis=1) == 0) | (np.ptp(second, axis=1) == 0)
    first = first - first.mean(axis=1, keepdims=True)
    second = second - second.mean(axis=1, keepdims=True)
    scale = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    flat |= scale == 0
    products = np.clip((first * second).sum(axis=1) / np.where(flat, 1.0, scale), -1, 1)
    return np.where(flat, np.nan, products)


def _spearman_rows(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    return _pearson_rows(rankdata(first, axis=1), rankdata(second, axis=1))


def _as_array(numbers: Sequence[float]) -> np.ndarray:
    values = np.asarray(numbers, np.float64)
    if not np.isfinite(values).all():
        raise ValueError("a rating or measurement is NaN or infinite")
    return values


def _groups(raters: Sequence[str], count: int) -> list[list[int]]:
    """Return the indexes of each rater's ratings, by name, so that the order of the answers does not matter."""
    if not raters:
        return [[index] for index in range(count)]
    if len(raters) != count:
        raise ValueError(f"{count} ratings of {len(raters)} raters")
    groups: dict[str, list[int]] = {}
    for index, rater in enumerate(raters):
        groups.setdefault(rater, []).append(index)
    return [groups[rater] for rater in sorted(groups)]


def _draws(count: int, seed: int) -> np.ndarray:
    """Return the indexes of every resample, ``[RESAMPLES, count]``."""
    return np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))


def _interval(value: float, resampled: np.ndarray, count: int) -> Interval:
    """Return the estimate with the middle ``SHARE`` of its resamples. Resamples without a value are left out."""
    tail = 50 * (1 - SHARE)
    low, high = np.nanpercentile(resampled, [tail, 100 - tail])
    return Interval(value, float(low), float(high), count)
