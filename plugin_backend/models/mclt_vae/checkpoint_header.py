"""Read a checkpoint's description (the JSON beside it) without loading its weights or torch."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import get_args, get_type_hints

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.errors import CheckpointError
from plugin_backend.models.checkpoint_files import fingerprint_of, read_record, training_in
from plugin_backend.models.mclt_vae.config import MclVaeConfig, sizes_of

FAMILY, VERSION = "mclt-vae", 1

LIMITS: dict[str, tuple[float, float]] = {
    "sample_rate": (8_000, 192_000),
    "bins": (2, 4096),
    "frames": (2, 1024),
    "fade_samples": (1, 2**15),
    "latent": (1, 511),
    "hidden": (0, 4096),
    "root": (0.1, 1.0),
    "lowest_db": (-200.0, 0.0),
    "highest_db": (1.0, 100.0),
    "magnitude_weight": (0.0, 1e4),
    "phase_weight": (0.0, 1e4),
    "beta": (0.0, 1e4),
    "iterations": (0, 1000),
}
"""Smallest and largest value of each number."""

LAYER_LIMITS = ((1, 1024), (1, 33), (1, 33), (1, 33))
MOST_LAYERS = 16


def read_training(path: Path) -> dict:
    """Return the record of how the checkpoint at ``path`` was trained.

    Raises:
        CheckpointError: see :func:`plugin_backend.models.checkpoint_files.read_record`.
    """
    return training_in(read_record(path, FAMILY, VERSION))


def read_config(path: Path) -> MclVaeConfig:
    """Return the sizes of the checkpoint at ``path``.

    Raises:
        CheckpointError: see :func:`plugin_backend.models.checkpoint_files.read_record`; also if a size is not allowed.
    """
    record, card = read_record(path, FAMILY, VERSION), path.with_suffix(".json")
    entries = record.get("config")
    if not isinstance(entries, dict):
        raise CheckpointError(f"{card}: 'config' is missing")
    try:
        config = MclVaeConfig(**{**entries, "layers": _layers(entries.get("layers"))})
    except TypeError as problem:
        raise CheckpointError(f"{card}: 'config' has unknown entries ({problem})") from problem
    if wrong := _first_wrong(config):
        raise CheckpointError(f"{card}: 'config': {wrong}")
    return config


def _layers(value: object) -> tuple:
    """Return the layers as tuples; no layers if they are not a list of lists of four whole numbers in their limits."""
    rows = value if isinstance(value, list) and len(value) <= MOST_LAYERS else []
    valid = all(
        isinstance(row, list)
        and len(row) == len(LAYER_LIMITS)
        and all(type(x) is int and low <= x <= high for x, (low, high) in zip(row, LAYER_LIMITS, strict=True))
        for row in rows
    )
    return tuple(map(tuple, rows)) if valid else ()


def _first_wrong(config: MclVaeConfig) -> str | None:
    """Return what is wrong with the sizes, or ``None``. This is checked before anything is built."""
    types = get_type_hints(MclVaeConfig)
    for name, value in asdict(config).items():
        if name in LIMITS:
            least, most = LIMITS[name]
            numbers, kind = ((int,), "whole number") if types[name] is int else ((int, float), "number")
            if type(value) not in numbers or not least <= value <= most:
                return f"'{name}' must be a {kind} from {least:g} to {most:g}"
        elif types[name] is bool and type(value) is not bool:
            return f"'{name}' must be true or false"
        elif (choices := get_args(types[name])) and name != "layers" and value not in choices:
            return f"'{name}' must be one of {', '.join(choices)}"
    if not config.layers:
        return f"'layers' must be 1 to {MOST_LAYERS} lists of channels, kernel and two strides"
    if config.hop <= config.fade_samples:
        return "'fade_samples' must be less than half of a clip"
    if min(map(min, sizes_of(config))) < 1:
        return "'layers' do not fit 'bins' and 'frames'"
    return None


def least_weights(config: MclVaeConfig) -> int:
    """Return the smallest number of weights of a model of these sizes: those of its largest linear layers."""
    flat = config.layers[-1][0] * math.prod(sizes_of(config)[-1])
    return flat * (2 * config.latent + (config.hidden or config.latent))


def read_spec(path: Path) -> CodecSpec:
    """Return the codec's numbers. The fingerprint is the first 16 hex digits of the weights' SHA-256.

    Raises:
        CheckpointError: the checkpoint is not readable.
    """
    config = read_config(path)
    return CodecSpec(path.stem, fingerprint_of(path), config.sample_rate, config.hop, config.latent_dim, config.latency)
