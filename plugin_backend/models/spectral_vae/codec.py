"""The spectral VAE as a codec: a sound of ``hop_samples`` becomes one vector.

Every row is computed alone, so that its samples do not depend on the rows beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from plugin_backend.codecs.base import Codec, CodecSpec, DecoderStream, EncoderStream
from plugin_backend.dsp.pitch_detection import detect_pitch, octaves_above_middle
from plugin_backend.models.spectral_vae import checkpoint
from plugin_backend.models.spectral_vae.checkpoint_header import read_spec
from plugin_backend.models.spectral_vae.comb_model import CombVAE
from plugin_backend.models.spectral_vae.image_model import ImageVAE
from plugin_backend.models.spectral_vae.sounds import image_sound, note_sound
from plugin_backend.models.spectral_vae.spectra import SILENCE_LEVEL, loudness

WIDEST_PITCH = 5.0
"""Octaves from MIDI note 60 within which a vector's pitch is kept: 11 Hz to 8 kHz."""

LOUDEST = 1.0
"""The highest level of a vector: 20 dB above full scale."""

WIDEST_TIMBRE = 20.0
"""Latents stay within this many deviations of the training's, so that no vector overflows."""


def bounded(vector: np.ndarray, spec: CodecSpec) -> np.ndarray:
    """Return a vector whose numbers are finite and in the range that can be decoded.

    Args:
        vector: ``[dims]``.
        spec: of the codec.
    """
    vector = np.clip(np.nan_to_num(vector, posinf=WIDEST_TIMBRE, neginf=-WIDEST_TIMBRE), -WIDEST_TIMBRE, WIDEST_TIMBRE)
    if spec.pitch_dim is not None and spec.loudness_dim is not None:
        vector[spec.pitch_dim] = np.clip(vector[spec.pitch_dim], -WIDEST_PITCH, WIDEST_PITCH)
        vector[spec.loudness_dim] = np.clip(vector[spec.loudness_dim], SILENCE_LEVEL, LOUDEST)
    return vector


class _Encoder(EncoderStream):
    def __init__(self, model: CombVAE | ImageVAE, spec: CodecSpec):
        self._model, self._spec = model, spec

    def push(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sounds = np.asarray(audio, np.float32).reshape(-1, self._spec.hop_samples)
        rows = [self._posterior(np.nan_to_num(sound, posinf=0.0, neginf=0.0)) for sound in sounds]
        shape = (len(audio), -1, self._spec.latent_dim)
        return np.stack([row[0] for row in rows]).reshape(shape), np.stack([row[1] for row in rows]).reshape(shape)

    @torch.inference_mode()
    def _posterior(self, sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the vector of a sound ``[hop]`` and its deviations. Pitch and level have no deviation."""
        audio = torch.from_numpy(np.ascontiguousarray(sound))[None]
        if isinstance(self._model, ImageVAE):
            means, log_variances = self._model.posterior(
                self._model.image(self._model.in_db(self._model.measured(audio)))
            )
            return means[0].numpy(), (log_variances[0] / 2).exp().numpy()
        level = float(loudness(audio))
        if level <= SILENCE_LEVEL:
            silent = silent_vector(self._spec)
            return silent, np.zeros_like(silent)
        found = detect_pitch(sound, self._spec.sample_rate)
        pitch = 0.0 if found is None else octaves_above_middle(found.note)
        spectra_db = self._model.in_db(self._model.measured(audio))
        means, log_variances = self._model.posterior(spectra_db, torch.tensor([pitch], dtype=torch.float32))
        vector = np.concatenate([means[0].numpy(), np.array([pitch, level], np.float32)])
        return vector, np.concatenate([(log_variances[0] / 2).exp().numpy(), np.zeros(2, np.float32)])


class _Decoder(DecoderStream):
    def __init__(self, model: CombVAE | ImageVAE, spec: CodecSpec, seeds: Sequence[int]):
        self._model, self._spec, self._seeds, self._sounds = model, spec, seeds, 0

    @torch.inference_mode()
    def push(self, latents: np.ndarray) -> np.ndarray:
        rows = [
            [self._decode(vector, seed + self._sounds + number) for number, vector in enumerate(vectors)]
            for vectors, seed in zip(np.asarray(latents, np.float32), self._seeds, strict=True)
        ]
        self._sounds += latents.shape[1]
        return np.stack([np.concatenate(row) for row in rows])

    def _decode(self, vector: np.ndarray, seed: int) -> np.ndarray:
        vector = bounded(vector, self._spec)
        if isinstance(self._model, ImageVAE):
            return image_sound(self._model, vector)
        return note_sound(self._model, vector, seed)


def silent_vector(spec: CodecSpec) -> np.ndarray:
    """Return the vector of silence of a model with a latent for loudness, ``[dims]``."""
    vector = np.zeros(spec.latent_dim, np.float32)
    vector[spec.loudness_dim] = SILENCE_LEVEL
    return vector


class SpectralCodec(Codec):
    """A codec that uses a spectral VAE.

    Args:
        path: the checkpoint.

    Raises:
        CheckpointError: see :func:`~plugin_backend.models.spectral_vae.checkpoint.load`.
    """

    def __init__(self, path: Path):
        self.spec, self.model = read_spec(path), checkpoint.load(path)

    def encoder(self, batch: int = 1) -> EncoderStream:
        return _Encoder(self.model, self.spec)

    def decoder(
        self, batch: int = 1, seeds: Sequence[int] | None = None, sides: Sequence[float] | None = None
    ) -> DecoderStream:
        """Return a new decoder stream; see :meth:`~plugin_backend.codecs.base.Codec.decoder`.

        Args:
            batch: number of rows.
            seeds: of the rows' noise.
            sides: ignored: both sides of a note have the same noise.
        """
        return _Decoder(self.model, self.spec, [0] * batch if seeds is None else seeds)

    def silence(self, frames: int) -> np.ndarray:
        if self.spec.loudness_dim is None:
            return np.repeat(self.encode(np.zeros((1, self.spec.hop_samples), np.float32)), frames, axis=1)
        return np.tile(silent_vector(self.spec), (1, frames, 1))
