"""The network of our own configuration: a note of known pitch → its timbre → harmonics, lines and noise."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from plugin_backend.models.spectral_vae import comb
from plugin_backend.models.spectral_vae.config import SpectralVAEConfig
from plugin_backend.models.spectral_vae.spectra import at_equal_loudness, decibels, magnitudes

STRIDES = (2, 4, 2)
MOST_STRETCH = 3e-3
"""Largest inharmonicity B. That of a piano's strings is 1e-4 to 1e-2, the largest for the highest notes."""

PITCH_CENTRES = (-2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
"""The pitch in octaves is given to the network as its nearness to these."""

LEVEL_DB, LEVEL_SCALE_DB = -50.0, 20.0
"""A level of 0 in the network, and one unit, in dB."""


LOWEST_DB, HIGHEST_DB = -140.0, 30.0
"""Levels stay in this range. At equal loudness a pure tone has 3 dB."""


class NoteSpectrum(NamedTuple):
    """What the decoder predicts of a note at equal loudness.

    Attributes:
        harmonics_db: levels of all harmonics, ``[batch, frames, harmonics]``.
        lines_db: levels of the lines, ``[batch, frames, lines]``.
        noise_db: level of the noise in each bin, ``[batch, frames, bins]``.
        stretch: inharmonicity B, ``[batch]``.
    """

    harmonics_db: Tensor
    lines_db: Tensor
    noise_db: Tensor
    stretch: Tensor


def pitch_features(pitch: Tensor) -> Tensor:
    """Return what the network gets of the pitch, ``[batch, 6]``."""
    centres = torch.tensor(PITCH_CENTRES, device=pitch.device)
    return torch.exp(-(pitch[:, None] - centres).square())


class CombVAE(nn.Module):
    """A VAE of notes. ``[timbre …, pitch, loudness]`` is one vector.

    Args:
        config: its sizes.
    """

    def __init__(self, config: SpectralVAEConfig):
        super().__init__()
        self.config = config
        nodes = comb.harmonic_nodes(config.harmonics)
        bin_hz = config.sample_rate / config.window
        bands = comb.band_frequencies(config) / bin_hz
        self.register_buffer("range_db", torch.tensor([-90.0, 10.0]))
        constants = {
            "nodes": torch.from_numpy(nodes.astype(np.float32)),
            "ratios": torch.from_numpy(comb.line_ratios().astype(np.float32)),
            "to_harmonics": torch.from_numpy(
                comb.interpolation(np.log(np.arange(1, config.harmonics + 1)), np.log(nodes))
            ),
            "to_bins": torch.from_numpy(comb.interpolation(np.arange(config.bins, dtype=float), bands)),
        }
        for name, constant in constants.items():
            self.register_buffer(name, constant, persistent=False)
        self.sections = (len(nodes), len(self.ratios), config.bands)
        self.steps = -(-config.frames // math.prod(STRIDES))
        width, features, pitches = config.width, sum(self.sections), len(PITCH_CENTRES)
        self.encoder = nn.ModuleList([
            nn.Conv1d(features + pitches, width, 5, STRIDES[0], 2),
            nn.Conv1d(width, width, 7, STRIDES[1], 3),
            nn.Conv1d(width, width, 3, STRIDES[2], 1),
            nn.Linear(width * self.steps, 2 * config.timbre_dim),
        ])  # fmt: skip
        self.decoder = nn.ModuleList([
            nn.Linear(config.timbre_dim + pitches, 2 * width),
            nn.Linear(2 * width, width * self.steps),
            nn.Conv1d(width, width, 3, padding=1),
            nn.Conv1d(width, width, 5, padding=2),
            nn.Conv1d(width, width, 5, padding=2),
            nn.Conv1d(width, features, 1),
            nn.Linear(2 * width, 1),
        ])  # fmt: skip

    def features(self, spectra_db: Tensor, pitch: Tensor) -> Tensor:
        """Return the levels at the harmonics, lines and bands, ``[batch, features, frames]``, about −1 … 1.

        Args:
            spectra_db: ``[batch, frames, bins]``.
            pitch: in octaves above MIDI note 60, ``[batch]``.
        """
        bin_hz = self.config.sample_rate / self.config.window
        places = comb.note_hz(pitch)[:, None] / bin_hz * torch.cat([self.nodes, self.ratios])
        inside = places < self.config.bins - 2
        places = places.clamp(max=self.config.bins - 2)
        low = places.floor().long()[:, None].expand(-1, spectra_db.shape[1], -1)
        part = (places - places.floor())[:, None]
        levels = torch.lerp(spectra_db.gather(2, low), spectra_db.gather(2, low + 1), part)
        levels = torch.where(inside[:, None], levels, self.range_db[0])
        weights = self.to_bins / self.to_bins.sum(1, keepdim=True).clamp(min=1e-6)
        bands = spectra_db @ weights.T
        scaled = (torch.cat([levels, bands], 2) - LEVEL_DB) / LEVEL_SCALE_DB / 2
        shown = pitch_features(pitch)[:, :, None].expand(-1, -1, spectra_db.shape[1])
        return torch.cat([scaled.transpose(1, 2), shown], 1)

    def posterior(self, spectra_db: Tensor, pitch: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and log variances of the timbre, each ``[batch, timbre_dim]``.

        Args:
            spectra_db: at equal loudness, ``[batch, frames, bins]``.
            pitch: ``[batch]``.
        """
        x = self.features(spectra_db, pitch)
        for layer in self.encoder[:-1]:
            x = F.gelu(layer(x))
        means, log_variances = self.encoder[-1](x.flatten(1)).chunk(2, 1)
        return means, log_variances.clamp(-12, 4)

    def describe(self, timbre: Tensor, pitch: Tensor) -> NoteSpectrum:
        """Return what a note consists of, at equal loudness.

        Args:
            timbre: ``[batch, timbre_dim]``.
            pitch: in octaves above MIDI note 60, ``[batch]``.
        """
        first, second, *convolutions, last, stretch = self.decoder
        hidden = F.gelu(first(torch.cat([timbre, pitch_features(pitch)], 1)))
        x = F.gelu(second(hidden)).reshape(len(timbre), -1, self.steps)
        for layer, times in zip(convolutions, reversed(STRIDES), strict=True):
            x = F.gelu(layer(x.repeat_interleave(times, 2)))
        levels = last(x[:, :, : self.config.frames]).transpose(1, 2) * LEVEL_SCALE_DB + LEVEL_DB
        levels = levels.clamp(LOWEST_DB, HIGHEST_DB)
        harmonics, lines, noise = levels.split(self.sections, 2)
        return NoteSpectrum(
            harmonics @ self.to_harmonics,
            lines - LEVEL_SCALE_DB,
            noise @ self.to_bins,
            MOST_STRETCH * torch.sigmoid(stretch(hidden)[:, 0] - 4),
        )

    def frequencies_bins(self, pitch: Tensor, stretch: Tensor) -> Tensor:
        """Return the frequencies of all harmonics, then of all lines, in bins, ``[batch, sinusoids]``.

        Args:
            pitch: ``[batch]``.
            stretch: ``[batch]``.
        """
        harmonics = comb.harmonic_frequencies(pitch, stretch, self.config.harmonics)
        lines = comb.note_hz(pitch)[:, None] * self.ratios
        return torch.cat([harmonics, lines], 1) * (self.config.window / self.config.sample_rate)

    def power(self, note: NoteSpectrum, pitch: Tensor) -> Tensor:
        """Return the expected power spectrum of a note, ``[batch, frames, bins]``.

        Args:
            note: what it consists of.
            pitch: ``[batch]``.
        """
        shapes = comb.lobes(self.frequencies_bins(pitch, note.stretch), self.config.bins).square()
        sinusoids = 10 ** (torch.cat([note.harmonics_db, note.lines_db], 2) / 10)
        return sinusoids @ shapes + 10 ** (note.noise_db / 10)

    def measured(self, audio: Tensor) -> Tensor:
        """Return the magnitudes of sounds ``[batch, hop]`` at equal loudness."""
        return magnitudes(at_equal_loudness(audio), self.config)

    def in_db(self, values: Tensor) -> Tensor:
        """Return magnitudes in dB over the range of the training sounds."""
        return decibels(values, self.range_db[0])
