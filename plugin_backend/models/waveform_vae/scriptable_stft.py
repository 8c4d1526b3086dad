"""Fourier transforms of exported codecs: PyTorch's, or matrix products where a host has no Fourier transform."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from plugin_backend.models.waveform_vae.model import Encoder, InputLevels, LogEnergies, LogSpectrum


def angles(samples: int) -> Tensor:
    """Return ``2 π k n / samples`` for bins *k* (rows) and samples *n* (columns), float64; *k n* is reduced first."""
    steps = torch.arange(samples // 2 + 1)[:, None] * torch.arange(samples) % samples
    return steps.double() * (2 * math.pi / samples)


class Transform(nn.Module):
    """``[batch, samples]`` → real and imaginary parts of windowed frames, each ``[batch, frames, bins]``."""

    if TYPE_CHECKING:
        window: Tensor

    def __init__(self, window: Tensor, hop: int, bins: int):
        super().__init__()
        self.samples, self.hop, self.bins = window.numel(), hop, bins
        self.register_buffer("window", window.clone())

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        spectra = torch.fft.rfft(audio.unfold(1, self.samples, self.hop) * self.window)[:, :, : self.bins]
        return spectra.real, spectra.imag


class MatrixTransform(nn.Module):
    """:class:`Transform` by a strided convolution with windowed cosines and sines."""

    if TYPE_CHECKING:
        waves: Tensor

    def __init__(self, window: Tensor, hop: int, bins: int):
        super().__init__()
        self.hop, turns = hop, angles(window.numel())[:bins]
        waves = torch.cat([torch.cos(turns), -torch.sin(turns)]) * window.double()
        self.register_buffer("waves", waves.float()[:, None])

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        both = nn.functional.conv1d(audio[:, None], self.waves, stride=self.hop).transpose(1, 2)
        real, imaginary = torch.chunk(both, 2, dim=-1)
        return real, imaginary


class Inverse(nn.Module):
    """Real and imaginary parts, each ``[batch, frames, bins]`` → windowed sound ``[batch, frames, window]``."""

    if TYPE_CHECKING:
        window: Tensor

    def __init__(self, window: Tensor):
        super().__init__()
        self.samples = window.numel()
        self.register_buffer("window", window.clone())

    def forward(self, real: Tensor, imaginary: Tensor) -> Tensor:
        return torch.fft.irfft(torch.complex(real, imaginary), n=self.samples) * self.window


class MatrixInverse(nn.Module):
    """:class:`Inverse` by a product with windowed cosines and sines; inner bins count twice."""

    if TYPE_CHECKING:
        waves: Tensor

    def __init__(self, window: Tensor):
        super().__init__()
        samples = window.numel()
        turns, twice = angles(samples), torch.full((samples // 2 + 1, 1), 2.0, dtype=torch.float64)
        twice[0] = twice[-1] = 1.0
        waves = torch.cat([torch.cos(turns) * twice, -torch.sin(turns) * twice]) * (window.double() / samples)
        self.register_buffer("waves", waves.float())

    def forward(self, real: Tensor, imaginary: Tensor) -> Tensor:
        return torch.cat([real, imaginary], dim=-1) @ self.waves


class Spectrum(nn.Module):
    """A :class:`~plugin_backend.models.waveform_vae.model.LogSpectrum`; ``values`` describe a codec's hop."""

    def __init__(self, part: LogSpectrum, hop: int, by_matrix: bool):
        super().__init__()
        kind = MatrixTransform if by_matrix else Transform
        self.transform, self.floor = kind(part.window, part.hop, part.bins), part.FLOOR
        self.remembered, self.values = part.remembered_samples, part.values_in(hop)

    def forward(self, joined: Tensor) -> Tensor:
        real, imaginary = self.transform(joined)
        return torch.log(torch.sqrt(real * real + imaginary * imaginary) + self.floor)


class Energies(nn.Module):
    """A :class:`~plugin_backend.models.waveform_vae.model.LogEnergies`."""

    def __init__(self, part: LogEnergies, hop: int):
        super().__init__()
        self.piece, self.per_hop, self.floor = part.piece, part.hop // part.piece, part.FLOOR
        self.remembered, self.values = part.remembered_samples, part.values_in(hop)

    def forward(self, joined: Tensor) -> Tensor:
        sound = joined[:, 1:]
        rise = sound - joined[:, :-1]
        shape = [sound.shape[0], -1, self.per_hop, self.piece]
        powers = torch.cat([(of * of).reshape(shape).mean(dim=3) for of in [sound, rise]], dim=2)
        return 0.5 * torch.log(powers + self.floor)


def scriptable_views(encoder: Encoder, by_matrix: bool) -> nn.ModuleList:
    """Return the encoder's feature extractors, each with ``remembered`` samples of past and ``values`` per hop."""

    def exported(part: nn.Module) -> nn.Module:
        if isinstance(part, InputLevels):
            return part
        if isinstance(part, LogEnergies):
            return Energies(part, encoder.hop)
        return Spectrum(cast(LogSpectrum, part), encoder.hop, by_matrix)

    return nn.ModuleList(map(exported, encoder.parts))
