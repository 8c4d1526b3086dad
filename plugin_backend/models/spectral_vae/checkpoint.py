"""Checkpoints of spectral VAEs: ``NAME.safetensors`` (weights) beside ``NAME.json`` (sizes, training record)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from plugin_backend.errors import CheckpointError
from plugin_backend.models.checkpoint_files import reading_weights, write_checkpoint
from plugin_backend.models.spectral_vae.checkpoint_header import FAMILY, VERSION, least_weights, read_config
from plugin_backend.models.spectral_vae.comb_model import CombVAE
from plugin_backend.models.spectral_vae.config import SpectralVAEConfig
from plugin_backend.models.spectral_vae.image_model import ImageVAE

SpectralVAE = CombVAE | ImageVAE


def build(config: SpectralVAEConfig) -> SpectralVAE:
    """Return an untrained model of these sizes."""
    return CombVAE(config) if config.decoder == "comb" else ImageVAE(config)


def save(model: nn.Module, path: Path, training: dict) -> None:
    """Write ``path`` (``….safetensors``, weights in half precision) and its JSON.

    Args:
        model: the model.
        path: the file, ``….safetensors``.
        training: the record of the training, plain JSON.
    """
    record = {"family": FAMILY, "version": VERSION, "config": asdict(model.config), "training": training}
    weights = {name for name, _ in model.named_parameters()}
    tensors = {
        name: (tensor.half() if name in weights else tensor).detach().cpu()
        for name, tensor in model.state_dict().items()
    }
    write_checkpoint(path, tensors, record)


def load(path: Path) -> SpectralVAE:
    """Read a checkpoint and return the model in evaluation mode.

    Raises:
        CheckpointError: a file is missing, damaged, of another family or of a newer version, or holds numbers that are
            not finite.
    """
    config = read_config(path)
    with reading_weights(path, least_weights(config)):
        model = build(config)
        tensors = {name: tensor.float() for name, tensor in load_file(path).items()}
        model.load_state_dict(tensors)
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise CheckpointError(f"{path}: the weights are not finite numbers")
    return model.eval()
