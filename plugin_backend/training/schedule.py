"""How far a phase of training is, and the learning rate there."""

from __future__ import annotations

import math
from dataclasses import dataclass

from plugin_backend.errors import ProjectError
from plugin_backend.training.config import TrainingSettings

PHASES = ("spectral", "refine")


@dataclass(frozen=True)
class Phase:
    """One phase with its share of the budget: ``length`` seconds, or steps where ``in_steps``."""

    name: str
    length: float
    in_steps: bool
    peak_rate: float

    def progress(self, steps: int, seconds: float) -> float:
        """0..1; 1 or more once the phase is over."""
        return (steps if self.in_steps else seconds) / self.length

    def rate(self, steps: int, progress: float, settings: TrainingSettings) -> float:
        """Linear warm-up by step, then half a cosine from the peak down to the last rate."""
        fall = 0.5 * (1 + math.cos(math.pi * min(progress, 1)))
        rate = settings.last_rate + (self.peak_rate - settings.last_rate) * fall
        return rate * min(1.0, (steps + 1) / settings.warm_up_steps)


def phases(settings: TrainingSettings) -> list[Phase]:
    """The phases of a run, those without a share of the budget left out.

    Raises:
        ProjectError: not exactly one budget, or a number out of range.
    """
    if (settings.minutes is None) == (settings.steps is None):
        raise ProjectError("training: give either minutes or steps")
    if not 0 <= settings.refine_share <= 1:
        raise ProjectError(f"training: refine share {settings.refine_share} is not in 0..1")
    if not 0 < settings.likeness < math.inf:
        raise ProjectError(f"training: likeness {settings.likeness} is not a number above 0")
    in_steps = settings.steps is not None
    whole = settings.steps if in_steps else settings.minutes * 60
    if not 0 < whole < math.inf:
        what = f"{settings.steps} steps" if in_steps else f"{settings.minutes} minutes"
        raise ProjectError(f"training: a budget of {what} is not a number above 0")
    refine = round(whole * settings.refine_share) if in_steps else whole * settings.refine_share
    lengths = {"spectral": whole - refine, "refine": refine}
    peaks = {"spectral": settings.peak_rate, "refine": settings.refine_rate}
    return [Phase(name, lengths[name], in_steps, peaks[name]) for name in PHASES if lengths[name] > 0]
