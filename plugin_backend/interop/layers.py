"""The folded model of :mod:`~plugin_backend.waveform_vae.inference` in steps that other runtimes know.

Everything here can be scripted by TorchScript and traced into ONNX. What a part remembers of earlier
input is one flat tensor ``[batch, remembered]``, zeros at the start of a sound: it goes in, and its
successor comes out. Tensors are ``[batch, time, channels]``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from plugin_backend.waveform_vae import inference
from plugin_backend.waveform_vae.config import STEADY_FRAMES
from plugin_backend.waveform_vae.model import LOG_VARIANCE_RANGE, InverseSTFTHead, LogSpectrum


class Dense(nn.Module):
    """``x @ weight.T + bias``."""

    def __init__(self, folded: inference.Linear):
        super().__init__()
        self.register_buffer("weight", folded.weight.clone())
        self.register_buffer("bias", folded.bias.clone())

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight, self.bias)


class Normed(nn.Module):
    """A layer norm (its gain and offset are folded into what follows) and a linear layer."""

    def __init__(self, folded: inference.Normed):
        super().__init__()
        self.dense, self.width, self.eps = Dense(folded), int(folded.width[0]), folded.eps

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(nn.functional.layer_norm(x, [self.width], eps=self.eps))


class Block(nn.Module):
    """A causal ConvNeXt block; remembers ``kernel - 1`` steps."""

    def __init__(self, folded: inference.Block):
        super().__init__()
        self.steps, self.width = folded.taps.shape[0] - 1, folded.taps.shape[1]
        self.remembered = self.steps * self.width
        self.register_buffer("taps", folded.taps.T[:, None].contiguous())
        self.register_buffer("offset", folded.offset.clone())
        self.expand, self.project = Normed(folded.expand), Dense(folded.project)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        joined = torch.cat([past.reshape(x.shape[0], self.steps, self.width), x], dim=1)
        mixed = nn.functional.conv1d(joined.transpose(1, 2), self.taps, self.offset, groups=self.width)
        hidden = nn.functional.gelu(self.expand(mixed.transpose(1, 2)), approximate="tanh")
        return x + self.project(hidden), joined[:, x.shape[1] :].reshape(x.shape[0], self.remembered)


class Encoder(nn.Module):
    """``[batch, samples]`` and the past → means, deviations (each ``[batch, frames, dims]``) and the past.

    Args:
        folded: the model's encoder and compaction.
        magnitudes: windows → magnitudes of their spectrum, see :mod:`plugin_backend.interop.fourier`.
    """

    def __init__(self, folded: inference.FastEncoder, magnitudes: nn.Module):
        super().__init__()
        spectrum = folded.spectrum
        self.magnitudes, self.floor = magnitudes, LogSpectrum.FLOOR
        self.samples = spectrum.window_samples - spectrum.hop
        self.stacked = folded.stack * (spectrum.window_samples // 2 + 1)
        self.dims, self.lowest, self.highest = folded.dim, *LOG_VARIANCE_RANGE
        self.embed, self.head = Dense(folded.embed), Normed(folded.blocks.head)
        self.blocks = nn.ModuleList(Block(block) for block in folded.blocks.blocks)
        self.spread = Dense(folded.spread)
        self.remembered = self.samples + sum(block.remembered for block in self.blocks)

    def forward(self, audio: Tensor, past: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        joined, at = torch.cat([past[:, : self.samples], audio], dim=1), self.samples
        kept = [joined[:, audio.shape[1] :]]
        x = torch.log(self.magnitudes(joined) + self.floor)
        x = self.embed(x.reshape(x.shape[0], -1, self.stacked))
        for block in self.blocks:
            x, after = block(x, past[:, at : at + block.remembered])
            kept.append(after)
            at += block.remembered
        x = self.head(x)
        variance = torch.exp(torch.clamp(x[:, :, self.dims :], self.lowest, self.highest))
        return x[:, :, : self.dims], torch.sqrt(self.spread(variance)), torch.cat(kept, dim=1)


class Decoder(nn.Module):
    """``[batch, frames, dims]`` and the past → ``[batch, samples]``, late by the codec's latency, and the past.

    Args:
        folded: the model's decoder behind its compaction.
        windows: log magnitudes and phases → windows of sound, see :mod:`plugin_backend.interop.fourier`.
    """

    def __init__(self, folded: inference.FastDecoder, windows: nn.Module):
        super().__init__()
        head: InverseSTFTHead = folded.head
        self.windows, self.loudest = windows, head.LOUDEST_LOG
        self.window, self.hop, self.overlaps = head.window_samples, head.hop, head.window_samples // head.hop
        self.width = folded.embed.weight.shape[0] // folded.stack
        self.embed, self.head = Dense(folded.embed), Normed(folded.blocks.head)
        self.blocks = nn.ModuleList(Block(block) for block in folded.blocks.blocks)
        self.steady = STEADY_FRAMES
        self.remembered = sum(block.remembered for block in self.blocks) + self.steady - 1
        self.remembered += (self.overlaps - 1) * self.window

    def forward(self, latents: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        batch, at = latents.shape[0], 0
        x = self.embed(latents).reshape(batch, -1, self.width)
        kept: list[Tensor] = []
        for block in self.blocks:
            x, after = block(x, past[:, at : at + block.remembered])
            kept.append(after)
            at += block.remembered
        count = x.shape[1]
        log_magnitude, phase = torch.chunk(self.head(x), 2, dim=-1)
        magnitude = torch.exp(torch.clamp(log_magnitude, max=self.loudest))
        # InverseSTFTHead.unsteadied, without complex numbers: the first bin becomes a signed magnitude of phase 0
        real = magnitude[:, :, :2] * torch.cos(phase[:, :, :2])
        offsets = torch.cat([past[:, at : at + self.steady - 1], real[:, :, 0] - real[:, :, 1]], dim=1)
        kept.append(offsets[:, count:])
        at += self.steady - 1
        first = real[:, :, 0]
        for k in range(self.steady):
            first = first - offsets[:, k : k + count] / self.steady
        magnitude = torch.cat([first[:, :, None], magnitude[:, :, 1:]], dim=2)
        frames = self.windows(magnitude, torch.cat([torch.zeros_like(phase[:, :, :1]), phase[:, :, 1:]], dim=2))
        joined = torch.cat([past[:, at:].reshape(batch, self.overlaps - 1, self.window), frames], dim=1)
        kept.append(joined[:, count:].reshape(batch, (self.overlaps - 1) * self.window))
        pieces = joined.reshape(batch, -1, self.overlaps, self.hop)
        audio = pieces[:, self.overlaps - 1 :, 0]
        for k in range(1, self.overlaps):
            audio = audio + pieces[:, self.overlaps - 1 - k : self.overlaps - 1 - k + count, k]
        return audio.reshape(batch, -1), torch.cat(kept, dim=1)
