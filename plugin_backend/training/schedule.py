"""The phases of a training run, their progress and their learning rates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from plugin_backend.errors import ProjectError
from plugin_backend.training.config import TrainingSettings

PHASES = ("spectral", "refine")


class RateSettings(Protocol):
    """The settings from which a learning rate follows.

    Attributes:
        last_rate: at the end of a phase.
        warm_up_steps: steps in which it rises from 0.
    """

    @property
    def last_rate(self) -> float: ...

    @property
    def warm_up_steps(self) -> int: ...


@dataclass(frozen=True)
class Phase:
    """One phase and its part of the budget: ``length`` in seconds, or in steps if ``in_steps``."""

    name: str
    length: float
    in_steps: bool
    peak_rate: float

    def progress(self, steps: int, seconds: float) -> float:
        """Return the progress, 0 to 1; it is 1 or more when the phase is over."""
        return (steps if self.in_steps else seconds) / self.length

    def rate(self, steps: int, progress: float, settings: RateSettings) -> float:
        """Return the learning rate: a linear warm-up by step, then half a cosine from the peak to the last rate.

        Args:
            steps: steps done in this phase.
            progress: see :meth:`progress`.
            settings: of the run.
        """
        fall = 0.5 * (1 + math.cos(math.pi * min(progress, 1)))
        rate = settings.last_rate + (self.peak_rate - settings.last_rate) * fall
        return rate * min(1.0, (steps + 1) / settings.warm_up_steps)


def phases(settings: TrainingSettings) -> list[Phase]:
    """Return the phases of a run that have a part of the budget.

    Raises:
        ProjectError: both or none of the two budgets is set, or a number is out of range.
    """
    if (settings.minutes is None) == (settings.steps is None):
        raise ProjectError("training: give either minutes or steps")
    if not 0 <= settings.refine_share <= 1:
        raise ProjectError(f"training: refine share {settings.refine_share} is not in 0..1")
    if not 0 < settings.likeness < math.inf:
        raise ProjectError(f"training: likeness {settings.likeness} is not a number above 0")
    in_steps = settings.steps is not None
    budget = float(settings.minutes * 60) if settings.minutes is not None else settings.steps or 0
    if not 0 < budget < math.inf:
        text = f"{settings.steps} steps" if in_steps else f"{settings.minutes} minutes"
        raise ProjectError(f"training: a budget of {text} is not a number above 0")
    refine = round(budget * settings.refine_share) if in_steps else budget * settings.refine_share
    lengths = {"spectral": budget - refine, "refine": refine}
    peaks = {"spectral": settings.peak_rate, "refine": settings.refine_rate}
    return [Phase(name, lengths[name], in_steps, peaks[name]) for name in PHASES if lengths[name] > 0]
