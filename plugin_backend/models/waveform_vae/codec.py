"""A trained waveform VAE as a :class:`~plugin_backend.codecs.base.Codec`.

The engine in C computes it, without PyTorch, where it can; otherwise PyTorch does.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from plugin_backend.codecs.base import DecoderStream, EncoderStream
from plugin_backend.models.family import ExportableCodec
from plugin_backend.models.waveform_vae.c_engine_tables import NativeDecoder, NativeEncoder, fits, read_weights
from plugin_backend.models.waveform_vae.checkpoint_header import read_config, read_spec

if TYPE_CHECKING:
    from torch import nn

    from plugin_backend.models.waveform_vae.model import WaveformVAE

SETTLED_FRAMES = 64
"""After this many frames of silence the encoder has forgotten the start of the sound."""


class _Encoding(Protocol):
    """``(audio, past, deviations) → (means, deviations, past)``, all arrays."""

    def __call__(
        self, audio: np.ndarray, past: tuple | None, deviations: bool = True
    ) -> tuple[np.ndarray, np.ndarray | None, tuple]: ...


class _Decoding(Protocol):
    """``(latents, past) → (audio, past)``, all arrays."""

    def start(self, batch: int, seeds: np.ndarray | None = None, sides: np.ndarray | None = None) -> tuple: ...

    def __call__(self, latents: np.ndarray, past: tuple | None) -> tuple[np.ndarray, tuple]: ...


class _Encoder(EncoderStream):
    def __init__(self, encoder: _Encoding):
        self.encoder = encoder
        self.past: tuple | None = None

    def push(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean, deviation, self.past = self.encoder(np.asarray(audio, np.float32), self.past)
        if deviation is None:
            raise RuntimeError("the encoder returned no deviations")
        return mean, deviation

    def means(self, audio: np.ndarray) -> np.ndarray:
        mean, _, self.past = self.encoder(np.asarray(audio, np.float32), self.past, deviations=False)
        return mean


class _Decoder(DecoderStream):
    def __init__(self, decoder: _Decoding, past: tuple):
        self.decoder, self.past = decoder, past

    def push(self, latents: np.ndarray) -> np.ndarray:
        audio, self.past = self.decoder(np.asarray(latents, np.float32), self.past)
        return audio


class WaveformCodec(ExportableCodec):
    """A waveform VAE read from its checkpoint. Latents are ordered: dimension 0 changes the sound most."""

    def __init__(self, path: Path):
        self.spec, self._path, config = read_spec(path), path, read_config(path)
        self._encoder: _Encoding
        self._decoder: _Decoding
        if fits(config):
            weights = read_weights(path, config)
            self._encoder, self._decoder = NativeEncoder(config, weights), NativeDecoder(config, weights)
        else:
            from plugin_backend.models.waveform_vae.array_inference import ArrayDecoder, ArrayEncoder

            self._encoder, self._decoder = ArrayEncoder(self.model), ArrayDecoder(self.model)
        zeros = np.zeros((1, SETTLED_FRAMES * self.spec.hop_samples), np.float32)
        self._silence = self.encode(zeros)[:, -1:]

    @cached_property
    def model(self) -> WaveformVAE:
        """The model in PyTorch, for exports and measurements."""
        from plugin_backend.models.waveform_vae import checkpoint

        return checkpoint.load(self._path)

    def encoder(self, batch: int = 1) -> EncoderStream:
        return _Encoder(self._encoder)

    def decoder(
        self, batch: int = 1, seeds: Sequence[int] | None = None, sides: Sequence[float] | None = None
    ) -> DecoderStream:
        return _Decoder(self._decoder, self.decoder_past(batch, seeds, sides))

    def decoder_past(self, batch: int, seeds: Sequence[int] | None, sides: Sequence[float] | None) -> tuple:
        """Return the past of a decoder stream at its start.

        Args:
            batch: number of rows.
            seeds: of the rows' noise; 0 by default.
            sides: −1 … 1, of the rows' noise; 0 by default.
        """
        return self._decoder.start(
            batch,
            None if seeds is None else np.array(seeds, np.int64),
            None if sides is None else np.array(sides, np.float32),
        )

    def encode_rows(self, audio: np.ndarray, past: Any) -> tuple[np.ndarray, tuple]:
        """Return the latent means ``[batch, k, dims]`` of ``[batch, k * hop_samples]``, and the past after them."""
        mean, _, past = self._encoder(audio, past, deviations=False)
        return mean, past

    def decode_rows(self, latents: np.ndarray, past: Any) -> tuple[np.ndarray, tuple]:
        """Return the sound ``[batch, k * hop_samples]`` of ``[batch, k, dims]``, and the past after it."""
        return self._decoder(latents, past)

    def scriptable_parts(self, by_matrix: bool) -> tuple[nn.Module, nn.Module]:
        """Return the encoder and the decoder of a stream, in steps that TorchScript and ONNX support.

        Args:
            by_matrix: whether the other program has no Fourier transform.
        """
        from plugin_backend.models.waveform_vae.fast_inference import FastDecoder, FastEncoder
        from plugin_backend.models.waveform_vae.scriptable_heads import scriptable_head
        from plugin_backend.models.waveform_vae.scriptable_model import Decoder, Encoder
        from plugin_backend.models.waveform_vae.scriptable_stft import scriptable_views

        encoder, decoder = FastEncoder(self.model), FastDecoder(self.model)
        views = scriptable_views(encoder.views, by_matrix)
        return Encoder(encoder, views), Decoder(decoder, scriptable_head(cast("Any", decoder.head), by_matrix))

    def silence(self, frames: int) -> np.ndarray:
        return np.repeat(self._silence, frames, axis=1)
