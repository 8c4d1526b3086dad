"""The trained model made fast: fewer and better steps, and no sample depends on the block.

What is folded: each norm's gain and offset into the layer after it, each block's output gain into its
last layer, the latent compaction and the spectrum's scale into the layers beside them. The folded weights are
rounded to half precision (see :mod:`~plugin_backend.models.waveform_vae.matrix_products`). Every kernel here gives a
row the same
bits however many rows come with it, so streaming equals offline exactly; where PyTorch has only its plain product, to
float rounding.

Tensors are ``[batch, time, channels]``; every part maps ``(x, past) -> (y, past)`` as in
:mod:`~plugin_backend.models.waveform_vae.layers`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from plugin_backend.models.waveform_vae.c_engine_tables import NativeDecoder, NativeEncoder, fits
from plugin_backend.models.waveform_vae.high_pass import HighPass
from plugin_backend.models.waveform_vae.layers import Backbone, ConvNeXtBlock
from plugin_backend.models.waveform_vae.matrix_products import (
    WIDTH_OF_VECTORS,
    Linear,
    NormalizedLinear,
    SmallLinear,
    in_double,
    in_one_thread,
)
from plugin_backend.models.waveform_vae.model import LOG_VARIANCE_RANGE, SPREAD, WaveformVAE


class Block:
    """The weights of a :class:`~plugin_backend.models.waveform_vae.layers.ConvNeXtBlock`."""

    def __init__(self, block: ConvNeXtBlock):
        self.taps = block.mix.conv.weight.detach()[:, 0].T.contiguous()
        self.offset = block.mix.conv.bias.detach()
        self.expand = NormalizedLinear(block.norm, _widened(block.expand), gelu=True)
        project = block.gain[:, None] * block.project.weight
        more = len(self.expand.weight) - project.shape[1]
        self.project = Linear(nn.functional.pad(project, (0, more)), block.gain * block.project.bias)

    def __call__(self, windows: Tensor, tapped: Tensor, mixed: Tensor) -> Tensor:
        """What is added to the present steps.

        Args:
            windows: ``[rows, taps, width]``: for each step those before it and itself.
            tapped: room for as much. Laid out so, every row's taps are added up in one order.
            mixed: room for ``[rows, width]``.
        """
        torch.mul(windows, self.taps, out=tapped)
        for taps, sums in zip(in_one_thread(tapped), in_one_thread(mixed, tapped.shape[1]), strict=True):
            torch.sum(taps, 1, out=sums)
        return self.project.multiply(self.expand.multiply(self.expand.normed(mixed.add_(self.offset))))


@dataclass(frozen=True)
class Workspace:
    """Where :class:`Blocks` compute a number of steps: one piece of memory, seen in several ways.

    Attributes:
        given: ``[batch, time, width]``, what comes in.
        before, after: ``[batch, blocks, taps - 1, width]``, what is remembered before and after it.
        windows: for each block ``[rows, taps, width]``.
        present: for each block ``[rows, width]``, and what comes out of the last.
        tapped, mixed: as :class:`Block` wants them.
    """

    given: Tensor
    before: Tensor
    after: Tensor
    windows: tuple[Tensor, ...]
    present: tuple[Tensor, ...]
    tapped: Tensor
    mixed: Tensor

    @classmethod
    def of(cls, batch: int, time: int, rows: int, blocks: int, taps: int, width: int) -> Workspace:
        """Room for ``batch * time`` steps in ``rows`` rows; rows beyond those are silence."""
        remembered = batch * (taps - 1)
        block = (remembered + rows) * width
        steps = torch.zeros(blocks + 1, remembered + rows, width)
        before = (batch, blocks, taps - 1, width), (width, block, batch * width, 1)
        windows = steps.as_strided((blocks, rows, taps, width), (block, width, batch * width, 1))
        return cls(
            given=steps.as_strided((batch, time, width), (width, batch * width, 1), remembered * width),
            before=steps.as_strided(*before),
            after=steps.as_strided(*before, batch * time * width),
            windows=windows.unbind(),
            present=steps[:, remembered:].unbind(),
            tapped=torch.empty(rows, taps, width),
            mixed=torch.empty(rows, width),
        )


class Blocks:
    """A :class:`~plugin_backend.models.waveform_vae.layers.Backbone` and the linear layer after its norm.

    Steps of a batch are rows in the order of time, so that a row's past is always as many rows before it, and the
    rows that a product needs further come after all. What is remembered is ``[batch, blocks, steps, width]``.
    """

    STEPS_AT_ONCE = 512
    ROWS_KEPT, ROOMS_KEPT = 32, 8
    """Streams ask for few steps again and again: room for so many rows is kept, by each thread for itself."""

    def __init__(self, backbone: Backbone, head: nn.Linear):
        self.blocks = [Block(block) for block in backbone.blocks]
        self.head = NormalizedLinear(backbone.norm, head)
        self.taps = len(self.blocks[0].taps)
        self._kept = threading.local()

    def start(self, batch: int) -> Tensor:
        """What is remembered at a sound's start: silence."""
        return torch.zeros(batch, len(self.blocks), self.taps - 1, self.blocks[0].taps.shape[1])

    def __call__(self, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        if x.shape[1] <= self.STEPS_AT_ONCE:
            return self._at_once(x, past)
        pieces = []
        for piece in x.split(self.STEPS_AT_ONCE, 1):
            piece, past = self._at_once(piece, past)
            pieces.append(piece)
        return torch.cat(pieces, 1), past

    def _at_once(self, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        batch, time, _ = x.shape
        count, room = batch * time, self._room(*x.shape)
        if past is None:
            room.before.zero_()
        else:
            room.before.copy_(past)
        room.given.copy_(x)
        for block, seen, now, then in zip(self.blocks, room.windows, room.present, room.present[1:], strict=False):
            torch.add(block(seen, room.tapped, room.mixed), now, out=then)
        y = self.head.multiply(self.head.normed(room.present[-1]))[:count].view(time, batch, -1).transpose(0, 1)
        return y.contiguous(), room.after.clone()

    def _room(self, batch: int, time: int, width: int) -> Workspace:
        """Its bits are the past's and what is given alone: whatever else is read in it is written before."""
        rooms = self._kept.__dict__
        room = rooms.get((batch, time))
        if room is None:
            rows = self.head.room(batch * time)
            with torch.inference_mode(False):  # so that it may be written in any mode
                room = Workspace.of(batch, time, rows, len(self.blocks), self.taps, width)
            if rows <= self.ROWS_KEPT:
                if len(rooms) == self.ROOMS_KEPT:
                    rooms.clear()
                rooms[batch, time] = room
        return room


def _widened(linear: nn.Linear) -> nn.Linear:
    """With further outputs of 0, so that vectors of the GELU leave none over."""
    more = -linear.out_features % WIDTH_OF_VECTORS
    wide = nn.Linear(linear.in_features, linear.out_features + more)
    wide.weight.data = nn.functional.pad(linear.weight.detach(), (0, 0, 0, more))
    wide.bias.data = nn.functional.pad(linear.bias.detach(), (0, more))
    return wide


class FastEncoder:
    """The model's encoder and compaction: ``[batch, samples]`` → means and deviations, and the past.

    Deviations are ``None`` where they are not asked for.
    """

    def __init__(self, model: WaveformVAE):
        encoder, rotation = model.encoder, model.rotation
        self.views, self.dim = encoder, model.config.latent_dim
        embed = encoder.embed.weight / SPREAD
        self.embed = Linear(embed, encoder.embed.bias - in_double(embed, encoder.centre))
        mean, log_variance = encoder.posterior.weight.split(self.dim)
        mean_bias, log_variance_bias = encoder.posterior.bias.split(self.dim)
        posterior = nn.Linear(encoder.posterior.in_features, 2 * self.dim)
        posterior.weight.data = torch.cat([in_double(rotation.T, mean), log_variance])
        posterior.bias.data = torch.cat([in_double(rotation.T, mean_bias - model.centre), log_variance_bias])
        self.blocks = Blocks(encoder.backbone, posterior)
        self.spread = SmallLinear(rotation.square().T, torch.zeros(self.dim))
        self._native = NativeEncoder(self, model.config) if fits(model.config) else None

    def __call__(
        self, audio: Tensor, past: tuple | None = None, deviations: bool = True
    ) -> tuple[Tensor, Tensor | None, tuple]:
        if self._native:
            return self._native(audio, past, deviations)
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
        self.embed = Linear(in_double(weight, model.rotation), decoder.embed.bias + in_double(weight, model.centre))
        self.blocks = Blocks(decoder.backbone, decoder.head.out)
        self._native = NativeDecoder(self, model.config) if fits(model.config) else None

    def start(self, batch: int, seeds: Tensor | None = None, sides: Tensor | None = None) -> tuple:
        """The past at a sound's first sample; see :meth:`~plugin_backend.models.waveform_vae.model.Decoder.start`."""
        past = self.blocks.start(batch), self.decoder.start(batch, seeds, sides)[1]
        return past if self.high_pass is None else (*past, self.high_pass.start(batch))

    def __call__(self, latents: Tensor, past: tuple | None = None) -> tuple[Tensor, tuple]:
        past = past or self.start(len(latents))
        if self._native:
            return self._native(latents, past)
        blocks_past, frames_past, *passed = past
        x = self.embed(latents)
        x, blocks_past = self.blocks(x.view(x.shape[0], -1, x.shape[2] // self.stack), blocks_past)
        audio, frames_past = self.head.sounded(x, frames_past)
        if self.high_pass is None:
            return audio, (blocks_past, frames_past)
        audio, after = self.high_pass(audio, *passed)
        return audio, (blocks_past, frames_past, after)
