"""One training step of each phase: from crops to losses and gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from plugin_backend.models.family import DecodedTwice, RandomDraws, TrainableFamily
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
class Learner:
    """The model that learns, with its family and the score it is compared by."""

    family: TrainableFamily
    model: nn.Module
    score: SpectralScore

    def decode_twice(self, audio: Tensor, draws: RandomDraws, frozen: bool = False) -> DecodedTwice:
        """Encode ``audio`` ``[batch, samples]`` once and decode it twice, in the device's fastest precision.

        Args:
            audio: the sounds.
            draws: the random numbers of this step.
            frozen: whether the encoder gets no gradients.
        """
        return self.family.decode_twice(self.model, audio, draws, frozen, mixed_precision(audio.device))

    def scores(self, decoded: DecodedTwice, sizes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Return the scores of spectra (of these STFT sizes) and of envelopes."""
        sounds = decoded.first, decoded.second, decoded.truth
        return self.score(*(self.score.features(sound, sizes) for sound in sounds))


@dataclass(frozen=True)
class Adversary:
    """The discriminators of the second phase.

    Attributes:
        discriminators: the networks.
        optimizer: of their weights.
        reconstruction_weight: weight of the reconstruction loss beside theirs.
        adversarial_weight: 0 to 1: how much the decoder learns from them.
    """

    discriminators: Discriminators
    optimizer: torch.optim.Optimizer
    reconstruction_weight: float
    adversarial_weight: float = 1.0


def draw_for_step(generator: torch.Generator, shape: tuple[int, int, int], device: torch.device) -> RandomDraws:
    """Draw the random numbers of one step.

    Args:
        generator: the source.
        shape: of the latents, ``(batch, frames, dim)``.
        device: where the numbers are used.
    """
    noise = torch.randn(shape, generator=generator).to(device)
    seeds = torch.randint(2**62, (2, shape[0]), generator=generator).to(device)
    order = torch.randperm(len(MEL_BANDS), generator=generator)[:SIZES_A_STEP].sort().values
    return RandomDraws(noise, seeds, tuple(list(MEL_BANDS)[index] for index in order))


def spectral_step(learner: Learner, audio: Tensor, draws: RandomDraws, beta: float) -> dict[str, Tensor]:
    """Compute the losses of the first phase, an evidence lower bound, and backpropagate them.

    Args:
        learner: the model that learns.
        audio: crops, ``[batch, samples]``.
        draws: the random numbers of this step.
        beta: weight of the KL divergence.

    Returns:
        The losses by name.
    """
    decoded = learner.decode_twice(audio, draws)
    spectral, envelope = learner.scores(decoded, draws.sizes)
    reconstruction = spectral + ENVELOPE_WEIGHT * envelope + LEVELS_WEIGHT * decoded.level_error
    (reconstruction + beta * decoded.kl_divergence).backward()
    return {"spectral": spectral, "envelope": envelope, "levels": decoded.level_error, "kl": decoded.kl_divergence}


def refine_step(
    learner: Learner, adversary: Adversary, audio: Tensor, draws: RandomDraws, start: int
) -> dict[str, Tensor]:
    """Run a step of the second phase: the discriminators learn, then the decoder learns from them.

    The encoder does not change. This updates the discriminators and computes gradients of the decoder.

    Args:
        learner: the model that learns.
        adversary: the discriminators.
        audio: crops, ``[batch, samples]``.
        draws: the random numbers of this step.
        start: the discriminators get ``REFINE_CROP_SAMPLES`` samples of each crop from here.

    Returns:
        The losses by name.
    """
    discriminators = adversary.discriminators
    decoded = learner.decode_twice(audio, draws, frozen=True)
    spectral, envelope = learner.scores(decoded, draws.sizes)
    window = slice(start, start + REFINE_CROP_SAMPLES)
    fake, real = decoded.first[:, window], decoded.truth[:, window]
    with mixed_precision(audio.device):
        loss = discriminator_loss(discriminators(real), discriminators(fake.detach()))
    adversary.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if torch.isfinite(torch.nn.utils.clip_grad_norm_(discriminators.parameters(), 10.0)):
        adversary.optimizer.step()
    discriminators.requires_grad_(False)
    with mixed_precision(audio.device):
        with torch.no_grad():
            features = discriminators(real)
        adversarial, feature_matching = decoder_loss(features, discriminators(fake))
    reconstruction = spectral + ENVELOPE_WEIGHT * envelope + LEVELS_WEIGHT * decoded.level_error
    weighted = adversary.adversarial_weight * (ADVERSARIAL_WEIGHT * adversarial + FEATURE_WEIGHT * feature_matching)
    (adversary.reconstruction_weight * reconstruction + weighted).backward()
    discriminators.requires_grad_(True)
    return {
        "spectral": spectral,
        "envelope": envelope,
        "discriminator": loss,
        "adversarial": adversarial,
        "feature_matching": feature_matching,
    }
