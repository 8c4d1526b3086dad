"""The network of the published configuration: a spectrogram in dB → four convolutions → one vector, and back.

As TIMBRAL, except that the range of dB is that of all training sounds, and kept in the checkpoint.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from plugin_backend.models.spectral_vae.config import SpectralVAEConfig
from plugin_backend.models.spectral_vae.spectra import decibels, magnitudes

LAYERS = 4


class ImageVAE(nn.Module):
    """A VAE of spectrograms, ``[frames, bins]``.

    Args:
        config: its sizes; frames and bins are multiples of 16.
    """

    def __init__(self, config: SpectralVAEConfig):
        super().__init__()
        self.config = config
        self.register_buffer("range_db", torch.tensor([-90.0, 10.0]))
        channels = [1, *(max(1, config.width >> shift) for shift in range(LAYERS - 1, -1, -1))]
        self.shape = (channels[-1], config.frames // 2**LAYERS, config.bins // 2**LAYERS)
        area = channels[-1] * self.shape[1] * self.shape[2]
        pairs = list(zip(channels[:-1], channels[1:], strict=True))
        self.encoder = nn.Sequential()
        for inputs, outputs in pairs:
            self.encoder.extend([nn.Conv2d(inputs, outputs, 3, 2, 1), nn.ReLU()])
        self.to_latents = nn.Linear(area, 2 * config.timbre_dim)
        self.from_latents = nn.Linear(config.timbre_dim, area)
        self.decoder = nn.Sequential()
        for outputs, inputs in reversed(pairs):
            self.decoder.extend([nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, 1), nn.ReLU()])
        self.decoder[-1] = nn.Sigmoid()

    def posterior(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and log variances, each ``[batch, timbre_dim]``, of ``[batch, frames, bins]`` in 0 … 1."""
        means, log_variances = self.to_latents(self.encoder(image[:, None]).flatten(1)).chunk(2, 1)
        return means, log_variances.clamp(-12, 4)

    def draw(self, timbre: Tensor) -> Tensor:
        """Return the image ``[batch, frames, bins]``, 0 … 1, of a vector ``[batch, timbre_dim]``."""
        return self.decoder(self.from_latents(timbre).relu().reshape(-1, *self.shape))[:, 0]

    def measured(self, audio: Tensor) -> Tensor:
        """Return the magnitudes of sounds ``[batch, hop]``."""
        return magnitudes(audio, self.config)

    def in_db(self, values: Tensor) -> Tensor:
        """Return magnitudes in dB over the range of the training sounds."""
        return decibels(values, self.range_db[0])

    def image(self, values_db: Tensor) -> Tensor:
        """Return magnitudes in dB as an image, 0 … 1: the lowest dB of the training sounds is 0, the highest is 1."""
        lowest, highest = self.range_db
        return ((values_db - lowest) / (highest - lowest)).clamp(0, 1)

    def magnitudes_of(self, image: Tensor) -> Tensor:
        """Return the magnitudes that an image shows; its darkest level is silence."""
        lowest, highest = self.range_db
        power = 10 ** ((image * (highest - lowest) + lowest) / 10) - 10 ** (lowest / 10)
        return power.clamp(min=0).sqrt()
