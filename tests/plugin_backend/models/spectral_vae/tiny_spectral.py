"""Tiny spectral VAEs, notes to feed them with, and a family that trains them."""

import numpy as np
import torch

from plugin_backend.models.spectral_vae import checkpoint
from plugin_backend.models.spectral_vae.codec import SpectralCodec
from plugin_backend.models.spectral_vae.config import SpectralVAEConfig
from plugin_backend.models.spectral_vae.family import SpectralVAEFamily
from plugin_backend.training.clip_sampler import Clip, ClipSampler

RATE, HOP = 16_000, 16_384
COMB = SpectralVAEConfig(
    sample_rate=RATE, hop=HOP, window=1024, window_hop=256, bins=513, timbre_dim=4, width=8, bands=12, harmonics=40
)
IMAGE = SpectralVAEConfig(
    decoder="image",
    sample_rate=RATE,
    hop=4096,
    window=256,
    window_hop=128,
    bins=128,
    timbre_dim=4,
    width=8,
    phase="griffin-lim",
    phase_iterations=2,
)
CONFIGS = {"own": COMB, "published": IMAGE}


class TinyFamily(SpectralVAEFamily):
    """The family with tiny sizes."""

    def clip_format(self, configuration):
        return RATE, CONFIGS[configuration].hop

    def new_vector_model(self, configuration):
        return checkpoint.build(CONFIGS[configuration])


def tone(note, seconds=1.1, brightness=0.6):
    """Return a decaying note of ten harmonics, at ``RATE``."""
    time = np.arange(round(seconds * RATE)) / RATE
    hz = 440 * 2 ** ((note - 69) / 12)
    waves = (brightness**h * np.sin(2 * np.pi * h * hz * time) for h in range(1, 11) if h * hz < RATE / 2)
    return (0.2 * sum(waves) * np.exp(-time)).astype(np.float32)


def sampler(configuration="own", notes=(48, 55, 62), label="a"):
    clips = [Clip(f"{note}.wav", label, str(note), lambda note=note: tone(note)) for note in notes]
    return ClipSampler(clips, CONFIGS[configuration].hop, RATE, configuration == "own")


def tiny_codec(folder, configuration="own", seed=1):
    """Return the codec of an untrained model, and its path."""
    torch.manual_seed(seed)
    path = folder / f"{configuration}.safetensors"
    checkpoint.save(checkpoint.build(CONFIGS[configuration]), path, {"steps": 0})
    return SpectralCodec(path), path
