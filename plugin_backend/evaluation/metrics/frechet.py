"""The Fréchet distance between sets of embeddings, stable for few windows in many dimensions.

``d² = |m₁ − m₂|² + tr(C₁ + C₂ − 2 (C₁^½ C₂ C₁^½)^½)`` for Gaussians (Dowson & Landau 1982; for embeddings of images
Heusel et al. 2017, of sounds Kilgour et al. 2019). The reported number is d².

A covariance estimated from fewer windows than dimensions is singular. So every estimate is shrunk towards a multiple
of the identity by the amount that Ledoit & Wolf (2004) derive from the data: nearly nothing for thousands of windows.
Few windows still raise the distance: compare sets of similar size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def gaussian_distance(mean_a: np.ndarray, cov_a: np.ndarray, mean_b: np.ndarray, cov_b: np.ndarray) -> float:
    """Return the squared Fréchet distance of two Gaussians: means ``[dims]``, covariances ``[dims, dims]``.

    Args:
        mean_a: of the first.
        cov_a: of the first.
        mean_b: of the second.
        cov_b: of the second.
    """
    apart = float(np.square(mean_a - mean_b).sum())
    return max(0.0, apart + float(np.trace(cov_a) + np.trace(cov_b)) - 2 * _root_trace(cov_a, cov_b))


def _root_trace(cov_a: np.ndarray, cov_b: np.ndarray) -> float:
    """Return ``tr (A^½ B A^½)^½`` by two symmetric eigenvalue problems; rounding below zero is cut off."""
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    product = root @ cov_b @ root
    return float(np.sqrt(np.maximum(np.linalg.eigvalsh((product + product.T) / 2), 0)).sum())


@dataclass(frozen=True)
class Cloud:
    """A set of embeddings as a shrunk Gaussian: covariance ``(1 − shrinkage) · XᵀX/n + shrinkage · spread · I``.

    Attributes:
        mean: ``[dims]``.
        centred: ``[n, dims]``, the embeddings minus their mean.
        spread: mean variance of a dimension.
        shrinkage: 0..1.
    """

    mean: np.ndarray
    centred: np.ndarray
    spread: float
    shrinkage: float

    @classmethod
    def of(cls, embeddings: np.ndarray) -> Cloud:
        """Return the cloud of ``[n, dims]`` embeddings, n ≥ 1."""
        embeddings = np.asarray(embeddings, np.float64)
        count, dims = embeddings.shape
        mean = embeddings.mean(axis=0)
        centred = embeddings - mean
        lengths = np.square(centred).sum(axis=1)
        products = centred @ centred.T if count < dims else centred.T @ centred
        spread, size = lengths.mean() / dims, np.square(products / count).sum() / dims
        from_identity = size - spread**2
        error = (np.square(lengths / count).sum() / dims - size / count) if count > 1 else from_identity
        shrinkage = min(1.0, max(error, 0.0) / from_identity) if from_identity > 0 else 1.0
        return cls(mean, centred, float(spread), float(shrinkage))

    @property
    def count(self) -> int:
        """Number of windows."""
        return len(self.centred)

    def covariance(self, basis: np.ndarray) -> np.ndarray:
        """Return the shrunk covariance in an orthonormal ``basis`` ``[dims, r]``: ``[r, r]``."""
        points = self.centred @ basis
        return (1 - self.shrinkage) * points.T @ points / self.count + self.floor * np.eye(basis.shape[1])

    @property
    def floor(self) -> float:
        """The variance in all directions that no embedding has."""
        return self.shrinkage * self.spread


def cloud_distance(a: Cloud, b: Cloud) -> float:
    """Return the squared Fréchet distance of two clouds; equal to :func:`gaussian_distance` of their covariances.

    Outside the directions of either cloud both are round, so only those directions need eigenvalues.
    """
    dims, apart = a.mean.size, float(np.square(a.mean - b.mean).sum())
    few = a.count + b.count < dims
    basis = np.linalg.qr(np.concatenate([a.centred, b.centred]).T)[0] if few else np.eye(dims)
    shared = _root_trace(a.covariance(basis), b.covariance(basis))
    shared += (dims - basis.shape[1]) * np.sqrt(a.floor * b.floor)
    traces = dims * (a.spread + b.spread)
    return max(0.0, apart + traces - 2 * float(shared))


def frechet_distance(guess: np.ndarray, truth: np.ndarray) -> float:
    """Return the squared Fréchet distance between two sets of embeddings, each ``[n, dims]``."""
    return cloud_distance(Cloud.of(guess), Cloud.of(truth))
