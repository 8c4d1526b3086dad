"""Read a checkpoint's description (the JSON beside it) without loading its weights or torch."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import get_args, get_type_hints

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.errors import CheckpointError
from plugin_backend.models.checkpoint_files import config_in, fingerprint_of, read_record, training_in
from plugin_backend.models.waveform_vae.config import WaveformVAEConfig

FAMILY, VERSION = "waveform-vae", 1

LIMITS = {
    "sample_rate": (8_000, 192_000),
    "latent_dim": (1, 1024),
    "encoder_blocks": (1, 256),
    "decoder_blocks": (1, 256),
    "expansion": (1, 64),
    "kernel": (1, 1024),
    "encoder_view": (0, 2**15),
    "encoder_view_bins": (0, 2**14 + 1),
    "encoder_energy_samples": (0, 2**15),
    "long_bands": (1, 1024),
    "short_bands": (1, 1024),
}
"""Smallest and largest value of each size. All other sizes: 1 to 32,768."""
OTHERS = (1, 2**15)


def read_training(path: Path) -> dict:
    """Return the record of how the checkpoint at ``path`` (``….safetensors``) was trained, from the JSON beside it.

    Raises:
        CheckpointError: the JSON is missing, damaged, of another family or of a newer version.
    """
    return training_in(read_record(path, FAMILY, VERSION))


def read_config(path: Path) -> WaveformVAEConfig:
    """Return the sizes of the checkpoint at ``path`` (``….safetensors``), from the JSON beside it.

    Raises:
        CheckpointError: as for :func:`read_training`; also if a size is not allowed.
    """
    config = config_in(read_record(path, FAMILY, VERSION), path, WaveformVAEConfig)
    if wrong := _first_wrong(config):
        raise CheckpointError(f"{path.with_suffix('.json')}: 'config': {wrong}")
    return config


def _first_wrong(config: WaveformVAEConfig) -> str | None:
    """Return what is wrong with the sizes, or ``None``. This is checked before anything is built."""
    types = get_type_hints(WaveformVAEConfig)
    for name, value in asdict(config).items():
        least, most = LIMITS.get(name, OTHERS)
        if types[name] is int and (type(value) is not int or not least <= value <= most):
            return f"'{name}' must be a whole number from {least} to {most}"
        if types[name] is bool and type(value) is not bool:
            return f"'{name}' must be true or false"
        if (choices := get_args(types[name])) and value not in choices:
            return f"'{name}' must be one of {', '.join(choices)}"
    pairs = [("encoder_hop", "hop"), ("decoder_hop", "hop"), ("decoder_hop", "decoder_window")]
    pairs += [("encoder_energy_samples", "hop")] * bool(config.encoder_energy_samples)
    for part, whole in pairs:
        if getattr(config, whole) % getattr(config, part):
            return f"'{whole}' must be a multiple of '{part}'"
    views = [("encoder_hop", "encoder_window"), *[("hop", "encoder_view")] * bool(config.encoder_view)]
    for shortest, window in views:
        if getattr(config, window) < getattr(config, shortest):
            return f"'{window}' must be at least as long as '{shortest}'"
    if config.encoder_view_bins > config.encoder_view // 2 + 1:
        return "'encoder_view_bins' must be at most half of 'encoder_view' plus one"
    return None


def least_weights(config: WaveformVAEConfig) -> int:
    """Return the smallest number of weights of a model of these sizes: those of the blocks' matrices."""
    both = ((config.encoder_blocks, config.encoder_width), (config.decoder_blocks, config.decoder_width))
    return sum(blocks * width * (2 * config.expansion * width + config.kernel) for blocks, width in both)


def read_spec(path: Path) -> CodecSpec:
    """Return the codec's numbers. The fingerprint is the first 16 hex digits of the weights' SHA-256.

    Raises:
        CheckpointError: the checkpoint is not readable.
    """
    config = read_config(path)
    return CodecSpec(path.stem, fingerprint_of(path), config.sample_rate, config.hop, config.latent_dim, config.latency)
