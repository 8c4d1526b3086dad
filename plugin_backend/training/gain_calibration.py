"""Level: a sound comes back as loud as it went in.

Losses of logarithms and magnitudes fall short of the power wherever a bin cannot be foretold, and noise cannot: a
decoder trained by them alone is about a dB too quiet.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plugin_backend.models.waveform_vae.high_pass import apply_high_pass
from plugin_backend.models.waveform_vae.model import WaveformVAE

HEARD = 1e-6
"""Power (mean square) from which a sound counts, −60 dBFS."""


@torch.no_grad()
def fit_level(model: WaveformVAE, batches: list[Tensor]) -> float:
    """Raise the decoder's output so that of sounds, each ``[batch, samples]``, the median comes back as loud as it is.

    Answers the dB it was raised by; 0 if none of them is heard.
    """
    lacking = torch.cat([_lacking_db(model, audio) for audio in batches])
    if not lacking.numel():
        return 0.0
    gain_db = lacking.median().item()
    model.decoder.head.raise_by(gain_db)
    return gain_db


def _lacking_db(model: WaveformVAE, audio: Tensor) -> Tensor:
    """By how many dB each sound that is heard comes back too quiet."""
    latency = model.config.latency
    guess = model.decoder(model.encoder(audio)[0])[0].float()
    if model.config.head == "noise":
        guess = apply_high_pass(guess, model.config.sample_rate)
    guess = guess[:, latency:]
    power, back = (sound.square().mean(1) for sound in (audio[:, :-latency], guess))
    heard = power > HEARD
    return 10 * torch.log10(power[heard] / back[heard].clamp(min=HEARD * 1e-6))
