"""The losses of the two spectral VAEs."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from plugin_backend.models.family import ClipBatch
from plugin_backend.models.spectral_vae.comb_model import CombVAE, NoteSpectrum
from plugin_backend.models.spectral_vae.image_model import ImageVAE

BETA, IMAGE_BETA, BETA_WARM_UP = 1e-4, 1e-5, 0.1
"""Weights of the KL divergence; they rise from 0 in this share of a run."""

ATTACK_FRAMES, OTHER_FRAMES = 8, 40
"""Spectra of a sound that are compared in one step: its first, and others drawn at random. All would take four times
as long."""

LEVEL_WEIGHT, SHAPE_WEIGHT = 0.1, 1.0
"""Weights of the mean error in dB, and of the spectral convergence."""

HALF_WEIGHT_HZ = 1000.0
"""Bins are weighted by 1 / (1 + f / this), nearly as ears divide frequencies."""


def latents(means: Tensor, log_variances: Tensor, generator: Generator | None) -> tuple[Tensor, Tensor]:
    """Return drawn latents and the mean KL divergence in nats; without a generator, the means.

    Args:
        means: ``[batch, dims]``.
        log_variances: ``[batch, dims]``.
        generator: of the noise.
    """
    divergence = 0.5 * (means.square() + log_variances.exp() - 1 - log_variances).sum(1).mean()
    if generator is None:
        return means, divergence
    noise = torch.randn(means.shape, generator=generator).to(means.device)
    return means + noise * (log_variances / 2).exp(), divergence


def compared_frames(frames: int, generator: Generator | None) -> Tensor:
    """Return the indices of the spectra to compare; without a generator, all."""
    if generator is None or frames <= ATTACK_FRAMES + OTHER_FRAMES:
        return torch.arange(frames)
    others = torch.randperm(frames - ATTACK_FRAMES, generator=generator)[:OTHER_FRAMES]
    return torch.cat([torch.arange(ATTACK_FRAMES), ATTACK_FRAMES + others.sort().values])


def convergence(estimate: Tensor, truth: Tensor) -> Tensor:
    """Return the mean spectral convergence ``|X̂ − X| / |X|`` of magnitudes ``[batch, frames, bins]``."""
    error = (estimate - truth).square().sum((1, 2)).clamp(min=1e-12).sqrt()
    return (error / truth.square().sum((1, 2)).sqrt().clamp(min=1e-3)).mean()


def comb_losses(model: CombVAE, batch: ClipBatch, generator: Generator | None, progress: float) -> dict[str, Tensor]:
    """Return the losses of our own configuration. See :class:`~plugin_backend.models.family.VectorFamily`.

    Args:
        model: the model.
        batch: the sounds.
        generator: of all random numbers.
        progress: of the run, 0 … 1.
    """
    with torch.no_grad():
        values = model.measured(batch.audio)
        values_db = model.in_db(values)
        pitch = batch.pitch.nan_to_num(0.0)
    timbre, divergence = latents(*model.posterior(values_db, pitch), generator)
    note = model.describe(timbre, pitch)
    frames = compared_frames(model.config.frames, generator).to(pitch.device)
    seen = NoteSpectrum(note.harmonics_db[:, frames], note.lines_db[:, frames], note.noise_db[:, frames], note.stretch)
    power = model.power(seen, pitch)
    truth, truth_db = values[:, frames], values_db[:, frames]
    error_db = (10 * torch.log10(power + 10 ** (model.range_db[0] / 10)) - truth_db).abs()
    bin_hz = model.config.sample_rate / model.config.window
    weights = 1 / (1 + torch.arange(model.config.bins, device=pitch.device) * bin_hz / HALF_WEIGHT_HZ)
    level_db = (error_db * weights).mean() / weights.mean()
    shape = convergence(power.clamp(min=1e-18).sqrt(), truth)
    beta = BETA * min(1.0, progress / BETA_WARM_UP)
    loss = LEVEL_WEIGHT * level_db + SHAPE_WEIGHT * shape + beta * divergence
    return {"loss": loss, "level_db": level_db, "convergence": shape, "kl": divergence}


def image_losses(model: ImageVAE, batch: ClipBatch, generator: Generator | None, progress: float) -> dict[str, Tensor]:
    """Return the losses of the published configuration: mean square error of the image, and KL divergence.

    Args:
        model: the model.
        batch: the sounds.
        generator: of the noise.
        progress: of the run, 0 … 1.
    """
    with torch.no_grad():
        values = model.measured(batch.audio)
        image = model.image(model.in_db(values))
    timbre, divergence = latents(*model.posterior(image), generator)
    drawn = model.draw(timbre)
    error = (drawn - image).square().mean()
    beta = IMAGE_BETA * min(1.0, progress / BETA_WARM_UP)
    shape = convergence(model.magnitudes_of(drawn).detach(), values)
    return {"loss": error + beta * divergence, "mse": error, "convergence": shape, "kl": divergence}
