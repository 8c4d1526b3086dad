"""Split a sound into three bands whose sum is the sound."""

from __future__ import annotations

import torch
from torch import Tensor

from plugin_backend.models.band_sizes import BANDS, LONGER, SEGMENT, SHORTER

__all__ = ["BANDS", "LONGER", "SEGMENT", "SHORTER", "split_bands"]


def split_bands(sound: Tensor, margin: int = SEGMENT, longer: int = LONGER, shorter: int = SHORTER) -> Tensor:
    """Split a sound into low, middle and high.

    Args:
        sound: ``[batch, samples]``.
        margin: samples that are left out at each end. Sample 0 of the bands is sample ``margin`` of the sound.
        longer: samples of the filter between low and middle, a power of two.
        shorter: samples of the filter between middle and high, a power of two.

    Returns:
        ``[batch, BANDS, samples - 2 * margin]``.
    """
    samples = sound.shape[1] - 2 * margin
    low = _mean_twice(sound, longer).narrow(1, margin - longer + 1, samples)
    below_high = _mean_twice(sound, shorter).narrow(1, margin - shorter + 1, samples)
    return torch.stack([low, below_high - low, sound.narrow(1, margin, samples) - below_high], dim=1)


def _mean_twice(sound: Tensor, size: int) -> Tensor:
    """Apply a mean over ``size`` samples, a power of two, twice. Sample 0 belongs to the sound's ``size - 1``."""
    for _ in range(2):
        step = 1
        while step < size:
            sound = sound[:, : sound.shape[1] - step] + sound[:, step:]
            step = step * 2
    return sound / size**2
