"""Everything a run needs to go on exactly where it was, in one safetensors file."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialised
from torch import Tensor

from plugin_backend.errors import CheckpointError
from plugin_backend.output_files import write_atomically

VERSION = 2


def optimizer_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimiser's memory as flat names: ``3.exp_avg`` is of its fourth parameter."""
    memory = optimiser.state_dict()["state"]
    return {
        f"{index}.{name}": torch.as_tensor(value) for index, entry in memory.items() for name, value in entry.items()
    }


def restore_optimizer(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what :func:`optimiser_tensors` answered."""
    memory: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".")
        memory.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({"state": memory, "param_groups": optimiser.state_dict()["param_groups"]})


def save_state(path: Path, parts: dict[str, dict[str, Tensor]], facts: dict) -> None:
    """Write ``parts`` (each a flat dictionary of tensors) and ``facts`` (plain JSON) as one file."""
    tensors = {f"{part}/{key}": value for part, flat in parts.items() for key, value in flat.items()}
    with write_atomically(path) as whole:
        copies = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
        whole.write_bytes(serialised(copies, metadata={"training": json.dumps({"version": VERSION} | facts)}))


def load_state(path: Path) -> tuple[dict[str, dict[str, Tensor]], dict]:
    """Read what :func:`save_state` wrote.

    Raises:
        CheckpointError: the file is damaged or of another version.
    """
    parts: dict[str, dict[str, Tensor]] = {}
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get("training", "{}"))
            for name in file.keys():  # noqa: SIM118 (a safe_open handle is no dictionary)
                part, key = name.split("/", 1)
                parts.setdefault(part, {})[key] = file.get_tensor(name)
    except (OSError, SafetensorError, ValueError) as problem:
        raise CheckpointError(f"{path}: not a readable training state ({problem})") from problem
    if facts.get("version") != VERSION:
        raise CheckpointError(f"{path}: not a training state of version {VERSION}, all this edition resumes")
    return parts, facts
