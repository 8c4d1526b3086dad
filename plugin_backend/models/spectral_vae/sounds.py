"""One vector → one sound, for both decoders."""

from __future__ import annotations

import numpy as np
import torch

from plugin_backend.dsp.spectrogram import PhaseMethod, sound, sound_of_magnitudes
from plugin_backend.models.spectral_vae.comb_model import CombVAE, NoteSpectrum
from plugin_backend.models.spectral_vae.config import SpectralVAEConfig
from plugin_backend.models.spectral_vae.image_model import ImageVAE
from plugin_backend.models.spectral_vae.spectra import SILENCE_LEVEL
from plugin_backend.models.spectral_vae.synthesis import noise_spectra, sinusoid_spectra

SILENT_IMAGE = 1e-5
"""Magnitudes below this (−100 dB) are silence."""


def phase_method(config: SpectralVAEConfig) -> PhaseMethod:
    """Return how a model finds the phases of an image."""
    if config.phase == "gradient":
        return PhaseMethod(iterations=config.phase_iterations)
    return PhaseMethod("zero", 0, config.phase_iterations)


def describe_vector(model: CombVAE, vector: np.ndarray) -> tuple[NoteSpectrum, torch.Tensor]:
    """Return what the sound of a vector ``[dims]`` consists of, and its pitch ``[1]``.

    Args:
        model: the model.
        vector: of the sound.
    """
    row = torch.from_numpy(np.ascontiguousarray(vector, np.float32))[None]
    pitch = row[:, model.config.timbre_dim]
    return model.describe(row[:, : model.config.timbre_dim], pitch), pitch


def note_sound(model: CombVAE, vector: np.ndarray, seed: int) -> np.ndarray:
    """Return the sound ``[hop]`` of a vector. Its level is exactly the vector's.

    Args:
        model: the model.
        vector: timbre, pitch and loudness.
        seed: of the noise.
    """
    config, level = model.config, float(vector[-1])
    if level <= SILENCE_LEVEL:
        return np.zeros(config.hop, np.float32)
    note, pitch = describe_vector(model, vector)
    frequencies = model.frequencies_bins(pitch.double(), note.stretch.double())[0].numpy()
    levels_db = torch.cat([note.harmonics_db, note.lines_db], 2)[0].numpy()
    spectra = sinusoid_spectra(levels_db, frequencies, config)
    spectra += np.power(np.float32(10), note.noise_db[0].numpy() / 20) * noise_spectra(seed, config)
    audio = sound(spectra[None], config.grid)[0]
    rms = float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))
    return (audio * (10.0**level / max(rms, 1e-9))).astype(np.float32)


def image_sound(model: ImageVAE, vector: np.ndarray) -> np.ndarray:
    """Return the sound ``[hop]`` of a vector.

    Args:
        model: the model.
        vector: its timbre.
    """
    image = model.draw(torch.from_numpy(np.ascontiguousarray(vector, np.float32))[None])
    values = model.magnitudes_of(image)[0].numpy()
    shown = np.zeros((1, model.config.frames, model.config.grid.bins), np.float32)
    shown[0, :, : model.config.bins] = np.where(values > SILENT_IMAGE, values, 0)
    return sound_of_magnitudes(shown, model.config.grid, phase_method(model.config))[0]
