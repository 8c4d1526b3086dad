"""The model a run starts from, and the records of the runs before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin_backend.models.family import TrainableFamily
from plugin_backend.models.registry import (
    NEW_MODELS,
    checkpoint_path,
    family_name,
    read_training,
    trainable_family,
)

if TYPE_CHECKING:
    from torch import nn

LEFT_OUT = {"history", "curve", "held_out_files", "held_out_copies", "variance_shares", "audibility_db"}
LEFT_OUT |= {"fidelity_curve_db"}
"""Entries of an earlier run's record that a later run does not copy."""


def training_history(start: str) -> list[dict]:
    """Return the records of the runs before one that starts from ``start``, oldest first, without their curves."""
    if start == "scratch":
        return []
    record = read_training(start)
    return [*record.get("history", []), {key: value for key, value in record.items() if key not in LEFT_OUT}]


def starting_model(start: str) -> tuple[TrainableFamily, nn.Module]:
    """Return a new model for ``scratch``, or else the model of that name or file, in training mode; and its family.

    Raises:
        CheckpointError: there is no such model, or its family cannot be trained.
    """
    if start == "scratch":
        family = trainable_family(NEW_MODELS)
        return family, family.new_model()
    path = checkpoint_path(start)
    family = trainable_family(family_name(path))
    return family, family.load_model(path).train()
