"""The complex normal distribution: samples, divergence, and what δ does."""

import numpy as np
import torch

from plugin_backend.models.mclt_vae.complex_normal import deviations, kl_divergence, parameters, sample

MEAN = torch.tensor([0.3 - 0.2j, 0.0 + 0.0j, -1.0 + 2.0j])
SIGMA = torch.tensor([0.7, 2.0, 0.1])
DELTA = torch.tensor([0.4 + 0.3j, -1.2 + 0.9j, 0.02 - 0.05j])


def test_samples_have_the_mean_covariance_and_pseudo_covariance():
    torch.manual_seed(0)
    z = sample(MEAN, SIGMA, DELTA, torch.complex(torch.randn(400_000, 3), torch.randn(400_000, 3)))
    centred = z - MEAN
    assert (z.mean(0) - MEAN).abs().max() < 0.01
    assert (centred.abs().square().mean(0) / SIGMA - 1).abs().max() < 0.01
    assert (centred.square().mean(0) - DELTA).abs().max() < 0.02
    parts = torch.stack([centred.real.std(0), centred.imag.std(0)])
    assert (parts / torch.stack(deviations(SIGMA, DELTA)) - 1).abs().max() < 0.01


def test_the_divergence_is_that_of_the_two_real_numbers():
    for mean, sigma, delta, found in zip(MEAN, SIGMA, DELTA, kl_divergence(MEAN, SIGMA, DELTA), strict=True):
        covariance = torch.tensor([
            [sigma + delta.real, delta.imag],
            [delta.imag, sigma - delta.real],
        ]) / 2  # fmt: skip
        posterior = torch.distributions.MultivariateNormal(torch.view_as_real(mean), covariance)
        prior = torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2) / 2)
        assert abs(torch.distributions.kl_divergence(posterior, prior) - found) < 1e-5


def test_any_outputs_of_a_network_give_a_valid_distribution():
    raw = torch.complex(torch.tensor([0.0, 1e6, -1e6, 3.0]), torch.tensor([0.0, 1e6, 2.0, -4.0]))
    sigma, delta = parameters(torch.tensor([0.0, 1e6, -1e6, 1.0]), raw, True)
    assert (delta.abs() < sigma).all() and torch.isfinite(kl_divergence(raw * 0, sigma, delta)).all()
    assert torch.isfinite(torch.view_as_real(sample(raw * 0, sigma, delta, raw.sgn()))).all()


def test_delta_is_really_on():
    """With δ on, samples lie on an ellipse that the network's third output turns; off, they lie on a circle."""
    torch.manual_seed(1)
    noise = torch.complex(torch.randn(20_000), torch.randn(20_000))
    raw, zero = torch.full((20_000,), 3j), torch.zeros(20_000)
    shapes = {}
    for elliptical in (True, False):
        sigma, delta = parameters(zero, raw, elliptical)
        z = sample(torch.zeros(20_000, dtype=torch.complex64), sigma, delta, noise)
        shapes[elliptical] = np.corrcoef(z.real, z.imag)[0, 1]
    assert shapes[True] > 0.7 and abs(shapes[False]) < 0.02


def test_delta_gets_gradients_of_both_terms():
    spread = torch.zeros(3, requires_grad=True)
    raw = torch.tensor([0.5 + 0.1j, -0.2j + 0.3, 0.4 + 0j], requires_grad=True)
    for term in ("sample", "divergence"):
        sigma, delta = parameters(spread, raw, True)
        noise = torch.tensor([1 + 2j, -1 + 0.5j, 0.3 - 1j])
        value = sample(MEAN, sigma, delta, noise).abs().sum() if term == "sample" else kl_divergence(MEAN, sigma, delta)
        (gradient,) = torch.autograd.grad(value.sum(), raw)
        assert gradient.abs().min() > 1e-3
