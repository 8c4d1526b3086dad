"""Read a checkpoint's description (the JSON beside it) without loading its weights or torch."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import get_args, get_type_hints

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.errors import CheckpointError
from plugin_backend.models.checkpoint_files import config_in, fingerprint_of, read_record, training_in
from plugin_backend.models.spectral_vae.config import SpectralVAEConfig

FAMILY, VERSION = "spectral-vae", 1

LIMITS = {
    "sample_rate": (8_000, 192_000),
    "hop": (256, 2**20),
    "window": (64, 2**14),
    "window_hop": (16, 2**13),
    "bins": (16, 2**13 + 1),
    "timbre_dim": (1, 1024),
    "width": (1, 2048),
    "bands": (2, 1024),
    "harmonics": (1, 1024),
    "phase_iterations": (0, 1000),
}
"""Smallest and largest value of each size."""

MOST_WEIGHTS = 2**27
"""A model with more is refused before it is built."""


def read_training(path: Path) -> dict:
    """Return the record of how the checkpoint at ``path`` (``….safetensors``) was trained, from the JSON beside it.

    Raises:
        CheckpointError: the JSON is missing, damaged, of another family or of a newer version.
    """
    return training_in(read_record(path, FAMILY, VERSION))


def read_config(path: Path) -> SpectralVAEConfig:
    """Return the sizes of the checkpoint at ``path`` (``….safetensors``), from the JSON beside it.

    Raises:
        CheckpointError: as for :func:`read_training`; also if a size is not allowed.
    """
    config = config_in(read_record(path, FAMILY, VERSION), path, SpectralVAEConfig)
    if wrong := _first_wrong(config):
        raise CheckpointError(f"{path.with_suffix('.json')}: 'config': {wrong}")
    return config


def _first_wrong(config: SpectralVAEConfig) -> str | None:
    """Return what is wrong with the sizes, or ``None``. This is checked before anything is built."""
    types = get_type_hints(SpectralVAEConfig)
    for name, value in asdict(config).items():
        least, most = LIMITS.get(name, (0, 0))
        if types[name] is int and (type(value) is not int or not least <= value <= most):
            return f"'{name}' must be a whole number from {least} to {most}"
        if (choices := get_args(types[name])) and value not in choices:
            return f"'{name}' must be one of {', '.join(choices)}"
    for whole, part in (("hop", "window_hop"), ("window", "window_hop")):
        if getattr(config, whole) % getattr(config, part):
            return f"'{whole}' must be a multiple of '{part}'"
    if config.window < 2 * config.window_hop:
        return "'window_hop' must be at most half of 'window'"
    if not config.window // 2 <= config.bins <= config.window // 2 + 1:
        return "'bins' must be half of 'window', or one more"
    if config.decoder == "image" and (config.bins % 16 or config.frames % 16):
        return "'bins' and the number of spectra must be multiples of 16 for the decoder 'image'"
    if config.decoder == "image" and config.phase == "model":
        return "the decoder 'image' describes no phases: 'phase' must be gradient or griffin-lim"
    if config.decoder == "comb" and config.bins != config.window // 2 + 1:
        return "'bins' must be half of 'window' plus one for the decoder 'comb'"
    if least_weights(config) > MOST_WEIGHTS:
        return "the sizes make a model of more than 134 million weights"
    return None


def least_weights(config: SpectralVAEConfig) -> int:
    """Return the smallest number of weights of a model of these sizes: those of its two largest layers."""
    area = config.frames // 16 * (config.bins // 16 if config.decoder == "image" else 1)
    return 2 * config.width * area * config.timbre_dim if config.decoder == "image" else 2 * config.width**2 * area


def read_spec(path: Path) -> CodecSpec:
    """Return the codec's numbers. The fingerprint is the first 16 hex digits of the weights' SHA-256.

    Raises:
        CheckpointError: the checkpoint is not readable.
    """
    config = read_config(path)
    dims = (config.timbre_dim, config.timbre_dim + 1) if config.conditioned else (None, None)
    sizes = (config.sample_rate, config.hop, config.latent_dim, config.latency)
    return CodecSpec(path.stem, fingerprint_of(path), *sizes, layout="vector", pitch_dim=dims[0], loudness_dim=dims[1])
