"""Causal building blocks with an explicit past.

Every block maps ``(x, past) -> (y, past)``. ``past`` is what it needs of the earlier input, or ``None`` at the start
of a sound (silence before it). So a whole sound and the same sound in blocks go through the same arithmetic. Tensors
are ``[batch, time, channels]``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def with_past(x: Tensor, past: Tensor | None, length: int) -> tuple[Tensor, Tensor]:
    """Put ``length`` past steps before ``x`` along time; return the result and the new past.

    Args:
        x: ``[batch, time, …]``.
        past: the steps before it, or ``None`` for silence.
        length: how many steps the past has.
    """
    if past is None:
        past = x.new_zeros(x.shape[0], length, *x.shape[2:])
    joined = torch.cat([past, x], dim=1)
    return joined, joined.narrow(1, x.shape[1], length)


class CausalDepthwise(nn.Module):
    """A depthwise convolution over the present and ``kernel - 1`` past steps."""

    def __init__(self, width: int, kernel: int):
        super().__init__()
        self.kernel = kernel
        self.conv = nn.Conv1d(width, width, kernel, groups=width)

    def forward(self, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        joined, past = with_past(x, past, self.kernel - 1)
        return self.conv(joined.transpose(1, 2)).transpose(1, 2), past


class ConvNeXtBlock(nn.Module):
    """A causal one-dimensional ConvNeXt block (Liu et al. 2022): a depthwise convolution, then an MLP per step."""

    def __init__(self, width: int, kernel: int, expansion: int, scale: float):
        super().__init__()
        self.mix = CausalDepthwise(width, kernel)
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, width * expansion)
        self.act = nn.GELU(approximate="tanh")
        self.project = nn.Linear(width * expansion, width)
        self.gain = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        mixed, past = self.mix(x, past)
        return x + self.gain * self.project(self.act(self.expand(self.norm(mixed)))), past


class Backbone(nn.Module):
    """A stack of ConvNeXt blocks and a final norm. ``past`` is a list with one entry per block."""

    def __init__(self, width: int, blocks: int, kernel: int, expansion: int):
        super().__init__()
        self.blocks = nn.ModuleList(ConvNeXtBlock(width, kernel, expansion, 1 / blocks) for _ in range(blocks))
        self.norm, self.kernel = nn.LayerNorm(width), kernel

    def start(self, batch: int) -> list[Tensor]:
        """Return the past of the blocks at a sound's start: silence."""
        weight = self.norm.weight
        return [weight.new_zeros(batch, self.kernel - 1, len(weight)) for _ in self.blocks]

    def forward(self, x: Tensor, past: list | None) -> tuple[Tensor, list]:
        past = past or [None] * len(self.blocks)
        after = []
        for block, block_past in zip(self.blocks, past, strict=True):
            x, block_past = block(x, block_past)
            after.append(block_past)
        return self.norm(x), after
