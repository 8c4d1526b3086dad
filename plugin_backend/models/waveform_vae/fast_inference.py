"""The trained model made fast. The number and cost of steps is reduced, and no sample depends on the block.

Folded together: each norm's gain and offset into the layer after it, each block's output gain into its last layer, and
the latent rotation and the spectrum's scale into the layers beside them. The folded weights are rounded to half
precision (see :mod:`~plugin_backend.models.waveform_vae.matrix_products`). Every kernel here gives a row the same bits
at any number of rows, so streaming equals offline processing exactly. Where PyTorch has only its plain product, they
are equal up to float rounding.

Tensors are ``[batch, time, channels]``. Every part maps ``(x, past) -> (y, past)`` as in
:mod:`~plugin_backend.models.waveform_vae.layers`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from plugin_backend.models.waveform_vae.c_engine_tables import NativeDecoder, NativeEncoder, Weights, fits
from plugin_backend.models.waveform_vae.constants import LOG_VARIANCE_RANGE, SPREAD
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
from plugin_backend.models.waveform_vae.model import WaveformVAE


class Block:
    """The weights of a :class:`~plugin_backend.models.waveform_vae.layers.ConvNeXtBlock`."""

    def __init__(self, block: ConvNeXtBlock):
        self.taps = block.mix.conv.weight.detach()[:, 0].T.contiguous()
        self.offset = cast(Tensor, block.mix.conv.bias).detach()
        self.expand = NormalizedLinear(block.norm, _widened(block.expand), gelu=True)
        project = block.gain[:, None] * block.project.weight
        padding = len(self.expand.weight) - project.shape[1]
        self.project = Linear(nn.functional.pad(project, (0, padding)), block.gain * block.project.bias)

    def __call__(self, windows: Tensor, tapped: Tensor, mixed: Tensor) -> Tensor:
        """Return what is added to the current steps.

        Args:
            windows: ``[rows, taps, width]``: for each step the steps before it and itself.
            tapped: scratch memory of the same shape. In this layout every row's taps are added in one order.
            mixed: scratch memory, ``[rows, width]``.
        """
        torch.mul(windows, self.taps, out=tapped)
        for taps, sums in zip(in_one_thread(tapped), in_one_thread(mixed, tapped.shape[1]), strict=True):
            torch.sum(taps, 1, out=sums)
        return self.project.multiply(self.expand.multiply(self.expand.normed(mixed.add_(self.offset))))


@dataclass(frozen=True)
class Workspace:
    """The memory in which :class:`Blocks` compute a number of steps: one tensor with several views.

    Attributes:
        given: ``[batch, time, width]``, the input.
        before: ``[batch, blocks, taps - 1, width]``, the past before the steps.
        after: ``[batch, blocks, taps - 1, width]``, the past after the steps.
        windows: for each block ``[rows, taps, width]``.
        present: for each block ``[rows, width]``, and the output of the last block.
        tapped: see :class:`Block`.
        mixed: see :class:`Block`.
    """

    given: Tensor
    before: Tensor
    after: Tensor
    windows: tuple[Tensor, ...]
    present: tuple[Tensor, ...]
    tapped: Tensor
    mixed: Tensor

    @classmethod
    def of(cls, batch: int, time: int, rows: int, blocks: Blocks) -> Workspace:
        """Allocate memory for ``batch * time`` steps in ``rows`` rows; the rows beyond those are silence.

        Args:
            batch: streams.
            time: steps of each.
            rows: at least ``batch * time``.
            blocks: the blocks that compute them.
        """
        count, taps, width = len(blocks.blocks), blocks.taps, blocks.blocks[0].taps.shape[1]
        remembered = batch * (taps - 1)
        block = (remembered + rows) * width
        steps = torch.zeros(count + 1, remembered + rows, width)
        before = (batch, count, taps - 1, width), (width, block, batch * width, 1)
        windows = steps.as_strided((count, rows, taps, width), (block, width, batch * width, 1))
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

    The steps of a batch are rows in the order of time. So a row's past always lies the same number of rows before it,
    and the extra rows that a product needs come after all others. The past is ``[batch, blocks, steps, width]``.
    """

    STEPS_AT_ONCE = 512
    ROWS_CACHED, WORKSPACES_CACHED = 32, 8
    """Streams push few steps again and again. Workspaces of up to so many rows are cached, for each thread."""

    def __init__(self, backbone: Backbone, head: nn.Linear):
        self.blocks = [Block(cast(ConvNeXtBlock, block)) for block in backbone.blocks]
        self.head = NormalizedLinear(backbone.norm, head)
        self.taps = len(self.blocks[0].taps)
        self._cache = threading.local()

    def start(self, batch: int) -> Tensor:
        """Return the past at a sound's start: silence."""
        return torch.zeros(batch, len(self.blocks), self.taps - 1, self.blocks[0].taps.shape[1])

    def __call__(self, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        if x.shape[1] <= self.STEPS_AT_ONCE:
            return self._push(x, past)
        outputs = []
        for part in x.split(self.STEPS_AT_ONCE, 1):
            output, past = self._push(part, past)
            outputs.append(output)
        return torch.cat(outputs, 1), cast(Tensor, past)

    def _push(self, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        batch, time, _ = x.shape
        count, memory = batch * time, self._workspace(batch, time)
        if past is None:
            memory.before.zero_()
        else:
            memory.before.copy_(past)
        memory.given.copy_(x)
        for block, windows, current, output in zip(
            self.blocks, memory.windows, memory.present, memory.present[1:], strict=False
        ):
            torch.add(block(windows, memory.tapped, memory.mixed), current, out=output)
        y = self.head.multiply(self.head.normed(memory.present[-1]))[:count].view(time, batch, -1).transpose(0, 1)
        return y.contiguous(), memory.after.clone()

    def _workspace(self, batch: int, time: int) -> Workspace:
        """Return the memory for ``batch * time`` steps. Only the past and the input decide the results: everything
        else that is read in it is written before."""
        cached: dict[tuple[int, int], Workspace] = self._cache.__dict__.setdefault("workspaces", {})
        memory = cached.get((batch, time))
        if memory is None:
            rows = self.head.padded_rows(batch * time)
            with torch.inference_mode(False):  # so that it can be written in any mode
                memory = Workspace.of(batch, time, rows, self)
            if rows <= self.ROWS_CACHED:
                if len(cached) == self.WORKSPACES_CACHED:
                    cached.clear()
                cached[batch, time] = memory
        return memory


def _widened(linear: nn.Linear) -> nn.Linear:
    """Return the layer with extra outputs of 0, so that its width is a multiple of the GELU's vectors."""
    padding = -linear.out_features % WIDTH_OF_VECTORS
    wide = nn.Linear(linear.in_features, linear.out_features + padding)
    wide.weight.data = nn.functional.pad(linear.weight.detach(), (0, 0, 0, padding))
    wide.bias.data = nn.functional.pad(linear.bias.detach(), (0, padding))
    return wide


def weights_of(model: WaveformVAE) -> Weights:
    """Return a model's weights as the engine gets them."""
    return {name: tensor.detach().float().numpy() for name, tensor in model.state_dict().items()}


def to_arrays(past: Any) -> Any:
    """Return nested tensors as arrays that share their memory."""
    if isinstance(past, (tuple, list)):
        return type(past)(to_arrays(part) for part in past)
    return None if past is None else past.detach().numpy()


def to_tensors(past: Any) -> Any:
    """Return nested arrays as tensors that share their memory."""
    if isinstance(past, (tuple, list)):
        return type(past)(to_tensors(part) for part in past)
    return None if past is None else torch.from_numpy(past)


class FastEncoder:
    """The model's encoder and latent rotation: ``[batch, samples]`` → means and deviations, and the past.

    Deviations are ``None`` if they are not requested.
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
        self._native = NativeEncoder(model.config, weights_of(model)) if fits(model.config) else None

    def __call__(
        self, audio: Tensor, past: tuple | None = None, deviations: bool = True
    ) -> tuple[Tensor, Tensor | None, tuple]:
        if self._native:
            return to_tensors(self._native(audio.numpy(), to_arrays(past), deviations))
        samples_past, blocks_past = past or (None, None)
        logarithms, samples_past = self.views.logarithms(audio, samples_past)
        x, blocks_past = self.blocks(self.embed(logarithms), blocks_past)
        mean, past = x[..., : self.dim], (samples_past, blocks_past)
        if not deviations:
            return mean, None, past
        variance = x[..., self.dim :].clamp(*LOG_VARIANCE_RANGE).exp()
        return mean, self.spread(variance).sqrt(), past


class FastDecoder:
    """The model's latent rotation and decoder: ``[batch, frames, dim]`` → ``[batch, samples]``, and the past."""

    def __init__(self, model: WaveformVAE):
        decoder = model.decoder
        self.stack, self.decoder, self.head = decoder.stack, decoder, decoder.head
        self.high_pass = HighPass(model.config.sample_rate) if model.config.head == "noise" else None
        weight = decoder.embed.weight
        self.embed = Linear(in_double(weight, model.rotation), decoder.embed.bias + in_double(weight, model.centre))
        self.blocks = Blocks(decoder.backbone, decoder.head.out)
        self._native = NativeDecoder(model.config, weights_of(model)) if fits(model.config) else None

    def start(self, batch: int, seeds: Tensor | None = None, sides: Tensor | None = None) -> tuple:
        """Return the past at a sound's first sample.

        Args:
            batch: number of rows.
            seeds: see :meth:`plugin_backend.models.waveform_vae.model.Decoder.start`.
            sides: see there.
        """
        past = self.blocks.start(batch), self.decoder.start(batch, seeds, sides)[1]
        return past if self.high_pass is None else (*past, self.high_pass.start(batch))

    def __call__(self, latents: Tensor, past: tuple | None = None) -> tuple[Tensor, tuple]:
        past = past or self.start(len(latents))
        if self._native:
            return to_tensors(self._native(latents.numpy(), to_arrays(past)))
        blocks_past, frames_past, *high_pass_past = past
        x = self.embed(latents)
        x, blocks_past = self.blocks(x.view(x.shape[0], -1, x.shape[2] // self.stack), blocks_past)
        audio, frames_past = self.head.synthesize(x, frames_past)
        if self.high_pass is None:
            return audio, (blocks_past, frames_past)
        audio, after = self.high_pass(audio, *high_pass_past)
        return audio, (blocks_past, frames_past, after)
