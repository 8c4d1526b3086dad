"""Spectra of notes whose pitch is given: harmonics, lines at fixed ratios, and bands of noise.

A harmonic at a known frequency makes a known shape in the spectrum of a Hann window. So the network only predicts how
strong each harmonic is at each moment, and the lines stand at the right place whatever it predicts.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from plugin_backend.models.spectral_vae.config import SpectralVAEConfig

MIDDLE_HZ = 440 * 2 ** (-9 / 12)
"""MIDI note 60."""

LOBE_TAPS = 6
"""Bins on either side of a sinusoid that get a part of it. Beyond them a Hann window's lobes are below −60 dB."""

SINGLE_HARMONICS = 24
"""These have a level each; of those above, only some have, and the rest are interpolated."""

LINES_A_OCTAVE, LOWEST_LINE_OCTAVE, LINE_OCTAVES = 24, -1.0, 5.0
"""Lines for inharmonic sounds: quarter tones from one octave below the note to four above."""

LOWEST_BAND_HZ = 40.0


def line_ratios() -> np.ndarray:
    """Return the frequencies of the lines over the note's."""
    return 2 ** (LOWEST_LINE_OCTAVE + np.arange(round(LINES_A_OCTAVE * LINE_OCTAVES)) / LINES_A_OCTAVE)


@lru_cache(maxsize=8)
def harmonic_nodes(harmonics: int) -> np.ndarray:
    """Return the numbers of the harmonics whose levels are predicted, ``[nodes]``: all low ones, then six an octave."""
    low = list(range(1, min(SINGLE_HARMONICS, harmonics) + 1))
    octaves = math.log2(max(1.0, harmonics / SINGLE_HARMONICS))
    high = [SINGLE_HARMONICS * 2 ** (step / 6) for step in range(1, math.ceil(6 * octaves) + 1)]
    return np.asarray(low + high)


def interpolation(places: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Return the matrix ``[nodes, places]`` that interpolates values at ``nodes`` (rising) to ``places``, linearly."""
    return np.stack([np.interp(places, nodes, row) for row in np.eye(len(nodes))]).astype(np.float32)


def band_frequencies(config: SpectralVAEConfig) -> np.ndarray:
    """Return the centres of the noise bands in Hz, at equal mel distances, ``[bands]``."""
    top = 2595 * math.log10(1 + config.sample_rate / 2 / 700)
    bottom = 2595 * math.log10(1 + LOWEST_BAND_HZ / 700)
    return 700 * (10 ** (np.linspace(bottom, top, config.bands) / 2595) - 1)


def hann_lobe(bins: Tensor) -> Tensor:
    """Return the spectrum of a Hann window at a distance in bins, 1 at 0: ``sinc(x) / (1 − x²)`` (Harris 1978)."""
    distance = 1 - bins.square()
    near = distance.abs() < 1e-3
    value = torch.sinc(bins) / torch.where(near, torch.ones_like(bins), distance)
    return torch.where(near, torch.full_like(bins, 0.5), value)


def lobes(frequencies_bins: Tensor, bins: int) -> Tensor:
    """Return the spectra of sinusoids, ``[batch, sinusoids, bins]``; those outside 1 … ``bins`` − 2 have none.

    Args:
        frequencies_bins: in bins, ``[batch, sinusoids]``.
        bins: of the spectrum.
    """
    centre = frequencies_bins.detach().round()
    index = centre[..., None] + torch.arange(-LOBE_TAPS, LOBE_TAPS + 1, device=centre.device)
    values = hann_lobe(index - frequencies_bins[..., None])
    inside = (index >= 0) & (index < bins) & (centre >= 1)[..., None] & (centre <= bins - 2)[..., None]
    spectra = torch.zeros(*frequencies_bins.shape, bins + 1, device=centre.device)
    place = torch.where(inside, index, torch.full_like(index, bins)).long()
    return spectra.scatter(2, place, values * inside)[..., :bins]


def note_hz(pitch: Tensor) -> Tensor:
    """Return the frequency of ``pitch``, in octaves above MIDI note 60."""
    return MIDDLE_HZ * 2**pitch


def harmonic_frequencies(pitch: Tensor, stretch: Tensor, harmonics: int) -> Tensor:
    """Return frequencies in Hz, ``[batch, harmonics]``. The first is the note's.

    Stiff strings: ``h f √(1 + B h²)`` (Fletcher & Rossing 1998).

    Args:
        pitch: ``[batch]``.
        stretch: B, ``[batch]``.
        harmonics: how many.
    """
    number = torch.arange(1, harmonics + 1, device=pitch.device, dtype=pitch.dtype)
    stretched = ((1 + stretch[:, None] * number.square()) / (1 + stretch[:, None])).sqrt()
    return note_hz(pitch)[:, None] * number * stretched
