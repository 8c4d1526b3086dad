"""Checkpoints of spectral VAEs: ``NAME.safetensors`` (weights) beside ``NAME.json`` (sizes, training record)."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as serialise
from torch import nn

from plugin_backend.errors import CheckpointError
from plugin_backend.models.spectral_vae.checkpoint_header import FAMILY, VERSION, least_weights, read_config
from plugin_backend.models.spectral_vae.comb_model import CombVAE
from plugin_backend.models.spectral_vae.config import SpectralVAEConfig
from plugin_backend.models.spectral_vae.image_model import ImageVAE
from plugin_backend.staged_files import stage_files

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
    with stage_files(path.parent, path.name) as stage:
        tensors = {
            name: (tensor.half() if name in weights else tensor).detach().cpu().contiguous()
            for name, tensor in model.state_dict().items()
        }
        stage.replacing(path.name).write_bytes(serialise(tensors))
        header = stage.replacing(path.with_suffix(".json").name)
        header.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def load(path: Path) -> SpectralVAE:
    """Read a checkpoint and return the model in evaluation mode.

    Raises:
        CheckpointError: a file is missing, damaged, of another family or of a newer version, or holds numbers that are
            not finite.
    """
    config = read_config(path)
    misfit = f"{path}: the weights do not fit {path.with_suffix('.json').name}"
    try:
        with safe_open(path, framework="pt") as file:
            count = sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
        if least_weights(config) > count:
            raise CheckpointError(misfit)
        model = build(config)
        tensors = {name: tensor.float() for name, tensor in load_file(path).items()}
        model.load_state_dict(tensors)
    except (OSError, SafetensorError) as problem:
        raise CheckpointError(f"{path}: not a readable checkpoint ({problem})") from problem
    except (RuntimeError, ValueError, ZeroDivisionError, IndexError) as problem:  # sizes that do not fit together
        raise CheckpointError(misfit) from problem
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise CheckpointError(f"{path}: the weights are not finite numbers")
    return model.eval()
