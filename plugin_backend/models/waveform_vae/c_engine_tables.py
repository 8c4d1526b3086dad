"""Run a waveform VAE in C, without PyTorch: tables of its weights for the engine, and the streams' past.

See :mod:`~plugin_backend.models.waveform_vae.c_engine`. PyTorch computes the models that the engine has no code for:
those with the head ``spectra``, and those with windows whose length is no power of two.

The weights are folded as in :mod:`~plugin_backend.models.waveform_vae.fast_inference`: each norm's gain and offset into
the layer after it, each block's output gain into its last layer, and the latent rotation and the spectrum's scale into
the layers beside them. What is a sum of products there is computed in double precision, so that every machine rounds
to the same numbers.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from plugin_backend.models.band_sizes import BANDS, LONGER, SEGMENT, SHORTER
from plugin_backend.models.checkpoint_files import misfit, reading_weights
from plugin_backend.models.waveform_vae import addressed_noise as noise
from plugin_backend.models.waveform_vae import c_engine as engine
from plugin_backend.models.waveform_vae import constants
from plugin_backend.models.waveform_vae.config import LEVELS_LATENCY, WaveformVAEConfig
from plugin_backend.models.waveform_vae.constants import OVERLAPS

Weights = Mapping[str, np.ndarray]
"""The arrays of a checkpoint by name, float32."""

SMALLEST_WINDOW = 8


def fits(config: WaveformVAEConfig) -> bool:
    """Return whether the engine is in use and has code for a model of these sizes."""
    views = [config.encoder_window, *([config.encoder_view] if config.encoder_view else [])]
    windows = [*views, config.decoder_window, config.short_window]
    return (
        engine.instruction_set() is not None
        and config.head == "noise"
        and all(size >= SMALLEST_WINDOW and size & (size - 1) == 0 for size in windows)
        and config.hop % config.encoder_hop == 0
        and config.hop % config.decoder_hop == 0
        and config.decoder_window == OVERLAPS * config.decoder_hop
        and config.decoder_hop % (config.short_window // OVERLAPS) == 0
        and config.long_bands <= config.decoder_hop
        and (not config.band_levels or config.decoder_hop % SEGMENT == 0)
    )


def read_weights(path: Path, config: WaveformVAEConfig) -> Weights:
    """Read the weights of a checkpoint with the head ``noise`` as float32.

    Raises:
        CheckpointError: the file is not readable, or its arrays are not those of such a model.
    """
    from safetensors import safe_open

    with reading_weights(path), safe_open(path, framework="np") as file:
        found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        if found != weight_shapes(config):
            raise misfit(path)
        return {name: np.asarray(file.get_tensor(name), np.float32) for name in found}


def weight_shapes(config: WaveformVAEConfig) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays of a model with the head ``noise``, by name."""
    shapes: dict[str, tuple[int, ...]] = {"rotation": (config.latent_dim,) * 2, "centre": (config.latent_dim,)}

    def add_linear(name: str, inputs: int, outputs: int) -> None:
        shapes.update({f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)})

    def add_backbone(name: str, width: int, blocks: int) -> None:
        for block in (f"{name}.blocks.{number}" for number in range(blocks)):
            shapes.update({f"{block}.mix.conv.weight": (width, 1, config.kernel), f"{block}.mix.conv.bias": (width,)})
            shapes.update({f"{block}.norm.weight": (width,), f"{block}.norm.bias": (width,), f"{block}.gain": (width,)})
            add_linear(f"{block}.expand", width, width * config.expansion)
            add_linear(f"{block}.project", width * config.expansion, width)
        shapes.update({f"{name}.norm.weight": (width,), f"{name}.norm.bias": (width,)})

    add_linear("encoder.embed", len(input_means(config)), config.encoder_width)
    add_backbone("encoder.backbone", config.encoder_width, config.encoder_blocks)
    add_linear("encoder.posterior", config.encoder_width, 2 * config.latent_dim)
    add_linear("decoder.embed", config.latent_dim, config.decoder_width * (config.hop // config.decoder_hop))
    add_backbone("decoder.backbone", config.decoder_width, config.decoder_blocks)
    per_frame = config.decoder_hop // (config.short_window // OVERLAPS)
    outputs = config.long_bands + per_frame * config.short_bands
    outputs += per_frame * 2 * (config.short_window // 2 + 1) * config.coherent
    outputs += 2 * (config.decoder_hop // SEGMENT * BANDS) * config.band_levels
    add_linear("decoder.head.out", config.decoder_width, outputs)
    return shapes


def input_means(config: WaveformVAEConfig) -> np.ndarray:
    """Return the mean of each logarithm that the encoder gets for a hop."""
    spectra = config.hop // config.encoder_hop * (config.encoder_window // 2 + 1)
    parts = [np.full(spectra, constants.SPECTRUM_MEAN)]
    if config.encoder_view:
        parts.append(np.full(config.encoder_view_bins or config.encoder_view // 2 + 1, constants.VIEW_MEAN))
    if config.encoder_energy_samples:
        parts.append(np.full(2 * config.hop // config.encoder_energy_samples, constants.ENERGY_MEAN))
    if config.band_levels:
        parts.append(np.full(config.hop // SEGMENT * BANDS, constants.ENERGY_MEAN))
    return np.concatenate(parts).astype(np.float32)


def _in_double(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a.astype(np.float64) @ b.astype(np.float64)).astype(np.float32)


class _Native:
    """Tables for the engine, and the arrays they point to."""

    _table: ctypes.Structure
    _floats: Callable[[int, int], int]

    def __init__(self, weights: Weights):
        self._weights = weights
        self._owners: list = []
        self._library, self._path = engine.loaded_engine()
        self._scratch_sizes: dict[int, int] = {}

    def _numbers(self, array: np.ndarray, kind: type = np.float32) -> int:
        return engine.table(array, kind, self._owners)

    def _product(self, weight: np.ndarray, bias: np.ndarray) -> engine.Product:
        return engine.packed(weight, bias, self._owners)

    def _normed(self, norm: str, weight: np.ndarray, bias: np.ndarray) -> engine.Product:
        """Return the product of a layer and the norm before it."""
        gain, offset = self._weights[f"{norm}.weight"], self._weights[f"{norm}.bias"]
        return self._product(weight * gain, bias + _in_double(weight, offset))

    def _block(self, name: str) -> engine.Block:
        def of(part: str) -> np.ndarray:
            return self._weights[f"{name}.{part}"]

        gain = of("gain")
        return engine.Block(
            self._numbers(of("mix.conv.weight")[:, 0].T),
            self._numbers(of("mix.conv.bias")),
            self._normed(f"{name}.norm", of("expand.weight"), of("expand.bias")),
            self._product(gain[:, None] * of("project.weight"), gain * of("project.bias")),
        )

    def _network(
        self, name: str, stack: int, embed: engine.Product, last: tuple[np.ndarray, np.ndarray]
    ) -> engine.Network:
        """Return the table of a network.

        Args:
            name: ``encoder`` or ``decoder``.
            stack: steps that one input gives.
            embed: the product before the blocks.
            last: weight and bias of the layer after their norm.
        """
        names: list[str] = []
        while f"{name}.backbone.blocks.{len(names)}.gain" in self._weights:
            names.append(f"{name}.backbone.blocks.{len(names)}")
        width, _, taps = self._weights[f"{names[0]}.mix.conv.weight"].shape
        self._remembered = (len(names), taps - 1, width)
        tables = (engine.Block * len(names))(*map(self._block, names))
        ends = embed, self._normed(f"{name}.backbone.norm", *last)
        return engine.Network(width, stack, len(tables), taps, constants.NORM_EPS, *ends, tables)

    def _transform(self, size: int, hop: int, scale: float = 1.0, scale_back: float = 0.0) -> engine.Transform:
        """Return the table of a transform in Hann windows. They are computed in double precision, as a library's may
        have other bits on another processor."""
        turns = 2 * math.pi * np.arange(size) / size
        window, half = 0.5 - 0.5 * np.cos(turns), slice(size // 2 + 1)
        tables = np.cos(turns[half]), -np.sin(turns[half]), window * scale, window * scale_back
        return engine.Transform(size, hop, *map(self._numbers, tables))

    def _levels(self, on: bool) -> engine.Levels:
        if not on:
            return engine.Levels(0, SEGMENT)
        weights = (engine.c_float * len(constants.LEVEL_WEIGHTS))(*constants.LEVEL_WEIGHTS)
        ramp = self._numbers((np.arange(SEGMENT, dtype=np.float32) + np.float32(0.5)) / SEGMENT)
        bounds = constants.POWER_FLOOR, constants.MOST_LOG_GAIN
        return engine.Levels(1, SEGMENT, LEVELS_LATENCY, LONGER, SHORTER, *bounds, weights, ramp)

    def _scratch(self, batch: int) -> int:
        """Return the address of the scratch memory that a call needs."""
        floats = self._scratch_sizes.get(batch)
        if floats is None:
            floats = self._scratch_sizes[batch] = self._floats(ctypes.addressof(self._table), batch)
        return engine.scratch(floats)


class NativeEncoder(_Native):
    """The encoder and the latent rotation: ``[batch, samples]`` → means and deviations, and the past.

    Args:
        config: of the model.
        weights: of the model.
    """

    def __init__(self, config: WaveformVAEConfig, weights: Weights):
        super().__init__(weights)
        self.hop, self.dim = config.hop, config.latent_dim
        energy, levels, view = config.encoder_energy_samples, config.band_levels, config.encoder_view
        self.samples = max(
            config.encoder_window - config.encoder_hop,
            view - config.hop if view else 0,
            1 if energy else 0,
            2 * constants.LEVEL_REACH + SEGMENT if levels else 0,
        )
        rotation, centre = weights["rotation"], weights["centre"]
        embed = weights["encoder.embed.weight"] / np.float32(constants.SPREAD)
        embed_bias = weights["encoder.embed.bias"] - _in_double(embed, input_means(config))
        mean, log_variance = np.split(weights["encoder.posterior.weight"], 2)
        mean_bias, log_variance_bias = np.split(weights["encoder.posterior.bias"], 2)
        posterior = np.concatenate([_in_double(rotation.T, mean), log_variance])
        posterior_bias = np.concatenate([_in_double(rotation.T, mean_bias - centre), log_variance_bias])
        self._table = engine.Encoder(
            self._path,
            self.hop,
            self.dim,
            self.samples,
            (config.encoder_view_bins or view // 2 + 1) if view else 0,
            energy,
            constants.SPECTRUM_FLOOR,
            constants.ENERGY_FLOOR,
            *constants.LOG_VARIANCE_RANGE,
            self._network("encoder", 1, self._product(embed, embed_bias), (posterior, posterior_bias)),
            self._transform(config.encoder_window, config.encoder_hop),
            self._transform(view, config.hop) if view else engine.Transform(),
            self._levels(levels),
            self._numbers(np.square(rotation)),
        )
        self._floats, self._encode = self._library.pisada_encoder_room, self._library.pisada_encode
        self._address = ctypes.addressof(self._table)

    def __call__(
        self, audio: np.ndarray, past: tuple | None, deviations: bool = True
    ) -> tuple[np.ndarray, np.ndarray | None, tuple]:
        batch, samples = audio.shape
        hops, rest = divmod(samples, self.hop)
        if rest:
            raise ValueError(f"{samples} samples are not a whole number of hops ({self.hop})")
        audio = np.ascontiguousarray(audio, np.float32)
        shapes = (batch, self.samples), (batch, *self._remembered)
        if past:
            past = tuple(_copy(part, shape) for part, shape in zip(past, shapes, strict=True))
        else:
            past = tuple(np.zeros(shape, np.float32) for shape in shapes)
        mean = np.empty((batch, hops, self.dim), np.float32)
        deviation = np.empty_like(mean) if deviations else None
        pointers = engine.EncoderPast(*map(_address, past))
        spread = None if deviation is None else _address(deviation)
        scratch = self._scratch(batch)
        self._encode(
            self._address, _address(audio), batch, hops, ctypes.byref(pointers), _address(mean), spread, scratch
        )
        return mean, deviation, past


class NativeDecoder(_Native):
    """The latent rotation and the decoder: ``[batch, frames, dim]`` → ``[batch, samples]``, and the past.

    Args:
        config: of the model.
        weights: of the model.
    """

    def __init__(self, config: WaveformVAEConfig, weights: Weights):
        super().__init__(weights)
        self.dim, self.hop, self.levels = config.latent_dim, config.hop, config.band_levels
        self.windows = [(OVERLAPS - 1, size) for size in (config.decoder_window, config.short_window)]
        pole, rate = constants.high_pass_pole(config.sample_rate), config.sample_rate
        weight = weights["decoder.embed.weight"]
        bias = weights["decoder.embed.bias"] + _in_double(weight, weights["centre"])
        embed = self._product(_in_double(weight, weights["rotation"]), bias)
        out = weights["decoder.head.out.weight"], weights["decoder.head.out.bias"]
        sizes = (
            ("long", config.decoder_window, config.long_bands),
            ("short", config.short_window, config.short_bands),
        )
        bands = []
        for name, window, count in sizes:
            below, share = constants.band_positions(count, window, rate, constants.LOWEST_HZ[name])
            ends = self._numbers(below, np.int32), self._numbers(share)
            bands.append(engine.Bands(count, *constants.LOG_GAIN_RANGE, *ends))
        self._table = engine.Decoder(
            self._path,
            self.dim,
            int(config.coherent),
            noise.SCALE,
            (1 + pole) / 2,
            pole,
            self._network("decoder", config.hop // config.decoder_hop, embed, out),
            *(
                self._transform(window, window // OVERLAPS, constants.window_scale(window), 0.5 / window)
                for _, window, _ in sizes
            ),
            *bands,
            self._levels(self.levels),
        )
        self._floats, self._decode = self._library.pisada_decoder_room, self._library.pisada_decode
        self._address = ctypes.addressof(self._table)

    def start(self, batch: int, seeds: np.ndarray | None = None, sides: np.ndarray | None = None) -> tuple:
        """Return the past at a sound's first sample.

        Args:
            batch: number of rows.
            seeds: ``[batch]`` integers, of the noise; 0 by default.
            sides: ``[batch]``, −1 … 1; 0 by default.
        """
        address = np.zeros((batch, 2), np.int64)
        if seeds is not None:
            address[:, 0] = seeds
        levels = (
            (np.zeros((batch, constants.LEVELS_REMEMBERED), np.float32), np.zeros((batch, 1, 2 * BANDS), np.float32))
            if self.levels
            else ()
        )
        windows = (np.zeros((batch, *shape), np.float32) for shape in self.windows)
        sides = np.zeros(batch, np.float32) if sides is None else np.asarray(sides, np.float32)
        blocks = np.zeros((batch, *self._remembered), np.float32)
        return blocks, (*windows, address, sides, *levels), np.zeros((batch, 2 * constants.HIGH_PASS_SECTIONS))

    def __call__(self, latents: np.ndarray, past: tuple | None) -> tuple[np.ndarray, tuple]:
        batch, hops, dim = latents.shape
        if dim != self.dim:
            raise ValueError(f"latents of {dim} dimensions; the model has {self.dim}")
        blocks, (long, short, address, sides, *levels), high_pass = past or self.start(batch)
        long, short = (_copy(part, (batch, *shape)) for part, shape in zip((long, short), self.windows, strict=True))
        blocks = _copy(blocks, (batch, *self._remembered))
        address, high_pass = _copy(address, (batch, 2), np.int64), _copy(high_pass, (batch, 4), np.float64)
        if self.levels:
            shapes = (batch, constants.LEVELS_REMEMBERED), (batch, 1, 2 * BANDS)
            levels = [_copy(part, shape) for part, shape in zip(levels, shapes, strict=True)]
        if not sides.flags.c_contiguous or sides.shape != (batch,) or sides.dtype != np.float32:
            sides = _copy(sides, (batch,))
        latents = np.ascontiguousarray(latents, np.float32)
        audio = np.empty((batch, hops * self.hop), np.float32)
        addresses = [_address(part) for part in (blocks, long, short, address, sides, *levels)]
        pointers = engine.DecoderPast(*addresses, *(() if levels else (None, None)), _address(high_pass))
        scratch = self._scratch(batch)
        self._decode(self._address, _address(latents), batch, hops, ctypes.byref(pointers), _address(audio), scratch)
        return audio, (blocks, (long, short, address, sides, *levels), high_pass)


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _copy(array: np.ndarray, shape: tuple, kind: type = np.float32) -> np.ndarray:
    """Return a copy that can be changed in place."""
    if array.shape != shape or array.dtype != kind:
        raise ValueError(f"a past of {list(array.shape)} {array.dtype}; expected {list(shape)} {np.dtype(kind)}")
    return np.array(array, order="C")
