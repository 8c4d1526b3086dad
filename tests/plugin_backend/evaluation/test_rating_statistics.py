"""Statistics of ratings: hand-made values, and intervals that hold what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_backend.evaluation.rating_statistics import mean_interval, pearson, spearman


def test_correlations_of_hand_made_rows():
    straight = pearson([1, 2, 3, 4], [10, 20, 30, 40])
    assert (straight.value, straight.low, straight.high, straight.count) == (1.0, 1.0, 1.0, 4)
    assert pearson([1, 2, 3], [3, 1, 2]).value == pytest.approx(-0.5)
    curved = [1, 2, 3, 4, 5], [1, 8, 27, 64, 125]
    assert spearman(*curved).value == 1.0
    assert pearson(*curved).value == pytest.approx(0.9431, abs=1e-4)
    assert spearman([1, 1, 2, 3], [4, 4, 5, 6]).value == pytest.approx(1.0)


def test_a_correlation_that_does_not_exist_is_none():
    assert pearson([1, 2], [2, 1]) is None
    assert pearson([5, 5, 5], [1, 2, 3]) is None
    assert spearman([1, 2, 3], [0, 0, 0]) is None
    with pytest.raises(ValueError, match="needs pairs"):
        pearson([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="NaN"):
        pearson([1, 2, float("nan")], [1, 2, 3])


def test_raters_are_resampled_whole():
    """Two people who rate far apart say little about the mean, however often each of them rates."""
    ratings, raters = [1.0] * 50 + [5.0] * 50, ["a"] * 50 + ["b"] * 50
    alone, together = mean_interval(ratings), mean_interval(ratings, raters)
    assert alone.value == together.value == 3.0
    assert alone.low > 2.5 and alone.high < 3.5
    assert (together.low, together.high) == (1.0, 5.0)


def test_intervals_hold_the_mean_as_often_as_they_say():
    rng = np.random.default_rng(7)
    inside = 0
    for _ in range(200):
        interval = mean_interval(rng.normal(3, 1, 40))
        inside += interval.low <= 3 <= interval.high
    assert 0.88 <= inside / 200 <= 0.99


@given(st.lists(st.tuples(st.floats(1, 5), st.sampled_from("abc")), min_size=1, max_size=20), st.randoms())
def test_the_order_of_answers_does_not_matter(answers, random):
    shuffled = random.sample(answers, len(answers))
    one, other = (mean_interval(*zip(*rows, strict=True)) for rows in (answers, shuffled))
    assert one.value == pytest.approx(other.value)
    assert (one.low, one.high) == pytest.approx((other.low, other.high))
