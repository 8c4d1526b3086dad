"""Read what a checkpoint says of itself, without loading its weights (or torch)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from plugin_backend.codec import CodecSpec
from plugin_backend.errors import CheckpointError
from plugin_backend.waveform_vae.config import WaveformVAEConfig

FAMILY, VERSION = "waveform-vae", 1


def _read_record(path: Path) -> dict:
    card = path.with_suffix(".json")
    try:
        record = json.loads(card.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise CheckpointError(f"{card}: not a readable checkpoint ({problem})") from problem
    if not isinstance(record, dict) or (record.get("family"), record.get("version")) != (FAMILY, VERSION):
        raise CheckpointError(f"{card}: not a '{FAMILY}' checkpoint of version {VERSION}, all this edition reads")
    return record


def read_training(path: Path) -> dict:
    """How the checkpoint at ``path`` (``….safetensors``) was trained, from the JSON beside it.

    Raises:
        CheckpointError: the JSON is missing, damaged, of another family or of a newer version.
    """
    training = _read_record(path).get("training", {})
    return training if isinstance(training, dict) else {}


def read_config(path: Path) -> WaveformVAEConfig:
    """Sizes of the checkpoint at ``path`` (``….safetensors``), from the JSON beside it.

    Raises:
        CheckpointError: as :func:`read_training` does; also when the sizes are not what this edition knows.
    """
    record, card = _read_record(path), path.with_suffix(".json")
    try:
        return WaveformVAEConfig(**record["config"])
    except (KeyError, TypeError) as problem:
        raise CheckpointError(f"{card}: 'config' is missing or has unknown entries ({problem})") from problem


def read_spec(path: Path) -> CodecSpec:
    """The codec's numbers; the fingerprint is the first 16 hex digits of the weights' SHA-256.

    Raises:
        CheckpointError: the checkpoint is not readable.
    """
    config = read_config(path)
    try:
        with open(path, "rb") as weights:
            fingerprint = hashlib.file_digest(weights, "sha256").hexdigest()[:16]
    except OSError as problem:
        raise CheckpointError(f"{path}: not a readable checkpoint ({problem.strerror})") from problem
    return CodecSpec(path.stem, fingerprint, config.sample_rate, config.hop, config.latent_dim, config.latency)
