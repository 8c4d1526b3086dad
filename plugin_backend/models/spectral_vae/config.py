"""The sizes that define a spectral VAE, and the two configurations that can be trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from plugin_backend.dsp.spectrogram import Grid

CONFIGURATIONS = ("own", "published")


@dataclass(frozen=True)
class SpectralVAEConfig:
    """Sizes of a spectral VAE. They are saved beside its weights. All lengths are in samples.

    Attributes:
        decoder: ``comb`` (harmonics, lines and noise of a note whose pitch is given) or ``image`` (four transposed
            convolutions that draw the spectrogram, as TIMBRAL's).
        sample_rate: in Hz.
        hop: the length of a sound: one vector describes so much.
        window: of the STFT (Hann).
        window_hop: of the STFT.
        bins: of the spectrogram, from 0 Hz up. ``published`` drops the top bin.
        timbre_dim: latents besides pitch and loudness.
        width: channels of the widest layers.
        bands: noise bands of ``comb``.
        harmonics: most harmonics of ``comb``.
        phase: how phases are found: ``model`` (those of the harmonics and of the noise that ``comb`` describes),
            ``gradient`` (integration of the phase gradient, then fast Griffin-Lim), or ``griffin-lim``.
        phase_iterations: of Griffin-Lim.
    """

    decoder: Literal["comb", "image"] = "comb"
    sample_rate: int = 44_100
    hop: int = 88_064
    window: int = 2048
    window_hop: int = 512
    bins: int = 1025
    timbre_dim: int = 64
    width: int = 256
    bands: int = 96
    harmonics: int = 256
    phase: Literal["model", "gradient", "griffin-lim"] = "model"
    phase_iterations: int = 0

    @classmethod
    def named(cls, configuration: str) -> SpectralVAEConfig:
        """Return the sizes of ``own`` or ``published``."""
        if configuration == "own":
            return cls()
        return cls(
            decoder="image",
            sample_rate=22_050,
            hop=16_384,
            window=512,
            window_hop=256,
            bins=256,
            timbre_dim=128,
            width=256,
            phase="griffin-lim",
            phase_iterations=32,
        )

    @property
    def conditioned(self) -> bool:
        """Whether two latents after the timbre hold pitch and loudness."""
        return self.decoder == "comb"

    @property
    def latent_dim(self) -> int:
        """The length of a vector."""
        return self.timbre_dim + 2 * self.conditioned

    @property
    def grid(self) -> Grid:
        """The windows of the STFT."""
        return Grid(self.window, self.window_hop)

    @property
    def frames(self) -> int:
        """Spectra in a sound."""
        return self.hop // self.window_hop

    @property
    def latency(self) -> int:
        """A vector describes a whole sound, so nothing is late."""
        return 0
