"""A clip as what the network sees, and back: spectra, levels, dB and phases."""

from __future__ import annotations

import numpy as np

from plugin_backend.dsp.mclt import LappedTransform, Mclt, SineStft
from plugin_backend.models.mclt_vae.config import MclVaeConfig

TRANSFORMS: dict[str, type[LappedTransform]] = {"mclt": Mclt, "stft": SineStft}

SILENT_DB = -120.0
"""RMS of a clip, in dBFS, at and below which it is silence."""

DB_PER_UNIT = 20.0
"""The level stands in a latent frame in units of 20 dB: 0 is an RMS of full scale."""

SILENT = SILENT_DB / DB_PER_UNIT

HIGHEST = 2.0
"""Highest level of a decoded clip, +40 dB: latents of an experiment may be anything."""

MOMENTUM = 0.99
"""Of the fast Griffin-Lim algorithm."""


class Spectra:
    """Clips to spectra at a level of 0 dB with their true levels, and back.

    The level is the RMS of a clip whose first and last hop are faded, as the transform's inverse fades them. Decoded
    clips get exactly their level: a network that is unsure returns too little energy.

    Args:
        config: of the model.
    """

    def __init__(self, config: MclVaeConfig):
        self.config, self.transform = config, TRANSFORMS[config.spectrum](config.bins)
        rise = np.sin((np.arange(config.bins) + 0.5) * (np.pi / (2 * config.bins))) ** 2
        steady = np.ones(config.clip_samples - 2 * config.bins)
        self._fades = np.concatenate([rise, steady, rise[::-1]]).astype(np.float32)

    def forward(self, clips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the spectra of clips at a level of 0 dB, and their levels. Silence gives zeros.

        Args:
            clips: ``[batch, clip_samples]`` float32.

        Returns:
            ``[batch, frames, bins]`` complex64, and ``[batch]`` float32 in units of 20 dB, at least ``SILENT``.
        """
        levels = np.maximum(np.log10(_rms(clips * self._fades)), SILENT).astype(np.float32)
        gains = np.where(levels > SILENT, 10.0**-levels, 0.0).astype(np.float32)
        return self.transform.forward(clips * gains[:, None]), levels

    def inverse(self, spectra: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """Return clips of these levels without their margins, ``[batch, hop + fade_samples]`` float32.

        Args:
            spectra: ``[batch, frames, bins]`` complex64, at any level.
            levels: ``[batch]``, in units of 20 dB; at ``SILENT`` and below the clip is zeros.
        """
        margin, clips = self.config.bins, self.transform.inverse(spectra)
        gains = np.where(levels > SILENT, 10.0 ** np.minimum(levels, HIGHEST) / _rms(clips), 0.0)
        return clips[:, margin:-margin] * gains.astype(np.float32)[:, None]

    def with_phases(self, magnitudes: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Return spectra with these magnitudes, whose phases fit together.

        Fast Griffin-Lim algorithm: Perraudin, Balazs, Søndergaard, "A fast Griffin-Lim algorithm", WASPAA 2013, on the
        lapped transform of the model.

        Args:
            magnitudes: ``[batch, frames, bins]`` float32.
            start: complex numbers of the first phases, of the same shape.
        """
        before, guess = np.zeros_like(start), magnitudes * _phasors(start)
        for _ in range(self.config.iterations):
            consistent = self.transform.forward(self.transform.inverse(guess))
            guess = magnitudes * _phasors(consistent + np.float32(MOMENTUM) * (consistent - before))
            before = consistent
        return guess


def _phasors(spectra: np.ndarray) -> np.ndarray:
    return spectra / np.maximum(np.abs(spectra), np.float32(1e-20))


def _rms(clips: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(np.square(clips, dtype=np.float64).mean(axis=1), 1e-30))
