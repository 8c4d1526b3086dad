"""What training minimises: a multi-resolution spectral distance and the latents' divergence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

FFT_SIZES = (2048, 1024, 512, 256, 128)


class SpectralLoss(nn.Module):
    """Relative L2 plus log L1 between STFT magnitudes, averaged over five resolutions.

    The log's floor is 1e-3·√size: a floor near zero would fit silence and lose transients. Bins above
    each sound's own band edge are left out, so that a dull recording never teaches dullness.
    """

    def __init__(self, sample_rate: int):
        super().__init__()
        self.sample_rate = sample_rate
        for size in FFT_SIZES:
            self.register_buffer(f"window_{size}", torch.hann_window(size), persistent=False)

    def forward(self, guess: Tensor, truth: Tensor, edge_hz: Tensor) -> Tensor:
        """``guess`` and ``truth`` are ``[batch, samples]``, ``edge_hz`` is ``[batch]``; answers a scalar."""
        total = guess.new_zeros(())
        for size in FFT_SIZES:
            window = getattr(self, f"window_{size}")
            a, b = (torch.stft(x, size, size // 4, window=window, return_complex=True).abs() for x in (guess, truth))
            bins_hz = torch.arange(a.shape[1], device=a.device) * (self.sample_rate / size)
            mask = (bins_hz[None, :, None] <= edge_hz[:, None, None]).float()
            difference = (a - b) * mask
            relative = difference.flatten(1).norm(dim=1) / ((b * mask).flatten(1).norm(dim=1) + 0.05 * size**0.5)
            floor = 1e-3 * size**0.5
            log = (torch.log(a + floor) - torch.log(b + floor)).abs() * mask
            total = total + relative.mean() + (log.sum((1, 2)) / (mask.sum((1, 2)) * a.shape[2])).mean()
        return total / len(FFT_SIZES)


PEAK_WINDOW_SAMPLES, PEAK_HOP_SAMPLES, PEAK_FLOOR = 96, 48, 1e-3


def peak_loss(guess: Tensor, truth: Tensor) -> Tensor:
    """How far the peaks of 2 ms windows (at 48 kHz) are apart: relative L2 plus log L1, a scalar.

    A spectral loss forgives an attack whose parts do not add up at one instant; this does not.
    ``guess`` and ``truth`` are ``[batch, samples]``.
    """
    a, b = (
        nn.functional.max_pool1d(x.abs()[:, None], PEAK_WINDOW_SAMPLES, PEAK_HOP_SAMPLES)[:, 0] for x in (guess, truth)
    )
    relative = (a - b).norm(dim=1) / (b.norm(dim=1) + 0.05)
    log = (torch.log(a + PEAK_FLOOR) - torch.log(b + PEAK_FLOOR)).abs()
    return relative.mean() + log.mean()


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL from the posterior to a unit normal, summed over dimensions, averaged over frames (nats)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1).mean()
