"""Calibrate the decoder's output level, so that a decoded sound is as loud as the original.

A loss of logarithms and magnitudes gives too little power wherever a bin cannot be predicted, and noise cannot be. A
decoder trained with such losses alone is about 1 dB too quiet.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plugin_backend.models.waveform_vae.high_pass import apply_high_pass
from plugin_backend.models.waveform_vae.model import WaveformVAE

AUDIBLE_POWER = 1e-6
"""Power (mean square) from which a sound counts, −60 dBFS."""


@torch.no_grad()
def calibrate_gain(model: WaveformVAE, batches: list[Tensor]) -> float:
    """Raise the decoder's output so that the median decoded sound is as loud as its original.

    Args:
        model: the model; its decoder is changed.
        batches: the sounds, each ``[batch, samples]``.

    Returns:
        The gain that was added, in dB; 0 if no sound is audible.
    """
    missing_db = torch.cat([_missing_db(model, audio) for audio in batches])
    if not missing_db.numel():
        return 0.0
    gain_db = missing_db.median().item()
    model.decoder.head.raise_by(gain_db)
    return gain_db


def _missing_db(model: WaveformVAE, audio: Tensor) -> Tensor:
    """Return by how many dB the decoded version of each audible sound is too quiet."""
    latency = model.config.latency
    decoded = model.decoder(model.encoder(audio)[0])[0].float()
    if model.config.head == "noise":
        decoded = apply_high_pass(decoded, model.config.sample_rate)
    decoded = decoded[:, latency:]
    power, decoded_power = (sound.square().mean(1) for sound in (audio[:, :-latency], decoded))
    audible = power > AUDIBLE_POWER
    return 10 * torch.log10(power[audible] / decoded_power[audible].clamp(min=AUDIBLE_POWER * 1e-6))
