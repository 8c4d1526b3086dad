"""The metrics of sonorization against values computed by hand, and against what the paper says of them."""

import numpy as np
import pytest
from scipy import stats

from plugin_backend.evaluation.metrics.rating_correlation import correlations, ranks
from plugin_backend.evaluation.metrics.sonorization import (
    best_of,
    cosine_distance,
    inconsistency,
    slerp_distance,
    target,
)

X, Y = np.array([1.0, 0, 0]), np.array([0.0, 1, 0])
ROOT = np.sqrt(0.5)


def test_inconsistency_is_that_computed_by_hand():
    at_60 = np.array([0.5, np.sqrt(0.75), 0])
    # d(image, text) = 1 − cos 60° = 0.5, d(image, sound) = 1 − cos 90° = 1
    assert inconsistency(X, at_60, Y) == pytest.approx(2 * 0.5 - 1)
    # Euclidean: 2 · 1 − √2; published: the sound is 20 long, √(1 + 400) away
    assert inconsistency(X, at_60, Y, "euclidean") == pytest.approx(2 - np.sqrt(2))
    assert inconsistency(X, at_60, Y, "euclidean", "published") == pytest.approx(2 - np.sqrt(401))
    assert inconsistency(np.stack([X, X]), np.stack([X, Y]), np.stack([X, X])).tolist() == [0, 2]


def test_the_ranges_that_the_paper_states_are_wrong():
    """It says that inconsistency goes from −1 to 2, and that 0 is a perfect fit."""
    assert inconsistency(X, X, -X) == pytest.approx(-2)
    assert inconsistency(X, -X, X) == pytest.approx(4)
    at_60 = np.array([0.5, np.sqrt(0.75), 0])
    assert inconsistency(X, at_60, Y) == pytest.approx(0, abs=1e-12)  # a sound at a right angle to the picture
    drawn = np.random.default_rng(0).normal(0, 1, (3, 20_000, 3))
    values = inconsistency(*drawn)
    assert values.min() < -1.5 and values.max() > 3.5
    assert values.min() >= -2 and values.max() <= 4


def test_the_slerp_distance_is_that_computed_by_hand():
    # the middle of x and y is (√½, √½, 0); normalised, the first frame x is taken off again
    (found,) = target(X, X, Y[None])
    assert found == pytest.approx([ROOT, ROOT, 0])
    assert slerp_distance(found, X) == pytest.approx(1 - ROOT)
    (other,) = target(np.array([0, 0, 5.0]), X, Y[None])
    assert other == pytest.approx(np.array([ROOT - 1, ROOT, 1]) / np.sqrt((ROOT - 1) ** 2 + 0.5 + 1))
    (published,) = target(X, X, Y[None], "published")
    assert published == pytest.approx([20 + ROOT, ROOT, 0])
    assert slerp_distance(published, Y, "euclidean", "published") == pytest.approx(np.hypot(20 + ROOT, 20 - ROOT))


def test_identical_frames_give_the_distance_0_and_opposite_ones_a_number():
    sound, frame = np.random.default_rng(1).normal(0, 1, (2, 64))
    frames = np.stack([frame, 3 * frame, -frame])
    for distance in ("cosine", "euclidean"):
        away = slerp_distance(target(sound, frame, frames), sound, distance)
        assert away[:2] == pytest.approx(0, abs=1e-6) and 0.1 < away[2] < 2
    published = slerp_distance(target(sound, frame, frames, "published"), sound, "cosine", "published")
    assert (published < 0.01).all()  # a number, where the paper's formula divides 0 by 0


def test_in_the_published_mode_the_picture_hardly_matters():
    """Over 200 pictures, the distance of a sound differs by less than 0.0013."""
    drawn = np.random.default_rng(2).normal(0, 1, (200, 64))
    spread = {
        mode: np.ptp(slerp_distance(target(drawn[0], drawn[0], drawn, mode), drawn[0], "cosine", mode))
        for mode in ("published", "normalised")
    }
    assert spread["published"] < 0.0013 < 0.1 < spread["normalised"]


def test_the_largest_distances_are_those_of_the_docstrings():
    assert slerp_distance(target(X, X, X[None], "published"), -X, "euclidean", "published") == pytest.approx([41])
    assert slerp_distance(target(X, X, X[None]), -X, "euclidean") == pytest.approx([2])
    assert slerp_distance(target(X, X, X[None]), -X) == pytest.approx([2])


def test_the_best_of_n_are_the_nearest_and_a_zero_vector_is_neither_near_nor_far():
    assert best_of(np.array([[3.0, 1, 2], [1.0, 1, 0]]), 2).tolist() == [[1, 2], [2, 0]]
    with pytest.raises(ValueError, match="4 of 3 candidates; give 1 to 3"):
        best_of(np.zeros(3), 4)
    assert cosine_distance(np.zeros(3), X) == 1


def test_correlations_are_those_of_scipy_and_their_intervals_hold_them():
    rng = np.random.default_rng(3)
    values = rng.normal(0, 1, 40)
    ratings = np.round(values + rng.normal(0, 1, 40))  # with ties
    found = correlations(values, ratings)
    assert found["pearson"].value == pytest.approx(stats.pearsonr(values, ratings).statistic)
    assert found["spearman"].value == pytest.approx(stats.spearmanr(values, ratings).statistic)
    for one in found.values():
        assert one.low < one.value < one.high and 0.1 < one.high - one.low < 0.8
    assert correlations(values, ratings) == found  # no draw differs
    assert ranks(ratings) == pytest.approx(stats.rankdata(ratings))


@pytest.mark.parametrize(("values", "ratings"), [([], []), ([1, 2], [3, 4]), ([1, 1, 1], [1, 2, 3])])
def test_what_does_not_vary_has_no_correlation(values, ratings):
    assert {one.value for one in correlations(np.array(values), np.array(ratings)).values()} == {None}
