"""Measure the range of dB of the training sounds. A checkpoint keeps it, so that decoding uses the same."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from plugin_backend.models.family import ClipBatch

RANGE_DB = 100.0
"""From the loudest down to the quietest level that a model knows."""


def measure_range(model: nn.Module, batches: list[ClipBatch]) -> dict[str, Any]:
    """Set the model's ``range_db`` to the loudest level of the sounds, and ``RANGE_DB`` below it.

    Args:
        model: the model; it is changed.
        batches: training sounds.

    Returns:
        The range, for the record.
    """
    loudest = max(float(model.measured(batch.audio).max()) for batch in batches)
    highest_db = 20 * torch.tensor(max(loudest, 1e-3)).log10()
    model.range_db.copy_(torch.stack([highest_db - RANGE_DB, highest_db]))
    return {"range_db": [round(value, 3) for value in model.range_db.tolist()]}
