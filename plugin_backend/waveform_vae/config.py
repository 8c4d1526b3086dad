"""The numbers that define a waveform VAE; saved beside its weights."""

from __future__ import annotations

from dataclasses import dataclass

STEADY_FRAMES = 8
"""Of the decoder's frames: what of an offset stays as long (43 ms) is taken away."""


@dataclass(frozen=True)
class WaveformVAEConfig:
    """Sizes of a waveform VAE.

    The encoder looks through windows of ``encoder_window`` samples, the decoder writes frames of
    ``decoder_window`` samples every ``decoder_hop``; one latent frame spans ``hop`` samples.
    """

    sample_rate: int = 48_000
    hop: int = 512
    latent_dim: int = 16
    encoder_window: int = 512
    encoder_hop: int = 256
    encoder_width: int = 128
    encoder_blocks: int = 4
    decoder_window: int = 1024
    decoder_hop: int = 256
    decoder_width: int = 192
    decoder_blocks: int = 6
    expansion: int = 4
    kernel: int = 7

    @property
    def latency(self) -> int:
        """Samples by which the decoder's output lags: the frames that overlap a sample must all be known."""
        return self.decoder_window - self.decoder_hop
