"""The contract every model family meets: audio in, latents between, audio out.

A codec works on mono signals at one sample rate. A batch dimension comes first everywhere:
audio is ``[batch, samples]`` float32 in about −1..1, latents are ``[batch, frames, dims]`` float32.
Frame *t* describes the samples ``t * hop_samples … (t + 1) * hop_samples - 1`` of the sound.
A stereo sound is a batch of two: its channels never touch, and alike ones stay alike.
Codecs whose ``layout`` is ``"vector"`` (fixed-length spectral models) use exactly one frame.

Two ways in and out, which agree to float rounding:

* whole sounds: :meth:`Codec.encode` and :meth:`Codec.decode`, aligned to the sample;
* streams: :meth:`Codec.encoder` and :meth:`Codec.decoder` return state objects fed piece by piece.
  A decoder stream answers ``hop_samples`` samples per frame at once, and its output lags the sound
  by ``latency_samples``: drop that many samples at the start, push as many more at the end
  (:meth:`Codec.silence` gives frames to push).

What a decoder draws (noise) follows from a row's seed and the position in its stream alone, so both ways, any blocks
and any batch give the same samples. Rows of a stereo sound have one seed; their ``sides`` part their noise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np


def channel_sides(channels: int, width: float = 1.0) -> list[float]:
    """The ``sides`` of a sound's channels, of which the first two are left and right.

    Args:
        channels: at least 1.
        width: 0 … 1. Left and right noise correlate by 1 − ``width``, so that their sum (mono) keeps its power within
            3 dB at any width.

    Returns:
        One number a channel; 0 for all but the first two of several.
    """
    side = sqrt(width / 2)
    return [side, -side, *[0.0] * (channels - 2)] if channels > 1 else [0.0]


@dataclass(frozen=True)
class CodecSpec:
    """What a codec is, in numbers.

    Attributes:
        name: the family or checkpoint name, e.g. ``foley``.
        fingerprint: 16 hex digits that change whenever the weights do; presets remember them.
        sample_rate: in Hz.
        hop_samples: samples per latent frame.
        latent_dim: dimensions per latent frame.
        latency_samples: how far a decoder stream's output lags the sound.
        layout: ``"frames"`` or ``"vector"``.
    """

    name: str
    fingerprint: str
    sample_rate: int
    hop_samples: int
    latent_dim: int
    latency_samples: int
    layout: Literal["frames", "vector"] = "frames"

    def frames(self, samples: int) -> int:
        """Frames that cover ``samples`` samples."""
        return -(-samples // self.hop_samples)

    @property
    def latency_frames(self) -> int:
        """Frames to push after the last so that the whole sound has come out."""
        return self.frames(self.latency_samples)


class EncoderStream(ABC):
    """Encodes a sound piece by piece."""

    @abstractmethod
    def push(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take ``[batch, k * hop_samples]``, k at least 1; answer means and deviations, each ``[batch, k, dims]``."""

    def means(self, audio: np.ndarray) -> np.ndarray:
        """As :meth:`push`, but the means alone; models that reckon deviations apart spare them."""
        return self.push(audio)[0]


class DecoderStream(ABC):
    """Decodes latents piece by piece."""

    @abstractmethod
    def push(self, latents: np.ndarray) -> np.ndarray:
        """Take ``[batch, k, dims]``, k at least 1; answer ``[batch, k * hop_samples]``, late by ``latency_samples``."""


class Codec(ABC):
    """One model: see the module's docstring for shapes and alignment."""

    spec: CodecSpec

    @abstractmethod
    def encoder(self, batch: int = 1) -> EncoderStream:
        """A fresh encoder stream."""

    @abstractmethod
    def decoder(
        self, batch: int = 1, seeds: Sequence[int] | None = None, sides: Sequence[float] | None = None
    ) -> DecoderStream:
        """A fresh decoder stream.

        Args:
            batch: rows.
            seeds: one a row, 0 … 2^63 − 1: what its noise follows from; 0 by default. Codecs without noise ignore it.
            sides: one a row, −1 … 1: the share of a second noise of the seed; 0 by default. See :func:`sides_of`.
        """

    @abstractmethod
    def silence(self, frames: int) -> np.ndarray:
        """Latents of silence, ``[1, frames, dims]``."""

    def posterior(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Posterior means and deviations of whole sounds, each ``[batch, frames, dims]``.

        The end is padded with silence to a whole frame; of no samples come no frames.
        """
        batch, samples = audio.shape
        if not samples:
            return (np.zeros((batch, 0, self.spec.latent_dim), np.float32),) * 2
        padding = self.spec.frames(samples) * self.spec.hop_samples - samples
        return self.encoder(batch).push(np.pad(audio, ((0, 0), (0, padding))))

    def encode(self, audio: np.ndarray) -> np.ndarray:
        """Posterior means of whole sounds, ``[batch, frames, dims]``."""
        return self.posterior(audio)[0]

    def decode(
        self, latents: np.ndarray, seeds: Sequence[int] | None = None, sides: Sequence[float] | None = None
    ) -> np.ndarray:
        """Whole sounds from latents, ``[batch, frames * hop_samples]``, aligned with what was encoded.

        ``seeds`` and ``sides`` are those of :meth:`decoder`.
        """
        batch, frames, _ = latents.shape
        tail = np.repeat(self.silence(self.spec.latency_frames), batch, axis=0)
        audio = self.decoder(batch, seeds, sides).push(np.concatenate([latents, tail], axis=1))
        start = self.spec.latency_samples
        return audio[:, start : start + frames * self.spec.hop_samples]
