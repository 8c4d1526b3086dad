"""The numbers that define a waveform VAE; saved beside its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LEVELS_LATENCY = 128
"""Samples after a moment that its bands' levels are measured from."""

STEADY_FRAMES = 8
"""Of the decoder's frames: what of an offset stays as long (43 ms) is taken away."""


@dataclass(frozen=True)
class WaveformVAEConfig:
    """Sizes of a waveform VAE.

    The encoder looks through windows of ``encoder_window`` samples, the decoder writes frames of
    ``decoder_window`` samples every ``decoder_hop``; one latent frame spans ``hop`` samples.

    Attributes:
        head: how the decoder makes sound: ``spectra`` (magnitudes and phases, the first `foley`) or ``noise``.
        encoder_view: samples of a longer window, of which the encoder sees the lowest ``encoder_view_bins``; 0: none.
        encoder_energy_samples: the encoder also sees the energy of pieces of this length; 0: it does not.
        long_bands, short_bands: bands of noise in windows of ``decoder_window`` and of ``short_window`` samples.
        coherent: whether the short windows also hold what does not vary.
        band_levels: whether the encoder sees the levels of three bands, and the decoder states them and holds to them.
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
    head: Literal["spectra", "noise"] = "spectra"
    encoder_view: int = 0
    encoder_view_bins: int = 0
    encoder_energy_samples: int = 0
    long_bands: int = 128
    short_window: int = 128
    short_bands: int = 16
    coherent: bool = False
    band_levels: bool = False

    @classmethod
    def noise_first(cls) -> WaveformVAEConfig:
        """The sizes of new models."""
        encoder = {"encoder_view": 2048, "encoder_view_bins": 96, "encoder_energy_samples": 32}
        return cls(latent_dim=32, head="noise", band_levels=True, **encoder)

    @property
    def latency(self) -> int:
        """Samples by which the decoder's output lags: the frames that overlap a sample must all be known."""
        return self.decoder_window - self.decoder_hop + (LEVELS_LATENCY if self.band_levels else 0)
