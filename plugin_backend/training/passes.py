"""One training step of each phase: sound in, losses out."""

from __future__ import annotations

import torch
from torch import Tensor

from plugin_backend.training.device import mixed_precision
from plugin_backend.training.discriminators import Judges, decoder_loss, judges_loss
from plugin_backend.training.losses import SpectralLoss, divergence, envelope_loss
from plugin_backend.training.settings import (
    DOUBT_WEIGHT,
    ENVELOPE_WEIGHT,
    FEATURE_WEIGHT,
    REFINE_CROP_SAMPLES,
)
from plugin_backend.waveform_vae.model import WaveformVAE


def there_and_back(
    model: WaveformVAE, audio: Tensor, noise: Tensor | None, frozen: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Encode, add the posterior's spread times ``noise`` ``[batch, frames, dim]``, decode.

    Answers the guess and the truth, aligned and equally long, and the divergence.
    """
    latency = model.config.latency
    with mixed_precision(audio.device):
        with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
            mean, log_variance, _ = model.encoder(audio)
        latents = mean if noise is None else mean + noise * torch.exp(0.5 * log_variance)
        guess, _ = model.decoder(latents)
    return guess[:, latency:].float(), audio[:, :-latency], divergence(mean, log_variance)


def spectral_step(
    model: WaveformVAE, spectral: SpectralLoss, audio: Tensor, edge_hz: Tensor, noise: Tensor, beta: float
) -> dict[str, Tensor]:
    """First phase: the evidence lower bound with a likelihood of spectra and envelopes; backpropagates."""
    guess, truth, kl = there_and_back(model, audio, noise)
    likeness, envelope = spectral(guess, truth, edge_hz), envelope_loss(guess, truth)
    (likeness + ENVELOPE_WEIGHT * envelope + beta * kl).backward()
    return {"spectral": likeness, "envelope": envelope, "kl": kl}


def refine_step(
    model: WaveformVAE,
    judges: Judges,
    judges_optimiser: torch.optim.Optimizer,
    spectral: SpectralLoss,
    audio: Tensor,
    edge_hz: Tensor,
    noise: Tensor,
    start: int,
    likeness_weight: float,
    trust: float = 1.0,
) -> dict[str, Tensor]:
    """Second phase: the critics learn, then the decoder learns from them; the encoder stays as it is.

    The critics see ``REFINE_CROP_SAMPLES`` from ``start``. Backpropagates into the decoder; the critics'
    own step is taken here. ``likeness_weight`` is that of spectra and envelopes; ``trust`` in 0..1 is how much the
    decoder listens to the critics.
    """
    guess, truth, _ = there_and_back(model, audio, noise, frozen=True)
    likeness, envelope = spectral(guess, truth, edge_hz), envelope_loss(guess, truth)
    window = slice(start, start + REFINE_CROP_SAMPLES)
    seen, real = guess[:, window], truth[:, window]
    with mixed_precision(audio.device):
        told = judges_loss(judges(real), judges(seen.detach()))
    judges_optimiser.zero_grad(set_to_none=True)
    told.backward()
    if torch.isfinite(torch.nn.utils.clip_grad_norm_(judges.parameters(), 10.0)):
        judges_optimiser.step()
    judges.requires_grad_(False)
    with mixed_precision(audio.device):
        with torch.no_grad():
            features = judges(real)
        doubt, match = decoder_loss(features, judges(seen))
    reconstruction = likeness + ENVELOPE_WEIGHT * envelope
    heard = trust * (DOUBT_WEIGHT * doubt + FEATURE_WEIGHT * match)
    (likeness_weight * reconstruction + heard).backward()
    judges.requires_grad_(True)
    return {"spectral": likeness, "envelope": envelope, "judges": told, "doubt": doubt, "features": match}
