"""The high-pass at the end of a noise decoder. It removes offsets and rumble.

Noise shaped in windows of 21 ms cannot separate 60 Hz from 20 Hz. Two one-pole high-passes remove what no loudspeaker
plays, and every offset.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from plugin_backend.models.waveform_vae.constants import HIGH_PASS_SECTIONS as SECTIONS
from plugin_backend.models.waveform_vae.constants import high_pass_pole


class HighPass:
    """The filter for sounds that come in blocks, in double precision.

    Args:
        sample_rate: in Hz.

    Attributes:
        sections: the coefficients, in SciPy's order.
    """

    def __init__(self, sample_rate: int):
        from scipy.signal._sosfilt import _sosfilt  # sosfilt's inner loop: the checks around it take ten times as long

        self._filter = _sosfilt
        pole = high_pass_pole(sample_rate)
        gain = (1 + pole) / 2
        self.sections = np.array([[gain, -gain, 0.0, 1.0, -pole, 0.0]] * SECTIONS)

    @staticmethod
    def start(batch: int) -> Tensor:
        """Return the past at a sound's first sample: ``[batch, 2 * SECTIONS]`` float64."""
        return torch.zeros(batch, 2 * SECTIONS, dtype=torch.float64)

    def __call__(self, sound: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Filter ``[batch, samples]`` float32; return the same shape, and the past after it."""
        filtered, after = sound.numpy().astype(np.float64), past.numpy().copy()
        self._filter(self.sections, filtered, after.reshape(-1, SECTIONS, 2))  # both in place
        return torch.from_numpy(filtered.astype(np.float32)), torch.from_numpy(after)


def apply_high_pass(sound: Tensor, sample_rate: int) -> Tensor:
    """Filter whole sounds ``[batch, samples]`` by a Fourier transform, so that gradients can be computed."""
    size = 2 ** math.ceil(math.log2(sound.shape[1] + sample_rate / 5))
    turn = torch.exp(-2j * math.pi * torch.arange(size // 2 + 1, device=sound.device) / size)
    pole = high_pass_pole(sample_rate)
    response = ((1 + pole) / 2 * (1 - turn) / (1 - pole * turn)) ** SECTIONS
    return torch.fft.irfft(torch.fft.rfft(sound, n=size) * response.to(torch.complex64), n=size)[:, : sound.shape[1]]
