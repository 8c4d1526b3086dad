"""The contract of every model family: audio in, latents between, audio out.

A codec works on mono signals at one sample rate. A batch dimension comes first everywhere: audio is ``[batch,
samples]`` float32, about −1 to 1; latents are ``[batch, frames, dims]`` float32. Frame *t* describes the samples ``t *
hop_samples … (t + 1) * hop_samples - 1`` of the sound. A stereo sound is a batch of two: its channels never mix, and
equal channels stay equal.

A codec whose ``layout`` is ``"vector"`` (a spectral model of fixed length) describes a whole sound of ``hop_samples``
by one frame. Its frames do not depend on each other, and it has no latency.

There are two ways to encode and decode. They agree to float rounding:

* whole sounds: :meth:`Codec.encode` and :meth:`Codec.decode`, aligned to the sample;
* streams: :meth:`Codec.encoder` and :meth:`Codec.decoder` return state objects that are fed block by block. A decoder
  stream returns ``hop_samples`` samples per frame at once. Its output is ``latency_samples`` later than the sound: drop
  that many samples at the start, and push as many more at the end (:meth:`Codec.silence` returns frames to push).

The noise of a decoder depends only on a row's seed and on the position in its stream, so both ways, any blocks and any
batch return the same samples. The rows of a stereo sound have one seed; their ``sides`` make their noise differ.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np


def channel_sides(channels: int, width: float = 1.0) -> list[float]:
    """Return the ``sides`` of a sound's channels. The first two channels are left and right.

    Args:
        channels: number of channels, at least 1.
        width: 0 … 1. The noises of left and right correlate by 1 − ``width``, so that their sum (mono) keeps its power
            within 3 dB at any width.

    Returns:
        One number per channel. It is 0 for a single channel, and for all but the first two of several.
    """
    side = sqrt(width / 2)
    return [side, -side, *[0.0] * (channels - 2)] if channels > 1 else [0.0]


@dataclass(frozen=True)
class CodecSpec:
    """The name and the sizes of a codec.

    Attributes:
        name: the family or checkpoint name, for example ``foley``.
        fingerprint: 16 hexadecimal digits that change whenever the weights do. Presets store them.
        sample_rate: in Hz.
        hop_samples: samples per latent frame.
        latent_dim: dimensions per latent frame.
        latency_samples: how much later than the sound a decoder stream's output is.
        layout: ``"frames"``, or ``"vector"`` if one frame is a whole sound.
        pitch_dim: index of the latent that holds the pitch of a note, in octaves above MIDI note 60: (note − 60) / 12.
            ``None``: the model is not conditioned on pitch.
        loudness_dim: index of the latent that holds the level of a sound: log10 of the RMS over its ``hop_samples``
            samples, so that one unit is 20 dB, and 0 is an RMS of 1. −6 or less is silence. ``None``: the model is not
            conditioned on it.
    """

    name: str
    fingerprint: str
    sample_rate: int
    hop_samples: int
    latent_dim: int
    latency_samples: int
    layout: Literal["frames", "vector"] = "frames"
    pitch_dim: int | None = None
    loudness_dim: int | None = None

    def frames(self, samples: int) -> int:
        """Return the number of frames that cover ``samples`` samples."""
        return -(-samples // self.hop_samples)

    @property
    def latency_frames(self) -> int:
        """Number of frames to push after the last, to get the end of the sound."""
        return self.frames(self.latency_samples)


class EncoderStream(ABC):
    """Encodes a sound block by block."""

    @abstractmethod
    def push(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Encode ``[batch, k * hop_samples]``, k at least 1. Return means and deviations, each ``[batch, k, dims]``."""

    def means(self, audio: np.ndarray) -> np.ndarray:
        """Encode as :meth:`push` does, but return the means only.

        Models that compute deviations separately skip them.
        """
        return self.push(audio)[0]


class DecoderStream(ABC):
    """Decodes latents block by block."""

    @abstractmethod
    def push(self, latents: np.ndarray) -> np.ndarray:
        """Decode ``[batch, k, dims]``, k at least 1.

        Return ``[batch, k * hop_samples]``, late by ``latency_samples``.
        """


class Codec(ABC):
    """One model. The module's docstring describes shapes and alignment."""

    spec: CodecSpec

    @abstractmethod
    def encoder(self, batch: int = 1) -> EncoderStream:
        """Return a new encoder stream."""

    @abstractmethod
    def decoder(
        self, batch: int = 1, seeds: Sequence[int] | None = None, sides: Sequence[float] | None = None
    ) -> DecoderStream:
        """Return a new decoder stream.

        Args:
            batch: number of rows.
            seeds: one per row, 0 … 2^63 − 1, from which the row's noise follows. The default is 0. Codecs without noise
                ignore it.
            sides: one per row, −1 … 1: the share of a second noise of the same seed. The default is 0. See
                :func:`channel_sides`.
        """

    @abstractmethod
    def silence(self, frames: int) -> np.ndarray:
        """Return latents of silence, ``[1, frames, dims]``."""

    def posterior(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return posterior means and deviations of whole sounds, each ``[batch, frames, dims]``.

        The end is padded with silence to a whole frame. No samples give no frames.
        """
        batch, samples = audio.shape
        if not samples:
            return (np.zeros((batch, 0, self.spec.latent_dim), np.float32),) * 2
        padding = self.spec.frames(samples) * self.spec.hop_samples - samples
        return self.encoder(batch).push(np.pad(audio, ((0, 0), (0, padding))))

    def encode(self, audio: np.ndarray) -> np.ndarray:
        """Return posterior means of whole sounds, ``[batch, frames, dims]``."""
        return self.posterior(audio)[0]

    def decode(
        self, latents: np.ndarray, seeds: Sequence[int] | None = None, sides: Sequence[float] | None = None
    ) -> np.ndarray:
        """Return whole sounds, ``[batch, frames * hop_samples]``, aligned with the sounds that were encoded.

        Args:
            latents: ``[batch, frames, dims]``.
            seeds: see :meth:`decoder`.
            sides: see :meth:`decoder`.
        """
        batch, frames, _ = latents.shape
        tail = np.repeat(self.silence(self.spec.latency_frames), batch, axis=0)
        audio = self.decoder(batch, seeds, sides).push(np.concatenate([latents, tail], axis=1))
        start = self.spec.latency_samples
        return audio[:, start : start + frames * self.spec.hop_samples]
