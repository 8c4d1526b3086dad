"""Checkpoints of the waveform VAE: ``NAME.safetensors`` (weights) beside ``NAME.json`` (sizes, training record)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from safetensors.torch import load_file

from plugin_backend.models.checkpoint_files import reading_weights, write_checkpoint
from plugin_backend.models.waveform_vae.checkpoint_header import FAMILY, VERSION, least_weights, read_config
from plugin_backend.models.waveform_vae.model import WaveformVAE


def save(model: WaveformVAE, path: Path, training: dict) -> None:
    """Write ``path`` (``….safetensors``) and its JSON, which keeps ``training``, the record of the training.

    Args:
        model: the model.
        path: the file, ``….safetensors``.
        training: the record, plain JSON.
    """
    record = {"family": FAMILY, "version": VERSION, "config": asdict(model.config), "training": training}
    write_checkpoint(path, {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}, record)


def load(path: Path) -> WaveformVAE:
    """Read a checkpoint and return the model in evaluation mode.

    Raises:
        CheckpointError: a file is missing, damaged, of another family or of a newer version.
    """
    config = read_config(path)
    with reading_weights(path, least_weights(config)):
        model = WaveformVAE(config)
        model.load_state_dict(load_file(path))
    return model.eval()
