"""Checkpoints of the waveform VAE: ``NAME.safetensors`` (weights) beside ``NAME.json`` (sizes, training record)."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as serialise

from plugin_backend.errors import CheckpointError
from plugin_backend.models.waveform_vae.checkpoint_header import FAMILY, VERSION, least_weights, read_config
from plugin_backend.models.waveform_vae.model import WaveformVAE
from plugin_backend.staged_files import stage_files


def save(model: WaveformVAE, path: Path, training: dict) -> None:
    """Write ``path`` (``….safetensors``) and its JSON, which keeps ``training``, the record of the training.

    Args:
        model: the model.
        path: the file, ``….safetensors``.
        training: the record, plain JSON.
    """
    record = {"family": FAMILY, "version": VERSION, "config": asdict(model.config), "training": training}
    with stage_files(path.parent, path.name) as stage:
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
        stage.replacing(path.name).write_bytes(serialise(tensors))
        header = stage.replacing(path.with_suffix(".json").name)
        header.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def load(path: Path) -> WaveformVAE:
    """Read a checkpoint and return the model in evaluation mode.

    Raises:
        CheckpointError: a file is missing, damaged, of another family or of a newer version.
    """
    config = read_config(path)
    misfit = f"{path}: the weights do not fit {path.with_suffix('.json').name}"
    try:
        with safe_open(path, framework="pt") as file:
            count = sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
        if least_weights(config) > count:
            raise CheckpointError(misfit)
        model = WaveformVAE(config)
        model.load_state_dict(load_file(path))
    except (OSError, SafetensorError) as problem:
        raise CheckpointError(f"{path}: not a readable checkpoint ({problem})") from problem
    except (RuntimeError, ValueError, ZeroDivisionError, IndexError) as problem:  # sizes that do not fit together
        raise CheckpointError(misfit) from problem
    return model.eval()
