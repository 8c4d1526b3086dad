"""The folded model of :mod:`~plugin_backend.models.waveform_vae.fast_inference` in steps that other runtimes support.

Everything here can be scripted by TorchScript and traced into ONNX. The past of a part is one flat tensor
``[batch, remembered]``, zeros at the start of a sound: it is an input, and the next past is an output. Tensors are
``[batch, time, channels]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from plugin_backend.dsp.sanitize import MAX_SAMPLE
from plugin_backend.models.waveform_vae import fast_inference as inference
from plugin_backend.models.waveform_vae.model import LOG_VARIANCE_RANGE

LARGEST_LATENT = 1e6


def finite(x: Tensor, highest: float) -> Tensor:
    """Make the input finite as :func:`plugin_backend.dsp.sanitize.sanitize` does: NaN and infinite values become 0."""
    is_number = torch.abs(x) <= 3.4028234e38  # float32's largest; NaN is not below it
    return torch.clamp(torch.where(is_number, x, torch.zeros_like(x)), -highest, highest)


class Dense(nn.Module):
    """``x @ weight.T + bias``."""

    if TYPE_CHECKING:
        weight: Tensor
        bias: Tensor

    def __init__(self, folded: inference.Linear | inference.SmallLinear):
        super().__init__()
        self.register_buffer("weight", folded.weight.clone())
        self.register_buffer("bias", folded.bias.clone())

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight, self.bias)


class NormalizedLinear(nn.Module):
    """A layer norm (its gain and offset are folded into the next layer) and a linear layer."""

    def __init__(self, folded: inference.NormalizedLinear):
        super().__init__()
        self.dense, self.width, self.eps = Dense(folded), int(folded.width[0]), folded.eps

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(nn.functional.layer_norm(x, [self.width], eps=self.eps))


class Block(nn.Module):
    """A causal ConvNeXt block. The past is ``kernel - 1`` steps."""

    if TYPE_CHECKING:
        taps: Tensor
        offset: Tensor

    def __init__(self, folded: inference.Block):
        super().__init__()
        self.steps, self.width = folded.taps.shape[0] - 1, folded.taps.shape[1]
        self.remembered = self.steps * self.width
        self.register_buffer("taps", folded.taps.T[:, None].contiguous())
        self.register_buffer("offset", folded.offset.clone())
        self.expand, self.project = NormalizedLinear(folded.expand), Dense(folded.project)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        joined = torch.cat([past.reshape(x.shape[0], self.steps, self.width), x], dim=1)
        mixed = nn.functional.conv1d(joined.transpose(1, 2), self.taps, self.offset, groups=self.width)
        hidden = nn.functional.gelu(self.expand(mixed.transpose(1, 2)), approximate="tanh")
        return x + self.project(hidden), joined[:, x.shape[1] :].reshape(x.shape[0], self.remembered)


class Encoder(nn.Module):
    """``[batch, samples]`` and the past → means, deviations (each ``[batch, frames, dims]``) and the past.

    Args:
        folded: the model's encoder and latent rotation.
        views: its feature extractors, see :func:`plugin_backend.models.waveform_vae.scriptable_stft.scriptable_views`.
    """

    def __init__(self, folded: inference.FastEncoder, views: nn.ModuleList):
        super().__init__()
        self.views, self.samples, self.hop = views, folded.views.remembered_samples, folded.views.hop
        self.loudest = MAX_SAMPLE
        self.seen = folded.embed.weight.shape[1]
        self.dims, self.lowest, self.highest = folded.dim, *LOG_VARIANCE_RANGE
        self.embed, self.head = Dense(folded.embed), NormalizedLinear(folded.blocks.head)
        blocks = [Block(block) for block in folded.blocks.blocks]
        self.blocks, self.spread = nn.ModuleList(blocks), Dense(folded.spread)
        self.remembered = self.samples + sum(block.remembered for block in blocks)

    def forward(self, audio: Tensor, past: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if audio.shape[1] % self.hop != 0:
            raise ValueError(f"{audio.shape[1]} samples; a stream needs whole hops of {self.hop}")
        hops = audio.reshape(audio.shape[0], -1, self.hop)  # in ONNX, which cannot raise, this gives the error
        audio = finite(hops, self.loudest).flatten(1)
        joined, at = torch.cat([past[:, : self.samples], audio], dim=1), self.samples
        kept = [joined[:, audio.shape[1] :]]
        seen: list[Tensor] = []
        for view in self.views:
            logarithms = view(joined[:, self.samples - view.remembered :])  # type: ignore[operator]
            seen.append(logarithms.reshape(audio.shape[0], -1, view.values))
        x = self.embed(torch.cat(seen, dim=2))
        for block in self.blocks:
            x, after = block(x, past[:, at : at + block.remembered])  # type: ignore[operator]
            kept.append(after)
            at += int(block.remembered)  # type: ignore[arg-type]
        x = self.head(x)
        variance = torch.exp(torch.clamp(x[:, :, self.dims :], self.lowest, self.highest))
        return x[:, :, : self.dims], torch.sqrt(self.spread(variance)), torch.cat(kept, dim=1)


class Decoder(nn.Module):
    """``[batch, frames, dims]`` and the past → ``[batch, samples]``, late by the codec's latency, and the past.

    Args:
        folded: the model's latent rotation and decoder.
        head: its output layer, see :func:`plugin_backend.models.waveform_vae.scriptable_heads.scriptable_head`.
    """

    def __init__(self, folded: inference.FastDecoder, head: nn.Module):
        super().__init__()
        self.largest = LARGEST_LATENT
        self.width = folded.embed.weight.shape[0] // folded.stack
        self.embed, self.out = Dense(folded.embed), NormalizedLinear(folded.blocks.head)
        blocks = [Block(block) for block in folded.blocks.blocks]
        self.blocks, self.head = nn.ModuleList(blocks), head
        self.remembered = sum(block.remembered for block in blocks) + cast(int, head.remembered)

    def forward(self, latents: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        batch, at = latents.shape[0], 0
        x = self.embed(finite(latents, self.largest)).reshape(batch, -1, self.width)
        kept: list[Tensor] = []
        for block in self.blocks:
            x, after = block(x, past[:, at : at + block.remembered])  # type: ignore[operator]
            kept.append(after)
            at += int(block.remembered)  # type: ignore[arg-type]
        audio, after = self.head(self.out(x), past[:, at:])
        kept.append(after)
        return audio, torch.cat(kept, dim=1)
