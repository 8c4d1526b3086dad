"""Rank vectors by how near they are to a question."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

COSINE, EUCLIDEAN = "cosine", "euclidean"
DISTANCES = (COSINE, EUCLIDEAN)


@dataclass(frozen=True)
class Found:
    """One result of a search.

    Attributes:
        name: name of the preset, or file of the sound.
        score: how near it is. By cosine: −1 to 1, and 1 is equal. By Euclidean distance: minus the distance, at most 0.
        reason: why it was found, one line.
    """

    name: str
    score: float
    reason: str


def scores(questions: np.ndarray, vectors: np.ndarray, distance: str = COSINE) -> np.ndarray:
    """Return how near each vector is to each question, ``[questions, n]``; a larger score is nearer.

    Args:
        questions: ``[questions, dims]``.
        vectors: ``[n, dims]``.
        distance: one of :data:`DISTANCES`. For vectors of length 1 both give the same order.

    Examples:
        >>> scores(np.array([[2.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])).tolist()
        [[1.0, 0.0]]
        >>> scores(np.array([[2.0, 0.0]]), np.array([[1.0, 0.0], [2.0, 1.0]]), "euclidean").tolist()
        [[-1.0, -1.0]]
    """
    questions, vectors = np.asarray(questions, np.float64), np.asarray(vectors, np.float64)
    products = questions @ vectors.T
    lengths, known = np.linalg.norm(questions, axis=1)[:, None], np.linalg.norm(vectors, axis=1)[None]
    if distance == COSINE:
        return products / np.where(lengths * known > 0, lengths * known, 1.0)
    return -np.sqrt(np.maximum(lengths**2 + known**2 - 2 * products, 0.0))


def nearest(table: np.ndarray, count: int) -> np.ndarray:
    """Return the ``count`` best columns of each row, best first, ``[rows, count]``. Equal scores keep their order."""
    return np.argsort(-table, axis=1, kind="stable")[:, :count]


def mean_reciprocal_rank(table: np.ndarray, wanted: np.ndarray) -> float:
    """Return the mean of 1 / rank of the wanted column of each row, 0..1.

    Args:
        table: scores ``[questions, n]``.
        wanted: index of the right answer of each question. What is as near as it counts as better.

    Examples:
        >>> mean_reciprocal_rank(np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]]), np.array([0, 1]))
        0.75
    """
    own = np.take_along_axis(table, np.asarray(wanted)[:, None], axis=1)
    return float((1 / (table >= own).sum(axis=1)).mean())
