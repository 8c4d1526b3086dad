"""The sizes that define a waveform VAE. They are saved beside its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LEVELS_LATENCY = 128
"""Samples after a moment that are needed to measure its band levels."""

STEADY_FRAMES = 8
"""Frames of the decoder over which an offset is averaged: an offset that lasts this long (43 ms) is removed."""


@dataclass(frozen=True)
class WaveformVAEConfig:
    """Sizes of a waveform VAE.

    The encoder uses windows of ``encoder_window`` samples every ``encoder_hop``. The decoder writes frames of
    ``decoder_window`` samples every ``decoder_hop``. One latent frame is ``hop`` samples long. All lengths are in
    samples.

    Attributes:
        head: how the decoder makes sound: ``spectra`` (magnitudes and phases, the first `foley`) or ``noise``.
        encoder_view: length of a longer window whose lowest ``encoder_view_bins`` the encoder gets too; 0: none.
        encoder_view_bins: see ``encoder_view``.
        encoder_energy_samples: the encoder also gets the energy of segments of this length; 0: it does not.
        long_bands: bands of noise in windows of ``decoder_window`` samples.
        short_bands: bands of noise in windows of ``short_window`` samples.
        coherent: whether the short windows also have a part without noise, the same in every take.
        band_levels: whether the encoder gets the levels of three bands, and the decoder predicts and corrects them.
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
        """Return the sizes of new models."""
        return cls(
            latent_dim=32,
            head="noise",
            encoder_view=2048,
            encoder_view_bins=96,
            encoder_energy_samples=32,
            band_levels=True,
        )

    @property
    def latency(self) -> int:
        """Samples by which the decoder's output is late: all frames that overlap a sample must be known."""
        return self.decoder_window - self.decoder_hop + (LEVELS_LATENCY if self.band_levels else 0)
