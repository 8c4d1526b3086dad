"""One training step of each phase: sound in, losses out."""

from __future__ import annotations

from dataclasses import dataclass

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
from plugin_backend.waveform_vae.config import WaveformVAEConfig
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


@dataclass(frozen=True)
class Drawn:
    """What chance decides of one refinement step: see :func:`refine_step` and :func:`midway`."""

    start: int
    shares: Tensor
    lead_frames: int

    @classmethod
    def of(cls, batch: int, samples: int, config: WaveformVAEConfig, chance: torch.Generator) -> Drawn:
        """For ``batch`` crops (an even number) of ``samples``."""
        room = samples - config.latency - REFINE_CROP_SAMPLES
        seen_frames = REFINE_CROP_SAMPLES // config.hop
        start = int(torch.randint(0, max(room, 1), (1,), generator=chance))
        lead_frames = int(torch.randint(0, seen_frames, (1,), generator=chance))
        return cls(start, torch.rand(batch // 2, 1, 1, generator=chance), lead_frames)


def midway(model: WaveformVAE, audio: Tensor, shares: Tensor, lead_frames: int) -> Tensor:
    """Sound from between two halves of a batch: their loudest frames meet, their latents are interpolated.

    Args:
        audio: ``[2 × pairs, samples]``.
        shares: ``[pairs, 1, 1]`` in 0..1: how much of each latent is the second half's.
        lead_frames: how many frames before the loudest one are answered.

    Answers ``[pairs, REFINE_CROP_SAMPLES]``. Only the decoder learns from it.
    """
    config = model.config
    power = audio.unflatten(1, (-1, config.hop)).square().mean(2)
    with mixed_precision(audio.device):
        with torch.no_grad():
            mean, _, _ = model.encoder(audio)
        earlier = config.decoder_frames_of_memory
        first = power.argmax(1) - lead_frames - earlier
        frames = torch.arange(earlier + -(-(REFINE_CROP_SAMPLES + config.latency) // config.hop), device=audio.device)
        heard = torch.stack([row[(begin + frames) % len(row)] for row, begin in zip(mean, first, strict=True)])
        one, other = heard.chunk(2)
        guess, _ = model.decoder(torch.lerp(one, other, shares.to(heard.device)))
    begin = earlier * config.hop + config.latency
    return guess[:, begin : begin + REFINE_CROP_SAMPLES].float()


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
    drawn: Drawn,
    likeness_weight: float,
    trust: float = 1.0,
) -> dict[str, Tensor]:
    """Second phase: the critics learn, then the decoder learns from them; the encoder stays as it is.

    The critics see ``REFINE_CROP_SAMPLES`` of each crop, and as much from between every two crops, which no
    recording is compared with (as in Berthelot et al. 2018): mixtures are to sound recorded too. Backpropagates
    into the decoder; the critics' own step is taken here. ``likeness_weight`` is that of spectra and envelopes;
    ``trust`` in 0..1 is how much the decoder listens to the critics.
    """
    guess, truth, _ = there_and_back(model, audio, noise, frozen=True)
    likeness, envelope = spectral(guess, truth, edge_hz), envelope_loss(guess, truth)
    window = slice(drawn.start, drawn.start + REFINE_CROP_SAMPLES)
    real = truth[:, window]
    seen = torch.cat([guess[:, window], midway(model, audio, drawn.shares, drawn.lead_frames)])
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
