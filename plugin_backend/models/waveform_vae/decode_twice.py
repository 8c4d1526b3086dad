"""Decode training sounds twice, and compare the levels that the decoder predicts."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from plugin_backend.models.band_split import BANDS, split_bands
from plugin_backend.models.family import DecodedTwice, RandomDraws
from plugin_backend.models.waveform_vae.band_levels import REACH, SEGMENT
from plugin_backend.models.waveform_vae.high_pass import apply_high_pass
from plugin_backend.models.waveform_vae.model import WaveformVAE

QUIETEST_LEVEL = -9.0
"""Of a band, in nepers (−78 dBFS). Below it the predicted level does not matter."""


def decode_twice(
    model: WaveformVAE, audio: Tensor, draws: RandomDraws, frozen: bool, precision: AbstractContextManager
) -> DecodedTwice:
    """Encode ``audio`` ``[batch, samples]`` once and decode it twice; see ``TrainableFamily.decode_twice``.

    Args:
        model: the model.
        audio: the sounds.
        draws: the random numbers.
        frozen: whether the encoder gets no gradients.
        precision: the context for the matrix products.
    """
    latency, decoder = model.config.latency, model.decoder
    with precision:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
            mean, log_variance, _ = model.encoder(audio)
        latents = mean if draws.noise is None else mean + draws.noise * torch.exp(0.5 * log_variance)
        starts = [decoder.start(len(audio), seeds) for seeds in draws.seeds]
        features, _ = decoder.features(latents, starts[0][0])
        frames = decoder.head.out(features).float()
    sounds = (
        apply_high_pass(decoder.head.synthesize(frames, start[1])[0], model.config.sample_rate) for start in starts
    )
    first, second = (sound[:, latency:] for sound in sounds)
    level_error = band_level_loss(decoder.head, frames, audio, latency)
    return DecodedTwice(first, second, audio[:, :-latency], kl_divergence(mean, log_variance), level_error)


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the KL divergence of the posterior from a unit normal: summed over dimensions, mean over frames (nats)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1).mean()


def band_level_loss(head: Any, frames: Tensor, audio: Tensor, latency: int) -> Tensor:
    """Return the mean error of the predicted band levels, in nepers; 0 if the decoder predicts none.

    The reconstruction loss depends on a predicted level only as far as the decoder trusts it. This loss trains the
    prediction before that.

    Args:
        head: of the decoder.
        frames: the output of its last layer.
        audio: what was encoded, ``[batch, samples]``.
        latency: of the decoder, in samples.
    """
    if getattr(head, "levels", None) is None:
        return audio.new_zeros(())
    predicted = head.parts(frames)["levels"].reshape(len(audio), -1, BANDS)
    margin = REACH + SEGMENT
    true = head.levels.measured(split_bands(nn.functional.pad(audio, (margin, margin))))  # from sample 0 on
    late = latency // SEGMENT - 1  # the first prediction is for the second moment
    compared = true[:, : predicted.shape[1] - late], predicted[:, late:]
    first, second = (levels.clamp(min=QUIETEST_LEVEL) for levels in compared)
    return (first - second).abs().mean()
