"""The end of a training step, the same in every trainer."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import nn

from plugin_backend.training.config import AVERAGE_DECAY
from plugin_backend.training.run_state import RunState


def update_if_finite(
    parameters: Iterable[nn.Parameter],
    optimizer: torch.optim.Optimizer,
    state: RunState,
    report: Callable[[str], None],
) -> bool:
    """Clip the gradients to a norm of 1 and update the weights, and return whether the gradients were finite.

    If not, the step is skipped and counted in ``state``, and the first of a row is reported.

    Args:
        parameters: what is trained.
        optimizer: updates them.
        state: of the run.
        report: receives a line.
    """
    if not torch.isfinite(torch.nn.utils.clip_grad_norm_(parameters, 1.0)):
        state.failed_steps += 1
        if state.failed_steps == 1:
            report(f"step {state.step}: the losses are not finite; this step is skipped")
        return False
    state.failed_steps = 0
    optimizer.step()
    return True


@torch.no_grad()
def follow(average: nn.Module, model: nn.Module, steps: int) -> None:
    """Move a running average of a model's weights towards them; at first faster.

    Args:
        average: the running average; it is changed.
        model: the model.
        steps: how many steps the average has followed.
    """
    decay = min(AVERAGE_DECAY, (steps + 1) / (steps + 10))
    for own, new in zip(average.parameters(), model.parameters(), strict=True):
        own.lerp_(new, 1 - decay)
