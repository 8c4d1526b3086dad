"""The complex normal distribution of a latent: mean μ, covariance σ and pseudo-covariance δ.

σ = E|z − μ|² is real and positive, δ = E(z − μ)² is complex, and |δ| < σ. With δ = 0 the distribution is circular.
Formulas: Nakashika, "Complex-valued variational autoencoder", Interspeech 2020.
"""

from __future__ import annotations

import torch
from torch import Tensor

MOST_ELLIPTICAL = 0.98
"""Largest |δ| / σ."""


def parameters(raw_spread: Tensor, raw_ellipse: Tensor, elliptical: bool) -> tuple[Tensor, Tensor]:
    """Return σ and δ of two outputs of a network; they are valid for any outputs.

    Args:
        raw_spread: real; the logarithm of σ, limited to ±15.
        raw_ellipse: complex; δ / σ before it is limited in magnitude.
        elliptical: whether there is a δ; else it is 0.
    """
    sigma = raw_spread.clamp(-15, 15).exp()
    if not elliptical:
        return sigma, torch.zeros_like(raw_ellipse)
    return sigma, sigma * MOST_ELLIPTICAL * raw_ellipse / (1 + raw_ellipse.abs())


def sample(mean: Tensor, sigma: Tensor, delta: Tensor, noise: Tensor) -> Tensor:
    """Return z = μ + kₓ ε₁ + k_y ε₂ with kₓ = (σ + δ) / r, k_y = i √(σ² − |δ|²) / r, r = √(2σ + 2 Re δ).

    Args:
        mean: complex, any shape.
        sigma: real, of that shape.
        delta: complex, of that shape.
        noise: two independent standard normal numbers as real and imaginary part of a complex one.
    """
    root = (2 * (sigma + delta.real)).sqrt()
    across = (sigma.square() - delta.abs().square()).clamp_min(0).sqrt()
    return mean + ((sigma + delta) * noise.real + 1j * across * noise.imag) / root


def kl_divergence(mean: Tensor, sigma: Tensor, delta: Tensor) -> Tensor:
    """Return the divergence from the standard complex normal, |μ|² + |σ − 1 − ½ log(σ² − |δ|²)|, in nats, elementwise.

    Args:
        mean: complex, any shape.
        sigma: real, of that shape.
        delta: complex, of that shape.
    """
    return mean.abs().square() + (sigma - 1 - 0.5 * (sigma.square() - delta.abs().square()).log()).abs()


def deviations(sigma: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
    """Return the standard deviations of real and imaginary part, √((σ ± Re δ) / 2)."""
    return ((sigma + delta.real) / 2).sqrt(), ((sigma - delta.real) / 2).sqrt()
