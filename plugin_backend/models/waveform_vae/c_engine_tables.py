"""Run the fast model in C: tables of its weights for the engine, and the streams' past.

See :mod:`~plugin_backend.models.waveform_vae.c_engine`. PyTorch computes the models that the engine has no code for:
those with the head ``spectra``, and those with windows whose length is no power of two.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from plugin_backend.models import band_split
from plugin_backend.models.waveform_vae import addressed_noise as noise
from plugin_backend.models.waveform_vae import band_levels, noise_head
from plugin_backend.models.waveform_vae import c_engine as engine
from plugin_backend.models.waveform_vae.matrix_products import NativeProduct, best_backend
from plugin_backend.models.waveform_vae.model import LOG_VARIANCE_RANGE, InputLevels, LogEnergies, LogSpectrum

if TYPE_CHECKING:
    from plugin_backend.models.waveform_vae.config import WaveformVAEConfig
    from plugin_backend.models.waveform_vae.fast_inference import Blocks, FastDecoder, FastEncoder
    from plugin_backend.models.waveform_vae.matrix_products import Linear

SMALLEST_WINDOW = 8


def fits(config: WaveformVAEConfig) -> bool:
    """Return whether the engine is in use and has code for a model of these sizes."""
    views = [config.encoder_window, *([config.encoder_view] if config.encoder_view else [])]
    windows = [*views, config.decoder_window, config.short_window]
    return (
        best_backend().kind is NativeProduct
        and config.head == "noise"
        and all(size >= SMALLEST_WINDOW and size & (size - 1) == 0 for size in windows)
        and config.hop % config.encoder_hop == 0
        and config.hop % config.decoder_hop == 0
        and config.decoder_window == noise_head.OVERLAPS * config.decoder_hop
        and config.decoder_hop % (config.short_window // noise_head.OVERLAPS) == 0
        and config.long_bands <= config.decoder_hop
        and (not config.band_levels or config.decoder_hop % band_split.SEGMENT == 0)
    )


class _Native:
    """Tables for the engine, and the arrays they point to."""

    _table: ctypes.Structure
    _floats: Callable[[int, int], int]

    def __init__(self, blocks: Blocks):
        self._owners: list = []
        self._library, self._path = engine.loaded_engine()
        self._remembered = (len(blocks.blocks), blocks.taps - 1, blocks.blocks[0].taps.shape[1])
        self._scratch_sizes: dict[int, int] = {}

    def _numbers(self, array: np.ndarray | Tensor, kind: type = np.float32) -> int:
        return engine.table(array, kind, self._owners)

    def _network(self, embed: Linear, blocks: Blocks, stack: int) -> engine.Network:
        self._owners.append((embed, blocks))
        tables = (engine.Block * len(blocks.blocks))(
            *(
                engine.Block(
                    self._numbers(block.taps),
                    self._numbers(block.offset),
                    block.expand.multiply.table,
                    block.project.multiply.table,
                )
                for block in blocks.blocks
            )
        )
        width, eps = self._remembered[2], blocks.head.eps
        ends = embed.multiply.table, blocks.head.multiply.table
        return engine.Network(width, stack, len(tables), blocks.taps, eps, *ends, tables)

    def _transform(self, size: int, hop: int, scale: float = 1.0, scale_back: float = 0.0) -> engine.Transform:
        """Return the table of a transform in Hann windows. They are computed in double precision, as PyTorch's may
        have other bits on another processor."""
        turns = 2 * math.pi * np.arange(size) / size
        window, half = 0.5 - 0.5 * np.cos(turns), slice(size // 2 + 1)
        tables = np.cos(turns[half]), -np.sin(turns[half]), window * scale, window * scale_back
        return engine.Transform(size, hop, *map(self._numbers, tables))

    def _levels(self, levels: band_levels.BandLevels | None) -> engine.Levels:
        if levels is None:
            return engine.Levels(0, band_split.SEGMENT)
        weights, ramp = (engine.c_float * len(levels.weights))(*levels.weights), self._numbers(levels.ramp)
        sizes = band_split.SEGMENT, band_levels.LATENCY, band_split.LONGER, band_split.SHORTER
        return engine.Levels(1, *sizes, levels.floor, levels.most, weights, ramp)

    def _scratch(self, batch: int) -> int:
        """Return the address of the scratch memory that a call needs."""
        floats = self._scratch_sizes.get(batch)
        if floats is None:
            floats = self._scratch_sizes[batch] = self._floats(ctypes.addressof(self._table), batch)
        return engine.scratch(floats)


class NativeEncoder(_Native):
    """Computes the same as :class:`~plugin_backend.models.waveform_vae.fast_inference.FastEncoder`, in one call.

    Args:
        folded: an encoder whose products are the engine's.
        config: of the model.
    """

    def __init__(self, folded: FastEncoder, config: WaveformVAEConfig):
        super().__init__(folded.blocks)
        parts: dict[str, Any] = {}
        for part in folded.views.parts:
            parts["view" if isinstance(part, LogSpectrum) and "spectrum" in parts else _NAMES[type(part)]] = part
        spectrum, view, levels = parts["spectrum"], parts.get("view"), parts.get("levels")
        self.hop, self.dim, self.samples = config.hop, folded.dim, folded.views.remembered_samples
        self._table = engine.Encoder(
            self._path,
            self.hop,
            self.dim,
            self.samples,
            view.bins if view else 0,
            parts["energies"].piece if "energies" in parts else 0,
            LogSpectrum.FLOOR,
            LogEnergies.FLOOR,
            *LOG_VARIANCE_RANGE,
            self._network(folded.embed, folded.blocks, 1),
            self._transform(spectrum.window_samples, spectrum.hop),
            self._transform(view.window_samples, view.hop) if view else engine.Transform(),
            self._levels(levels.levels if levels else None),
            self._numbers(folded.spread.weight.T),
        )
        self._floats, self._encode = self._library.pisada_encoder_room, self._library.pisada_encode
        self._address = ctypes.addressof(self._table)

    def __call__(self, audio: Tensor, past: tuple | None, deviations: bool) -> tuple[Tensor, Tensor | None, tuple]:
        batch, samples = audio.shape
        hops, rest = divmod(samples, self.hop)
        if rest:
            raise ValueError(f"{samples} samples are not a whole number of hops ({self.hop})")
        audio = audio.float().contiguous()
        shapes = (batch, self.samples), (batch, *self._remembered)
        past = tuple(map(_copy, past, shapes)) if past else tuple(map(torch.zeros, shapes))
        mean = torch.empty(batch, hops, self.dim)
        deviation = torch.empty_like(mean) if deviations else None
        pointers = engine.EncoderPast(past[0].data_ptr(), past[1].data_ptr())
        spread = deviation.data_ptr() if deviation is not None else None
        scratch = self._scratch(batch)
        self._encode(
            self._address, audio.data_ptr(), batch, hops, ctypes.byref(pointers), mean.data_ptr(), spread, scratch
        )
        return mean, deviation, past


_NAMES = {LogSpectrum: "spectrum", LogEnergies: "energies", InputLevels: "levels"}


class NativeDecoder(_Native):
    """Computes the same as :class:`~plugin_backend.models.waveform_vae.fast_inference.FastDecoder`, in one call.

    Args:
        folded: a decoder whose products are the engine's.
        config: of the model.
    """

    def __init__(self, folded: FastDecoder, config: WaveformVAEConfig):
        super().__init__(folded.blocks)
        head: Any = folded.head
        sections = folded.high_pass.sections if folded.high_pass else np.zeros((1, 6))
        self.dim, self.hop, self.levels = config.latent_dim, config.hop, head.levels is not None
        self.windows = [(noise_head.OVERLAPS - 1, part.window_samples) for part in (head.long, head.short)]
        self._table = engine.Decoder(
            self._path,
            self.dim,
            int(config.coherent),
            noise.SCALE,
            sections[0, 0],
            -sections[0, 4],
            self._network(folded.embed, folded.blocks, folded.stack),
            *(
                self._transform(part.window_samples, part.hop, part.scale, 0.5 / part.window_samples)
                for part in (head.long, head.short)
            ),
            *(
                engine.Bands(
                    count,
                    *noise_head.LOG_GAIN_RANGE,
                    self._numbers(bands.around[0], np.int32),
                    self._numbers(bands.share),
                )
                for count, bands in ((config.long_bands, head.long_bands), (config.short_bands, head.short_bands))
            ),
            self._levels(head.levels),
        )
        self._floats, self._decode = self._library.pisada_decoder_room, self._library.pisada_decode
        self._address = ctypes.addressof(self._table)

    def __call__(self, latents: Tensor, past: tuple) -> tuple[Tensor, tuple]:
        batch, hops, dim = latents.shape
        if dim != self.dim:
            raise ValueError(f"latents of {dim} dimensions; the model has {self.dim}")
        blocks, (long, short, address, sides, *levels), high_pass = past
        long, short = (_copy(part, (batch, *shape)) for part, shape in zip((long, short), self.windows, strict=True))
        blocks = _copy(blocks, (batch, *self._remembered))
        address, high_pass = _copy(address, (batch, 2), torch.int64), _copy(high_pass, (batch, 4), torch.float64)
        if self.levels:
            shapes = (batch, band_levels.REMEMBERED), (batch, 1, 2 * band_split.BANDS)
            levels = [_copy(part, shape) for part, shape in zip(levels, shapes, strict=True)]
        if not sides.is_contiguous() or sides.shape != (batch,):
            sides = _copy(sides, (batch,))
        latents, audio = latents.float().contiguous(), torch.empty(batch, hops * self.hop)
        addresses = [part.data_ptr() for part in (blocks, long, short, address, sides, *levels)]
        pointers = engine.DecoderPast(*addresses, *(() if levels else (None, None)), high_pass.data_ptr())
        scratch = self._scratch(batch)
        self._decode(self._address, latents.data_ptr(), batch, hops, ctypes.byref(pointers), audio.data_ptr(), scratch)
        return audio, (blocks, (long, short, address, sides, *levels), high_pass)


def _copy(tensor: Tensor, shape: tuple, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return a copy that can be changed in place."""
    if tensor.shape != shape or tensor.dtype is not dtype:
        raise ValueError(f"a past of {list(tensor.shape)} {tensor.dtype}; expected {list(shape)} {dtype}")
    return tensor.clone(memory_format=torch.contiguous_format)
