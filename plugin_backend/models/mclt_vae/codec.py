"""A model as a :class:`~plugin_backend.codecs.base.Codec`: long sounds are clips that are faded into each other.

Latent frame *t* describes a clip that ends a margin before sample ``(t + 1) * hop_samples``. It begins ``fade_samples``
before the end of the clip of frame *t* − 1. There one is faded into the other, so the output is late by the fade and
the margin. Every clip is computed alone, so blocks and batches return the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from plugin_backend.codecs.base import Codec, DecoderStream, EncoderStream
from plugin_backend.dsp.crossfade import raised_cosine
from plugin_backend.models.mclt_vae import checkpoint, complex_normal
from plugin_backend.models.mclt_vae.checkpoint_header import read_spec
from plugin_backend.models.mclt_vae.model import MclVae
from plugin_backend.models.mclt_vae.spectra import SILENT


class _Encoder(EncoderStream):
    def __init__(self, model: MclVae, batch: int):
        self.model, config = model, model.config
        self.past = np.zeros((batch, config.clip_samples - config.hop), np.float32)

    @torch.inference_mode()
    def push(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        config = self.model.config
        known = np.concatenate([self.past, audio.astype(np.float32)], axis=1)
        self.past = known[:, known.shape[1] - self.past.shape[1] :]
        frames = audio.shape[1] // config.hop
        means, deviations = np.zeros((2, len(known), frames, config.latent_dim), np.float32)
        for row in range(len(known)):
            for frame in range(frames):
                clip = known[row : row + 1, frame * config.hop :][:, : config.clip_samples]
                means[row, frame], deviations[row, frame] = encode_clip(self.model, clip)
        return means, deviations


def encode_clip(model: MclVae, clip: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the posterior's means and deviations of one clip, each ``[latent_dim]``. The level has no deviation.

    Args:
        model: the model.
        clip: ``[1, clip_samples]`` float32.
    """
    spectra, levels = model.spectra_of_clips(torch.from_numpy(np.ascontiguousarray(clip)))
    mean, sigma, delta = model.posterior(model.image_of(spectra))
    if delta is None:
        parts = mean, sigma.sqrt()
    else:
        parts = torch.cat([mean.real, mean.imag], 1), torch.cat(complex_normal.deviations(sigma, delta), 1)
    mean, deviation = (part[0].numpy() for part in parts)
    return np.append(mean, levels[0].numpy()), np.append(deviation, np.float32(0))


class _Decoder(DecoderStream):
    def __init__(self, model: MclVae, batch: int, seeds: Sequence[int] | None, sides: Sequence[float] | None):
        self.model, self.frame, config = model, 0, model.config
        self.seeds = list(seeds) if seeds is not None else [0] * batch
        self.sides = list(sides) if sides is not None else [0.0] * batch
        self.tail = np.zeros((batch, config.fade_samples), np.float32)
        rise = raised_cosine((np.arange(config.fade_samples) + 0.5) / config.fade_samples)
        self.rise, self.fall = rise.astype(np.float32), rise[::-1].astype(np.float32)
        if config.content == "magnitude":  # neighbouring clips have unrelated phases: their powers add up to one
            self.rise, self.fall = np.sqrt(self.rise), np.sqrt(self.fall)

    @torch.inference_mode()
    def push(self, latents: np.ndarray) -> np.ndarray:
        hop, fade = self.model.config.hop, self.model.config.fade_samples
        audio = np.zeros((len(latents), latents.shape[1], hop), np.float32)
        for frame in range(latents.shape[1]):
            for row, vector in enumerate(latents[:, frame]):
                clip = decode_clip(self.model, vector, self._start(row))
                clip[:fade] = clip[:fade] * self.rise + self.tail[row]
                audio[row, frame], self.tail[row] = clip[:hop], clip[hop:] * self.fall
            self.frame += 1
        return audio.reshape(len(latents), -1)

    def _start(self, row: int) -> np.ndarray | None:
        """Return random numbers whose phases begin the search for phases. They depend on seed and position only."""
        config = self.model.config
        if config.content != "magnitude":
            return None
        shape, side = (1, config.frames, config.bins, 2), np.float32(self.sides[row])
        first = np.random.Generator(np.random.Philox(key=[self.seeds[row], self.frame]))
        numbers = first.standard_normal(shape, np.float32) * np.sqrt(1 - side**2)
        if side:
            numbers += side * first.standard_normal(shape, np.float32)
        return numbers.view(np.complex64)[..., 0]


def decode_clip(model: MclVae, vector: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """Return a clip without its margins, ``[hop + fade_samples]`` float32.

    Args:
        model: the model.
        vector: ``[latent_dim]``.
        start: complex numbers of the first phases, ``[1, frames, bins]``, for a model of magnitudes.
    """
    level = np.asarray(vector[-1:], np.float32)
    if level[0] <= SILENT:
        return np.zeros(model.config.hop + model.config.fade_samples, np.float32)
    latents = model.latents_of(torch.from_numpy(np.asarray(vector[None, :-1], np.float32)))
    return model.spectra.inverse(model.spectra_of(model.decoder(latents), start).numpy(), level)[0]


class MclVaeCodec(Codec):
    """A model read from its checkpoint.

    Args:
        path: the checkpoint, ``….safetensors``.
    """

    def __init__(self, path: Path):
        self.spec, self.model = read_spec(path), checkpoint.load(path)
        self._silence = self.encode(np.zeros((1, self.spec.hop_samples), np.float32))

    def encoder(self, batch: int = 1) -> EncoderStream:
        return _Encoder(self.model, batch)

    def decoder(
        self, batch: int = 1, seeds: Sequence[int] | None = None, sides: Sequence[float] | None = None
    ) -> DecoderStream:
        return _Decoder(self.model, batch, seeds, sides)

    def silence(self, frames: int) -> np.ndarray:
        return np.repeat(self._silence, frames, axis=1)
