"""The time budget of a run. It includes the time for the start, the validations and the saves."""

from __future__ import annotations

import time
from dataclasses import dataclass

from plugin_backend.training.schedule import Phase

VALIDATION_BATCHES, MEANS_BATCHES, FEWEST_MEANS_BATCHES = 6, 24, 2
VALIDATION_STEPS, SAVE_STEPS_A_BATCH = 3.0, 0.8
"""The time of a validation, and of a save for each of its batches, in steps. Nothing is learned in that time."""

SAVE_SHARE = 0.1
"""The largest share of the budget that one save may take. If it would take more, it measures fewer sounds."""

WRITING_S = 1.0
FEW_STEPS, ENOUGH_STEPS = 100, 1000


@dataclass(frozen=True)
class TrainingProgress:
    """The progress of a run after a step: phase, its progress 0 to 1, step, seconds left, and the last losses."""

    phase: str
    progress: float
    step: int
    left_s: float
    losses: dict[str, float]


class Budget:
    """A budget of wall time, from the start of the command to its last file.

    Args:
        minutes: length of the run; ``None`` for a run counted in steps.
        began_s: when the command began, by :func:`time.monotonic`; by default now.

    Attributes:
        overhead_s: seconds spent outside the phases (starting, validating and saving), over all sessions of the run.
        draw_s: seconds to draw a batch.
    """

    def __init__(self, minutes: float | None, began_s: float | None = None):
        self._total_s = None if minutes is None else 60 * minutes
        self._began_s = time.monotonic() if began_s is None else began_s
        self.overhead_s, self.draw_s = 0.0, 0.0

    def begin(self, overhead_s: float) -> None:
        """Start the phases now; earlier sessions have spent ``overhead_s`` seconds outside the phases."""
        self.overhead_s = overhead_s + time.monotonic() - self._began_s

    def means_batches(self, step_s: float) -> int:
        """Return on how many batches a save measures the model's latents and level; ``step_s`` is a step's time."""
        if self._total_s is None:
            return MEANS_BATCHES
        affordable = int(SAVE_SHARE * self._total_s / max(1e-6, SAVE_STEPS_A_BATCH * step_s + self.draw_s))
        return max(FEWEST_MEANS_BATCHES, min(MEANS_BATCHES, affordable))

    def progress(self, phase: Phase, steps: int, seconds: float, phases_left: int) -> float:
        """Return the progress of a phase; 1 or more when it is over.

        Args:
            phase: the phase.
            steps: steps done in it.
            seconds: seconds spent in it.
            phases_left: this phase and those after it. Each ends with a validation and a save.
        """
        if self._total_s is None or not steps:
            return phase.progress(steps, seconds)
        for_phases_s = self._total_s - self.overhead_s - self._ends_s(seconds / steps, phases_left)
        return phase.progress(steps, seconds) * self._total_s / max(1e-3, for_phases_s)

    def _ends_s(self, step_s: float, phases: int) -> float:
        """Return the seconds that the ends of ``phases`` phases take, with the step that begins too late."""
        a_batch_s = SAVE_STEPS_A_BATCH * step_s + self.draw_s
        return phases * (VALIDATION_STEPS * step_s + self.means_batches(step_s) * a_batch_s + WRITING_S) + step_s

    def steps_ahead(self, step_s: float, seconds: float, phases_left: int) -> int:
        """Return how many more steps fit into the budget.

        Args:
            step_s: seconds of a step.
            seconds: seconds spent in all phases.
            phases_left: see :meth:`progress`.
        """
        if self._total_s is None:
            raise ValueError("a run counted in steps has no time budget")
        left_s = self._total_s - self.overhead_s - seconds - self._ends_s(step_s, phases_left)
        return max(0, int(left_s / step_s))


def short_run_warning(steps: int, step_s: float, start: str) -> str:
    """Return a warning if a run has too few steps to learn anything; else an empty text.

    Args:
        steps: how many fit into its budget.
        step_s: seconds of a step, or 0 if that is not known yet.
        start: the model that it starts from, or ``scratch``.
    """
    if steps >= FEW_STEPS:
        return ""
    result = "noise" if start == "scratch" else f"the sound of '{start}'"
    warning = f"only about {steps} steps fit into this budget: expect little more than {result}"
    minutes = -(-ENOUGH_STEPS * step_s // 60)
    return f"{warning}; {ENOUGH_STEPS} steps take about {minutes:.0f} minutes here" if step_s else warning
