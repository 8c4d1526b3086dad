"""The state from which a stopped run continues exactly, in one safetensors file."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise
from torch import Tensor

from plugin_backend.errors import CheckpointError
from plugin_backend.output_files import write_atomically

VERSION = 2


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return an optimizer's state by flat names: ``3.exp_avg`` belongs to its fourth parameter."""
    state = optimizer.state_dict()["state"]
    return {
        f"{index}.{name}": torch.as_tensor(value) for index, entry in state.items() for name, value in entry.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Restore the state that :func:`optimizer_tensors` returned."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def save_state(path: Path, parts: dict[str, dict[str, Tensor]], facts: dict) -> None:
    """Write ``parts`` (each a flat dictionary of tensors) and ``facts`` (plain JSON) as one file.

    Args:
        path: the file.
        parts: by name, dictionaries of tensors.
        facts: everything else.
    """
    tensors = {f"{part}/{key}": value for part, flat in parts.items() for key, value in flat.items()}
    with write_atomically(path) as temporary:
        copies = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
        temporary.write_bytes(serialise(copies, metadata={"training": json.dumps({"version": VERSION} | facts)}))


def load_state(path: Path) -> tuple[dict[str, dict[str, Tensor]], dict]:
    """Read the parts and facts that :func:`save_state` wrote.

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
        raise CheckpointError(f"{path}: not a training state of version {VERSION}, the only one that can be resumed")
    return parts, facts
