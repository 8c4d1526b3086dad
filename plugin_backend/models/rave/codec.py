"""A trusted RAVE export as a :class:`~plugin_backend.codecs.base.Codec`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from plugin_backend.codecs.base import Codec, DecoderStream, EncoderStream
from plugin_backend.errors import CheckpointError
from plugin_backend.models.rave.card import RaveCard, trusted_model
from plugin_backend.models.rave.torchscript import Stepper, audio_array, load_script


class _Encoder(EncoderStream):
    def __init__(self, steppers: list[Stepper], card: RaveCard):
        self.steppers, self.card = steppers, card

    def push(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shape = (len(self.steppers), audio.shape[1] // self.card.hop_samples, self.card.latent_dim)
        if not shape[1]:
            return np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        sounds = torch.from_numpy(np.ascontiguousarray(audio, np.float32))
        means = [stepper.push(sound[None]).T for stepper, sound in zip(self.steppers, sounds, strict=True)]
        if means[0].shape != shape[1:]:
            raise CheckpointError(f"{self.card.file}: returns {tuple(means[0].shape)} latents, not {shape[1:]}")
        return torch.stack(means).numpy(), np.zeros(shape, np.float32)


class _Decoder(DecoderStream):
    def __init__(self, steppers: list[Stepper], card: RaveCard):
        self.steppers, self.card = steppers, card

    def push(self, latents: np.ndarray) -> np.ndarray:
        frames, hop = latents.shape[1], self.card.hop_samples
        if not frames:
            return np.zeros((len(self.steppers), 0), np.float32)
        rows = torch.from_numpy(np.ascontiguousarray(latents, np.float32))
        outputs = [stepper.push(row.T) for stepper, row in zip(self.steppers, rows, strict=True)]
        return np.stack([audio_array(output, frames, hop, self.card.file) for output in outputs])


class RaveCodec(Codec):
    """A codec that uses a RAVE export. Each channel of each stream has its own copy of the model.

    RAVE's ``encode`` returns a sample of its posterior and not the mean. Its noise is seeded by the frame's number, so
    the same sound always gives the same latents. There are no deviations: they are zero.

    Args:
        card: of the export.
        script: the loaded export.
    """

    def __init__(self, card: RaveCard, script: torch.jit.ScriptModule):
        self.spec, self._card, self._script = card.spec, card, script

    @classmethod
    def read(cls, path: Path) -> RaveCodec:
        """Load the codec of a card (``….rave.json``).

        Raises:
            CheckpointError: see :func:`~plugin_backend.models.rave.card.trusted_model`.
        """
        card, data = trusted_model(path)
        return cls(card, load_script(data, card.file))

    def encoder(self, batch: int = 1) -> EncoderStream:
        card = self._card
        return _Encoder([self._stepper("encode", card.hop_samples, card.random_encoder) for _ in range(batch)], card)

    def decoder(
        self, batch: int = 1, seeds: Sequence[int] | None = None, sides: Sequence[float] | None = None
    ) -> DecoderStream:
        return _Decoder([self._stepper("decode", 1, self._card.random_decoder) for _ in range(batch)], self._card)

    def silence(self, frames: int) -> np.ndarray:
        return np.tile(np.asarray(self._card.silence, np.float32), (1, frames, 1))

    def _stepper(self, method: str, step: int, random: bool) -> Stepper:
        return Stepper(self._script, method, step, random, self._card.file)
