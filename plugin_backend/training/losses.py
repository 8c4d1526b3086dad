"""What training minimises: distances of spectra and of envelopes, and the latents' divergence."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from plugin_backend.evaluation.spectra import mel_spaced_hz, triangles

MEL_BANDS = {2048: 160, 1024: 112, 512: 72, 256: 40, 128: 20}
"""Bands by STFT size; the widest windows part the bass, the narrowest the attacks."""


class SpectralLoss(nn.Module):
    """Relative L2 plus log L1 between the mel bands of STFTs, averaged over five resolutions.

    A band's value is the root of its mean power. Bins alone would teach to fall short: noise cannot be
    foretold bin by bin, and the best guess of a logarithm or a magnitude lies a dB or more below the power;
    where a band joins many bins, hardly so. The log's floor is 1e-3·√size: a floor near zero would fit
    silence and lose transients. Bins above each sound's own band edge are left out, so that a dull recording
    never teaches dullness.
    """

    def __init__(self, sample_rate: int):
        super().__init__()
        self.sample_rate = sample_rate
        for size, bands in MEL_BANDS.items():
            corners_hz = mel_spaced_hz(0.0, sample_rate / 2, bands + 2)
            filters = triangles(corners_hz, size, sample_rate, sample_rate / size)
            self.register_buffer(f"window_{size}", torch.hann_window(size), persistent=False)
            self.register_buffer(f"mean_{size}", _floats(filters / filters.sum(1, keepdims=True)), persistent=False)
            self.register_buffer(f"bins_{size}", _floats((filters > 0).sum(1)), persistent=False)

    def forward(self, guess: Tensor, truth: Tensor, edge_hz: Tensor) -> Tensor:
        """``guess`` and ``truth`` are ``[batch, samples]``, ``edge_hz`` is ``[batch]``; answers a scalar."""
        return sum(self._distance(size, guess, truth, edge_hz) for size in MEL_BANDS) / len(MEL_BANDS)

    def _distance(self, size: int, guess: Tensor, truth: Tensor, edge_hz: Tensor) -> Tensor:
        window, mean, bins = (getattr(self, f"{name}_{size}") for name in ("window", "mean", "bins"))
        bins_hz = torch.arange(size // 2 + 1, device=guess.device) * (self.sample_rate / size)
        mask = (bins_hz[None, :, None] <= edge_hz[:, None, None]).float()
        heard = (mean @ mask > 0.5).float()  # [batch, bands, 1]
        a, b = (
            torch.sqrt(mean @ ((spectrum.real.square() + spectrum.imag.square()) * mask) + 1e-10)
            for spectrum in (torch.stft(x, size, size // 4, window=window, return_complex=True) for x in (guess, truth))
        )
        energy = heard * bins.sqrt()[:, None]  # a band counts as its bins would
        relative = ((a - b) * energy).flatten(1).norm(dim=1) / ((b * energy).flatten(1).norm(dim=1) + 0.05 * size**0.5)
        floor = 1e-3 * size**0.5
        log = (torch.log(a + floor) - torch.log(b + floor)).abs() * heard
        return relative.mean() + (log.sum((1, 2)) / (heard.sum((1, 2)) * a.shape[2]).clamp(min=1)).mean()


def _floats(numbers: np.ndarray) -> Tensor:
    return torch.from_numpy(numbers).float()


ENVELOPE_WINDOW_SAMPLES, ENVELOPE_FLOOR = 96, 1e-3


def envelope_loss(guess: Tensor, truth: Tensor) -> Tensor:
    """How far peaks and powers of 2 ms windows (at 48 kHz) are apart: relative L2 plus log L1 of each, a scalar.

    A spectral loss forgives an attack whose parts do not add up at one instant; this does not.
    ``guess`` and ``truth`` are ``[batch, samples]``.
    """
    size, total = ENVELOPE_WINDOW_SAMPLES, guess.new_zeros(())
    for envelope in (
        lambda x: nn.functional.max_pool1d(x.abs(), size, size // 2),
        lambda x: torch.sqrt(nn.functional.avg_pool1d(x.square(), size, size // 4) + 1e-8),
    ):
        a, b = (envelope(x[:, None])[:, 0] for x in (guess, truth))
        relative = (a - b).norm(dim=1) / (b.norm(dim=1) + 0.05)
        log = (torch.log(a + ENVELOPE_FLOOR) - torch.log(b + ENVELOPE_FLOOR)).abs()
        total = total + relative.mean() + log.mean()
    return total


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL from the posterior to a unit normal, summed over dimensions, averaged over frames (nats)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1).mean()
