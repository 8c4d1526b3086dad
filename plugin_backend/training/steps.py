"""One training step of each phase: sound in, losses out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from plugin_backend.models.waveform_vae.decode_twice import band_level_loss, kl_divergence
from plugin_backend.models.waveform_vae.high_pass import apply_high_pass
from plugin_backend.models.waveform_vae.model import WaveformVAE
from plugin_backend.training.config import (
    ADVERSARIAL_WEIGHT,
    ENVELOPE_WEIGHT,
    FEATURE_WEIGHT,
    LEVELS_WEIGHT,
    REFINE_CROP_SAMPLES,
    SIZES_A_STEP,
)
from plugin_backend.training.device import mixed_precision
from plugin_backend.training.discriminators import Discriminators, decoder_loss, discriminator_loss
from plugin_backend.training.losses import MEL_BANDS, SpectralScore


@dataclass(frozen=True)
class Chance:
    """All that a step draws.

    Attributes:
        noise: of the latents, ``[batch, frames, dim]``; ``None``: the posterior's means are taken.
        seeds: of the decoder's two draws, ``[2, batch]`` int64.
        sizes: of the STFTs that are compared.
    """

    noise: Tensor | None
    seeds: Tensor
    sizes: tuple[int, ...] = tuple(MEL_BANDS)

    @classmethod
    def drawn(cls, generator: torch.Generator, shape: tuple[int, int, int], device: torch.device) -> Chance:
        """That of one step; ``shape`` is that of the latents."""
        noise = torch.randn(shape, generator=generator).to(device)
        seeds = torch.randint(2**62, (2, shape[0]), generator=generator).to(device)
        order = torch.randperm(len(MEL_BANDS), generator=generator)[:SIZES_A_STEP].sort().values
        return cls(noise, seeds, tuple(list(MEL_BANDS)[place] for place in order))


def two_draws(
    model: WaveformVAE, audio: Tensor, chance: Chance, frozen: bool = False
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Encode ``audio`` once, decode it twice with different noise.

    Args:
        frozen: whether the encoder learns nothing.

    Returns:
        Both draws and the truth, aligned and equally long; the divergence; and how far the stated levels are off.
    """
    latency, decoder = model.config.latency, model.decoder
    with mixed_precision(audio.device):
        with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
            mean, log_variance, _ = model.encoder(audio)
        latents = mean if chance.noise is None else mean + chance.noise * torch.exp(0.5 * log_variance)
        starts = [decoder.start(len(audio), seeds) for seeds in chance.seeds]
        features, _ = decoder.features(latents, starts[0][0])
        frames = decoder.head.out(features).float()
    draws = (apply_high_pass(decoder.head.sounded(frames, start[1])[0], model.config.sample_rate) for start in starts)
    first, second = (sound[:, latency:] for sound in draws)
    off = band_level_loss(decoder.head, frames, audio, latency)
    return first, second, audio[:, :-latency], kl_divergence(mean, log_variance), off


def scored(score: SpectralScore, sounds: tuple[Tensor, ...], sizes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Scores of spectra and envelopes of two draws and the truth, in this order."""
    return score(*(score.views(sound, sizes) for sound in sounds))


def spectral_step(
    model: WaveformVAE, score: SpectralScore, audio: Tensor, chance: Chance, beta: float
) -> dict[str, Tensor]:
    """First phase: the evidence lower bound with a score of spectra and envelopes; backpropagates."""
    *sounds, kl, off = two_draws(model, audio, chance)
    spectral, envelope = scored(score, tuple(sounds), chance.sizes)
    (spectral + ENVELOPE_WEIGHT * envelope + LEVELS_WEIGHT * off + beta * kl).backward()
    return {"spectral": spectral, "envelope": envelope, "levels": off, "kl": kl}


def refine_step(
    model: WaveformVAE,
    judges: Discriminators,
    discriminator_optimizer: torch.optim.Optimizer,
    score: SpectralScore,
    audio: Tensor,
    chance: Chance,
    start: int,
    likeness_weight: float,
    trust: float = 1.0,
) -> dict[str, Tensor]:
    """Second phase: the discriminators learn, then the decoder learns from them; the encoder stays as it is.

    The discriminators see ``REFINE_CROP_SAMPLES`` from ``start`` of the first draw. Backpropagates into the decoder;
    the discriminators' own step is taken here. ``likeness_weight`` is that of spectra and envelopes; ``trust`` in 0..1
    is how much the decoder learns from the discriminators.
    """
    *sounds, _, off = two_draws(model, audio, chance, frozen=True)
    likeness, envelope = scored(score, tuple(sounds), chance.sizes)
    window = slice(start, start + REFINE_CROP_SAMPLES)
    seen, real = sounds[0][:, window], sounds[2][:, window]
    with mixed_precision(audio.device):
        told = discriminator_loss(judges(real), judges(seen.detach()))
    discriminator_optimizer.zero_grad(set_to_none=True)
    told.backward()
    if torch.isfinite(torch.nn.utils.clip_grad_norm_(judges.parameters(), 10.0)):
        discriminator_optimizer.step()
    judges.requires_grad_(False)
    with mixed_precision(audio.device):
        with torch.no_grad():
            features = judges(real)
        doubt, match = decoder_loss(features, judges(seen))
    reconstruction = likeness + ENVELOPE_WEIGHT * envelope + LEVELS_WEIGHT * off
    heard = trust * (ADVERSARIAL_WEIGHT * doubt + FEATURE_WEIGHT * match)
    (likeness_weight * reconstruction + heard).backward()
    judges.requires_grad_(True)
    return {"spectral": likeness, "envelope": envelope, "judges": told, "doubt": doubt, "features": match}
