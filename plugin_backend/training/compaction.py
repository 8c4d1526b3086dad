"""Latent compaction: order the latents so that the first moves the sound most."""

from __future__ import annotations

import torch
from torch import Tensor

from plugin_backend.waveform_vae.model import WaveformVAE


def fit_compaction(model: WaveformVAE, means: Tensor) -> list[float]:
    """Set the model's rotation and centre from raw posterior means ``[frames, dim]``.

    Principal components of the means (Caillon & Esling 2021, "RAVE", §3.3). Answers the share of
    variance each compacted dimension holds, falling.
    """
    centre = means.mean(0)
    covariance = torch.cov((means - centre).T)
    variance, basis = torch.linalg.eigh(covariance.double())
    order = variance.argsort(descending=True)
    model.centre.copy_(centre)
    model.rotation.copy_(basis[:, order].float())
    return (variance[order] / variance.sum()).tolist()
