"""Checkpoints: ``NAME.safetensors`` (weights) beside ``NAME.json`` (sizes, training record)."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as serialise

from plugin_backend.errors import CheckpointError
from plugin_backend.models.mclt_vae.checkpoint_header import FAMILY, VERSION, least_weights, read_config
from plugin_backend.models.mclt_vae.model import MclVae
from plugin_backend.staged_files import stage_files


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
        tensors[name] = (torch.view_as_real(tensor) if tensor.is_complex() else tensor).contiguous()
    with stage_files(path.parent, path.name) as stage:
        stage.replacing(path.name).write_bytes(serialise(tensors))
        header = stage.replacing(path.with_suffix(".json").name)
        header.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def load(path: Path) -> MclVae:
    """Read a checkpoint and return the model in evaluation mode.

    Raises:
        CheckpointError: a file is missing, damaged, of another family or of a newer version, or has numbers that are
            not finite.
    """
    config = read_config(path)
    misfit = f"{path}: the weights do not fit {path.with_suffix('.json').name}"
    try:
        with safe_open(path, framework="pt") as file:
            count = sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
        if least_weights(config) > count:
            raise CheckpointError(misfit)
        model, tensors = MclVae(config), load_file(path)
        for name, own in model.state_dict().items():
            if own.is_complex() and name in tensors:
                tensors[name] = torch.view_as_complex(tensors[name].float().contiguous())
        model.load_state_dict(tensors)
    except (OSError, SafetensorError) as problem:
        raise CheckpointError(f"{path}: not a readable checkpoint ({problem})") from problem
    except (RuntimeError, ValueError, IndexError) as problem:  # sizes that do not fit together
        raise CheckpointError(misfit) from problem
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise CheckpointError(f"{path}: has weights that are not finite numbers")
    return model.eval()
