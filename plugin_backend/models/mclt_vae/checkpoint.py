"""Checkpoints: ``NAME.safetensors`` (weights) beside ``NAME.json`` (sizes, training record)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file

from plugin_backend.errors import CheckpointError
from plugin_backend.models.checkpoint_files import reading_weights, write_checkpoint
from plugin_backend.models.mclt_vae.checkpoint_header import FAMILY, VERSION, least_weights, read_config
from plugin_backend.models.mclt_vae.model import MclVae


def save(model: MclVae, path: Path, training: dict) -> None:
    """Write ``path`` (``….safetensors``) and its JSON. Complex weights are stored as pairs of real numbers.

    Args:
        model: the model.
        path: the file.
        training: the record of the training, plain JSON.
    """
    record = {"family": FAMILY, "version": VERSION, "config": asdict(model.config), "training": training}
    tensors = {}
    for name, tensor in model.state_dict().items():
        tensor = tensor.detach().cpu()
        tensors[name] = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    write_checkpoint(path, tensors, record)


def load(path: Path) -> MclVae:
    """Read a checkpoint and return the model in evaluation mode.

    Raises:
        CheckpointError: a file is missing, damaged, of another family or of a newer version, or has numbers that are
            not finite.
    """
    config = read_config(path)
    with reading_weights(path, least_weights(config)):
        model, tensors = MclVae(config), load_file(path)
        for name, own in model.state_dict().items():
            if own.is_complex() and name in tensors:
                tensors[name] = torch.view_as_complex(tensors[name].float().contiguous())
        model.load_state_dict(tensors)
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise CheckpointError(f"{path}: has weights that are not finite numbers")
    return model.eval()
