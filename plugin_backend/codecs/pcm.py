"""The identity codec: its latents are the samples themselves.

It does not change a sound, so the chain around a codec can be tested sample by sample. A bank can also hold plain
recordings beside latent presets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plugin_backend.codecs.base import Codec, CodecSpec, DecoderStream, EncoderStream


class _Encoder(EncoderStream):
    def __init__(self, hop: int):
        self.hop = hop

    def push(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        frames = np.asarray(audio, np.float32).reshape(audio.shape[0], -1, self.hop)
        return frames, np.zeros_like(frames)


class _Decoder(DecoderStream):
    def push(self, latents: np.ndarray) -> np.ndarray:
        return np.asarray(latents, np.float32).reshape(latents.shape[0], -1)


class PcmCodec(Codec):
    """Makes a frame of every ``hop_samples`` samples. It has no latency, changes nothing and has no noise."""

    spec = CodecSpec("pcm", "pcm", 48_000, 512, 512, 0)

    def encoder(self, batch: int = 1) -> EncoderStream:
        """Return a new encoder stream."""
        return _Encoder(self.spec.hop_samples)

    def decoder(
        self, batch: int = 1, seeds: Sequence[int] | None = None, sides: Sequence[float] | None = None
    ) -> DecoderStream:
        """Return a new decoder stream. The identity codec has no noise.

        Args:
            batch: number of rows.
            seeds: ignored.
            sides: ignored.
        """
        return _Decoder()

    def silence(self, frames: int) -> np.ndarray:
        """Return zeros, ``[1, frames, dims]``."""
        return np.zeros((1, frames, self.spec.latent_dim), np.float32)
