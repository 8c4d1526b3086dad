"""The model: clips to latents and back, and the errors that it is trained on."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from plugin_backend.models.mclt_vae import complex_normal
from plugin_backend.models.mclt_vae.config import MclVaeConfig
from plugin_backend.models.mclt_vae.network import Decoder, Encoder, initialise
from plugin_backend.models.mclt_vae.spectra import Spectra

LEAST = 1e-9
"""Smallest magnitude whose root and phase are computed."""


class Posterior(NamedTuple):
    """The distribution of the network's latents, each ``[batch, latent]``.

    Attributes:
        mean: real, or complex.
        sigma: variance (of a complex number: covariance), real.
        delta: pseudo-covariance of a complex number; ``None`` of a real one.
    """

    mean: Tensor
    sigma: Tensor
    delta: Tensor | None


class Losses(NamedTuple):
    """Scalars: the mean error of the reconstruction, and the KL divergence in nats, a mean over the batch."""

    error: Tensor
    kl_divergence: Tensor


class MclVae(nn.Module):
    """A variational autoencoder of the spectra of a clip. The level of a clip passes beside the network.

    Args:
        config: its sizes.
    """

    def __init__(self, config: MclVaeConfig):
        super().__init__()
        self.config, self.spectra = config, Spectra(config)
        self.encoder, self.decoder = Encoder(config), Decoder(config)
        initialise(self)

    # Spectra and images.

    def image_of(self, spectra: Tensor) -> Tensor:
        """Return what the network sees, ``[batch, channels, height, width]``, of ``[batch, frames, bins]`` complex."""
        config, spectra = self.config, spectra.transpose(1, 2)
        magnitudes = spectra.abs()
        if config.content == "complex":
            return (spectra * magnitudes.clamp_min(LEAST) ** (config.root - 1))[:, None]
        db = 20 * magnitudes.clamp_min(10 ** (config.lowest_db / 20)).log10()
        levels = (db - config.lowest_db) * (2 / (config.highest_db - config.lowest_db)) - 1
        if config.content == "magnitude":
            return levels[:, None]
        phases = spectra.angle() / math.pi
        return torch.cat([levels, phases], 1)[:, None] if config.content == "2d" else torch.stack([levels, phases], 1)

    def parts(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return levels (−1 … 1) and phases (in π) of images, each ``[batch, bins, frames]``; not for ``complex``."""
        if self.config.content == "2d":
            return images[:, 0, : self.config.bins], images[:, 0, self.config.bins :]
        return images[:, 0], images[:, -1]

    def magnitudes_of(self, levels: Tensor) -> Tensor:
        """Return magnitudes of levels, of any shape. What is at −1 or below is 0."""
        config = self.config
        db = config.lowest_db + (levels + 1) * ((config.highest_db - config.lowest_db) / 2)
        return torch.where(levels > -1, 10 ** (db.clamp(max=config.highest_db + 20) / 20), 0.0)

    def spectra_of(self, images: Tensor, start: np.ndarray | None = None) -> Tensor:
        """Return complex spectra ``[batch, frames, bins]`` of images.

        Args:
            images: as the network returns them.
            start: complex numbers of the first phases, for ``magnitude`` only.
        """
        if self.config.content == "complex":
            magnitudes = images.abs().clamp_min(LEAST)
            return (images * magnitudes ** (1 / self.config.root - 1))[:, 0].transpose(1, 2)
        levels, phases = self.parts(images)
        magnitudes = self.magnitudes_of(levels).transpose(1, 2)
        if self.config.content != "magnitude":
            return torch.polar(magnitudes, (phases * math.pi).transpose(1, 2))
        if start is None:
            raise ValueError("a model of magnitudes needs phases to start from")
        return torch.from_numpy(self.spectra.with_phases(magnitudes.numpy(), start))

    # Latents.

    def posterior(self, images: Tensor) -> Posterior:
        """Return the distribution of the latents of images."""
        outputs = self.encoder(images)
        if self.config.content == "complex":
            mean, spread, ellipse = outputs.chunk(3, dim=1)
            return Posterior(mean, *complex_normal.parameters(spread.real, ellipse, self.config.pseudo_covariance))
        mean, log_variance = outputs.chunk(2, dim=1)
        return Posterior(mean, log_variance.clamp(-15, 15).exp(), None)

    def draw(self, posterior: Posterior, noise: Tensor) -> Tensor:
        """Return a sample of the posterior.

        Args:
            posterior: of ``[batch, latent]``.
            noise: standard normal numbers, ``[batch, network_dim]``.
        """
        mean, sigma, delta = posterior
        if delta is None:
            return mean + sigma.sqrt() * noise
        return complex_normal.sample(mean, sigma, delta, torch.complex(*noise.chunk(2, dim=1)))

    def latents_of(self, vectors: Tensor) -> Tensor:
        """Return the network's latents of real vectors ``[batch, network_dim]``: first all real, then all imaginary."""
        return torch.complex(*vectors.chunk(2, dim=1)) if self.config.content == "complex" else vectors

    # Clips.

    @torch.no_grad()
    def spectra_of_clips(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Return the spectra of clips ``[batch, clip_samples]`` scaled to RMS 1, and their levels ``[batch]``."""
        spectra, levels = self.spectra.forward(clips.detach().cpu().numpy())
        return torch.from_numpy(spectra).to(clips.device), torch.from_numpy(levels).to(clips.device)

    def losses(self, clips: Tensor, noise: Tensor | None) -> Losses:
        """Return the errors of clips that are encoded and decoded.

        Args:
            clips: ``[batch, clip_samples]`` float32.
            noise: ``[batch, network_dim]``, standard normal; ``None``: the posterior's means are decoded.
        """
        images = self.image_of(self.spectra_of_clips(clips)[0])
        posterior = self.posterior(images)
        decoded = self.decoder(posterior.mean if noise is None else self.draw(posterior, noise))
        return Losses(self._error(decoded, images), self._kl_divergence(posterior))

    def _error(self, decoded: Tensor, images: Tensor) -> Tensor:
        weight, phase_weight = self.config.magnitude_weight, self.config.phase_weight
        if self.config.content == "complex":
            error = torch.view_as_real(decoded - images).square().sum(-1).mean()
            if not weight:
                return error
            return error + weight * (_magnitude(decoded) - _magnitude(images)).square().mean()
        (levels, phases), (true_levels, true_phases) = self.parts(decoded), self.parts(images)
        error = weight * (levels - true_levels).square().mean()
        if self.config.content == "magnitude":
            return error
        difference = phases - true_phases
        if not phase_weight:
            return error + difference.square().mean()
        loud = self.magnitudes_of(true_levels).sqrt()
        return error + phase_weight * (loud * (1 - torch.cos(math.pi * difference))).mean()

    def _kl_divergence(self, posterior: Posterior) -> Tensor:
        mean, sigma, delta = posterior
        if delta is None:
            return 0.5 * (mean.square() + sigma - 1 - sigma.log()).sum(1).mean()
        return complex_normal.kl_divergence(mean, sigma, delta).sum(1).mean()


def _magnitude(x: Tensor) -> Tensor:
    """Return |x| of complex numbers, with a gradient everywhere."""
    return (torch.view_as_real(x).square().sum(-1) + 1e-12).sqrt()
