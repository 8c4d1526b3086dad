"""A trained waveform VAE as a :class:`~plugin_backend.codecs.base.Codec`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from plugin_backend.codecs.base import DecoderStream, EncoderStream
from plugin_backend.models.family import ExportableCodec
from plugin_backend.models.waveform_vae import checkpoint
from plugin_backend.models.waveform_vae.checkpoint_header import read_spec
from plugin_backend.models.waveform_vae.fast_inference import FastDecoder, FastEncoder

SETTLED_FRAMES = 64
"""After this many frames of silence the encoder has forgotten the start of the sound."""


class _Encoder(EncoderStream):
    def __init__(self, encoder: FastEncoder):
        self.encoder = encoder
        self.past: tuple | None = None

    @torch.inference_mode()
    def push(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        tensor = torch.from_numpy(np.ascontiguousarray(audio, np.float32))
        mean, deviation, self.past = self.encoder(tensor, self.past)
        if deviation is None:
            raise RuntimeError("the encoder returned no deviations")
        return mean.numpy(), deviation.numpy()

    @torch.inference_mode()
    def means(self, audio: np.ndarray) -> np.ndarray:
        tensor = torch.from_numpy(np.ascontiguousarray(audio, np.float32))
        mean, _, self.past = self.encoder(tensor, self.past, deviations=False)
        return mean.numpy()


class _Decoder(DecoderStream):
    def __init__(self, decoder: FastDecoder, past: tuple):
        self.decoder, self.past = decoder, past

    @torch.inference_mode()
    def push(self, latents: np.ndarray) -> np.ndarray:
        tensor = torch.from_numpy(np.ascontiguousarray(latents, np.float32))
        audio, self.past = self.decoder(tensor, self.past)
        return audio.numpy()


class WaveformCodec(ExportableCodec):
    """A waveform VAE read from its checkpoint. Latents are ordered: dimension 0 changes the sound most."""

    def __init__(self, path: Path):
        self.spec = read_spec(path)
        self.model = checkpoint.load(path)
        self._encoder, self._decoder = FastEncoder(self.model), FastDecoder(self.model)
        zeros = np.zeros((1, SETTLED_FRAMES * self.spec.hop_samples), np.float32)
        self._silence = self.encode(zeros)[:, -1:]

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
            None if seeds is None else torch.tensor(seeds, dtype=torch.int64),
            None if sides is None else torch.tensor(sides, dtype=torch.float32),
        )

    def encode_rows(self, audio: torch.Tensor, past: Any) -> tuple[torch.Tensor, tuple]:
        """Return the latent means ``[batch, k, dims]`` of ``[batch, k * hop_samples]``, and the past after them."""
        mean, _, past = self._encoder(audio, past, deviations=False)
        return mean, past

    def scriptable_parts(self, by_matrix: bool) -> tuple[nn.Module, nn.Module]:
        """Return the encoder and the decoder of a stream, in steps that TorchScript and ONNX support.

        Args:
            by_matrix: whether the other program has no Fourier transform.
        """
        from plugin_backend.models.waveform_vae.scriptable_heads import scriptable_head
        from plugin_backend.models.waveform_vae.scriptable_model import Decoder, Encoder
        from plugin_backend.models.waveform_vae.scriptable_stft import scriptable_views

        encoder, decoder = FastEncoder(self.model), FastDecoder(self.model)
        views = scriptable_views(encoder.views, by_matrix)
        return Encoder(encoder, views), Decoder(decoder, scriptable_head(decoder.head, by_matrix))

    def decode_rows(self, latents: torch.Tensor, past: Any) -> tuple[torch.Tensor, tuple]:
        """Return the sound ``[batch, k * hop_samples]`` of ``[batch, k, dims]``, and the past after it."""
        return self._decoder(latents, past)

    def silence(self, frames: int) -> np.ndarray:
        return np.repeat(self._silence, frames, axis=1)
