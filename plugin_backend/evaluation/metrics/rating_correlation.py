"""How well a metric agrees with listeners: Pearson and Spearman correlation, with bootstrap intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DRAWS, LEAST_PAIRS, SEED = 2000, 3, 0
INTERVAL = (2.5, 97.5)
"""Percentiles of an interval that holds 95 %."""


@dataclass(frozen=True)
class Correlation:
    """A correlation coefficient and its 95 % interval, −1..1; ``None`` where nothing varies or pairs are too few."""

    value: float | None
    low: float | None
    high: float | None


def correlations(values: np.ndarray, ratings: np.ndarray) -> dict[str, Correlation]:
    """Return Pearson's and Spearman's correlation of a metric and ratings.

    The interval is the percentile bootstrap (Efron 1979) over pairs, with 2,000 draws from a fixed seed. Draws in which
    nothing varies are left out.

    Args:
        values: of the metric, ``[pairs]``.
        ratings: of the same things, ``[pairs]``.
    """
    values, ratings = np.asarray(values, np.float64), np.asarray(ratings, np.float64)
    draws = np.random.default_rng(SEED).integers(len(values), size=(DRAWS, len(values))) if len(values) else None
    found = {}
    for name, prepare in (("pearson", np.asarray), ("spearman", ranks)):
        value = pearson(prepare(values), prepare(ratings))
        if draws is None or value is None:
            found[name] = Correlation(None, None, None)
            continue
        drawn = [pearson(prepare(values[each]), prepare(ratings[each])) for each in draws]
        low, high = np.percentile([one for one in drawn if one is not None], INTERVAL)
        found[name] = Correlation(value, float(low), float(high))
    return found


def pearson(a: np.ndarray, b: np.ndarray) -> float | None:
    """Return the correlation of two series, or ``None`` if there are fewer than three pairs or one does not vary."""
    if len(a) < LEAST_PAIRS:
        return None
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return float(np.clip(a @ b / size, -1, 1)) if size > 0 else None


def ranks(values: np.ndarray) -> np.ndarray:
    """Return the ranks of values, from 1; equal values share the mean of their ranks.

    Examples:
        >>> ranks(np.array([10.0, 30.0, 20.0, 20.0])).tolist()
        [1.0, 4.0, 2.5, 2.5]
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    return (last - (counts - 1) / 2)[inverse]
