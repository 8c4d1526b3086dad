"""The trained model made fast: fewer and better steps, and no sample depends on the block.

What is folded: each norm's gain and offset into the layer after it, each block's output gain into its
last layer, the latent compaction and the spectrum's scale into the layers beside them. The folded weights are
rounded to half precision (see :mod:`~plugin_backend.waveform_vae.products`). Every kernel here gives a row the same
bits however many rows come with it, so streaming equals offline exactly; where PyTorch has only its plain product, to
float rounding.

Tensors are ``[batch, time, channels]``; every part maps ``(x, past) -> (y, past)`` as in
:mod:`~plugin_backend.waveform_vae.layers`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from plugin_backend.waveform_vae.high_pass import HighPass
from plugin_backend.waveform_vae.layers import Backbone, ConvNeXtBlock, with_past
from plugin_backend.waveform_vae.model import LOG_VARIANCE_RANGE, SPREAD, WaveformVAE
from plugin_backend.waveform_vae.products import Linear, Narrow, Normed


class Block:
    """A :class:`~plugin_backend.waveform_vae.layers.ConvNeXtBlock`."""

    def __init__(self, block: ConvNeXtBlock):
        self.taps = block.mix.conv.weight.detach()[:, 0].T.contiguous()
        self.offset = block.mix.conv.bias.detach()
        self.expand = Normed(block.norm, block.expand, gelu=True)
        self.project = Linear(block.gain[:, None] * block.project.weight, block.gain * block.project.bias)
        self.length = len(self.taps)

    def __call__(self, x: Tensor, past: Tensor | None, mixed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Work as layers do, on rows that were made once for all blocks.

        Args:
            x: ``[batch, time, width]``.
            past: the last steps before it.
            mixed: ``[rows, width]`` to write to: ``batch * time`` rows, and as many more as a product needs.

        Returns:
            ``[batch, time, width]``, the same with further rows ``[rows, width]`` (of one memory), and the past.
        """
        joined, past = with_past(x, past, self.length - 1)
        batch, time, width = x.shape
        step = (time + self.length - 1) * width
        windows = joined.as_strided((batch, time, self.length, width), (step, width, width, 1))
        torch.sum(windows * self.taps, 2, out=mixed.as_strided(x.shape, x.stride())).add_(self.offset)
        hidden = self.expand.multiply(torch.layer_norm(mixed, self.expand.width, eps=self.expand.eps))
        rows = self.project.multiply(hidden)
        y = rows.as_strided(x.shape, x.stride()).add_(x)
        return y, rows, past


class Blocks:
    """A :class:`~plugin_backend.waveform_vae.layers.Backbone` and the linear layer after its norm."""

    def __init__(self, backbone: Backbone, head: nn.Linear):
        self.blocks = [Block(block) for block in backbone.blocks]
        self.head = Normed(backbone.norm, head)

    def __call__(self, x: Tensor, past: list | None) -> tuple[Tensor, list]:
        after, count = [], x.shape[0] * x.shape[1]
        mixed = x.new_zeros(self.head.room(count), x.shape[2])
        for block, remembered in zip(self.blocks, past or [None] * len(self.blocks), strict=True):
            x, rows, remembered = block(x, remembered, mixed)
            after.append(remembered)
        normed = torch.layer_norm(rows, self.head.width, eps=self.head.eps)
        return self.head.multiply(normed)[:count].view(*x.shape[:2], -1), after


class FastEncoder:
    """The model's encoder and compaction: ``[batch, samples]`` → means and deviations, and the past.

    Deviations are ``None`` where they are not asked for.
    """

    def __init__(self, model: WaveformVAE):
        encoder, rotation = model.encoder, model.rotation
        self.views, self.dim = encoder, model.config.latent_dim
        embed = encoder.embed.weight / SPREAD
        self.embed = Linear(embed, encoder.embed.bias - _matmul(embed, encoder.centre))
        mean, log_variance = encoder.posterior.weight.split(self.dim)
        mean_bias, log_variance_bias = encoder.posterior.bias.split(self.dim)
        posterior = nn.Linear(encoder.posterior.in_features, 2 * self.dim)
        posterior.weight.data = torch.cat([_matmul(rotation.T, mean), log_variance])
        posterior.bias.data = torch.cat([rotation.T @ (mean_bias - model.centre), log_variance_bias])
        self.blocks = Blocks(encoder.backbone, posterior)
        self.spread = Narrow(rotation.square().T, torch.zeros(self.dim))

    def __call__(
        self, audio: Tensor, past: tuple | None = None, deviations: bool = True
    ) -> tuple[Tensor, Tensor | None, tuple]:
        samples_past, blocks_past = past or (None, None)
        seen, samples_past = self.views.logarithms(audio, samples_past)
        x, blocks_past = self.blocks(self.embed(seen), blocks_past)
        mean, past = x[..., : self.dim], (samples_past, blocks_past)
        if not deviations:
            return mean, None, past
        variance = x[..., self.dim :].clamp(*LOG_VARIANCE_RANGE).exp()
        return mean, self.spread(variance).sqrt(), past


class FastDecoder:
    """The model's decoder behind its compaction: ``[batch, frames, dim]`` → ``[batch, samples]``, and the past."""

    def __init__(self, model: WaveformVAE):
        decoder = model.decoder
        self.stack, self.decoder, self.head = decoder.stack, decoder, decoder.head
        self.high_pass = HighPass(model.config.sample_rate) if model.config.head == "noise" else None
        weight = decoder.embed.weight
        self.embed = Linear(_matmul(weight, model.rotation), decoder.embed.bias + weight @ model.centre)
        self.blocks = Blocks(decoder.backbone, decoder.head.out)

    def start(self, batch: int, seeds: Tensor | None = None, sides: Tensor | None = None) -> tuple:
        """The past at a sound's first sample; see :meth:`~plugin_backend.waveform_vae.model.Decoder.start`."""
        past = self.decoder.start(batch, seeds, sides)
        return past if self.high_pass is None else (*past, self.high_pass.start(batch))

    def __call__(self, latents: Tensor, past: tuple | None = None) -> tuple[Tensor, tuple]:
        blocks_past, frames_past, *passed = past or self.start(len(latents))
        x = self.embed(latents)
        x, blocks_past = self.blocks(x.view(x.shape[0], -1, x.shape[2] // self.stack), blocks_past)
        audio, frames_past = self.head.sounded(x, frames_past)
        if self.high_pass is None:
            return audio, (blocks_past, frames_past)
        audio, after = self.high_pass(audio, *passed)
        return audio, (blocks_past, frames_past, after)


def _matmul(a: Tensor, b: Tensor) -> Tensor:
    """In double, so that every machine's product rounds to the same half."""
    return (a.double() @ b.double()).float()
