"""Two ways through the Fourier transform: PyTorch's own, and as products with its matrix where there is none."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from plugin_backend.waveform_vae.model import InverseSTFTHead, LogSpectrum


class Magnitudes(nn.Module):
    """``[batch, samples]`` → magnitudes of windowed frames, ``[batch, frames, window / 2 + 1]``."""

    def __init__(self, spectrum: LogSpectrum):
        super().__init__()
        self.samples, self.hop = spectrum.window_samples, spectrum.hop
        self.register_buffer("window", spectrum.window.clone())

    def forward(self, audio: Tensor) -> Tensor:
        return torch.abs(torch.fft.rfft(audio.unfold(1, self.samples, self.hop) * self.window))


class Windows(nn.Module):
    """Magnitudes and phases, each ``[batch, frames, window / 2 + 1]`` → windowed sound ``[batch, frames, window]``."""

    def __init__(self, head: InverseSTFTHead):
        super().__init__()
        self.samples = head.window_samples
        self.register_buffer("window", head.window.clone())

    def forward(self, magnitude: Tensor, phase: Tensor) -> Tensor:
        return torch.fft.irfft(torch.polar(magnitude, phase), n=self.samples) * self.window


def _angles(samples: int) -> Tensor:
    """``2 π k n / samples`` for bins *k* down and samples *n* across, float64; *k n* is reduced first."""
    steps = torch.arange(samples // 2 + 1)[:, None] * torch.arange(samples) % samples
    return steps.double() * (2 * math.pi / samples)


class MatrixMagnitudes(nn.Module):
    """:class:`Magnitudes` by a strided convolution with windowed cosines and sines."""

    def __init__(self, spectrum: LogSpectrum):
        super().__init__()
        self.hop, angles = spectrum.hop, _angles(spectrum.window_samples)
        waves = torch.cat([torch.cos(angles), torch.sin(angles)]) * spectrum.window.double()
        self.register_buffer("waves", waves.float()[:, None])

    def forward(self, audio: Tensor) -> Tensor:
        both = nn.functional.conv1d(audio[:, None], self.waves, stride=self.hop)
        real, imaginary = torch.chunk(both.transpose(1, 2), 2, dim=-1)
        return torch.sqrt(real * real + imaginary * imaginary)


class MatrixWindows(nn.Module):
    """:class:`Windows` by a product with windowed cosines and sines; inner bins count twice."""

    def __init__(self, head: InverseSTFTHead):
        super().__init__()
        samples = head.window_samples
        angles, twice = _angles(samples), torch.full((samples // 2 + 1, 1), 2.0, dtype=torch.float64)
        twice[0] = twice[-1] = 1.0
        waves = torch.cat([torch.cos(angles) * twice, -torch.sin(angles) * twice]) * (head.window.double() / samples)
        self.register_buffer("waves", waves.float())

    def forward(self, magnitude: Tensor, phase: Tensor) -> Tensor:
        return torch.cat([magnitude * torch.cos(phase), magnitude * torch.sin(phase)], dim=-1) @ self.waves
