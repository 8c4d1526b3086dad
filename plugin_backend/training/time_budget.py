"""The time of a run: what its start, judgements and saves take is part of its budget."""

from __future__ import annotations

import time
from dataclasses import dataclass

from plugin_backend.training.schedule import Phase

VALIDATION_BATCHES, MEANS_BATCHES, FEWEST_MEANS_BATCHES = 6, 24, 2
VALIDATION_STEPS, SAVE_STEPS_A_BATCH = 3.0, 0.8
"""What a judgement takes, and a save for each of its batches, in steps: nothing is learned from there."""

SAVE_SHARE = 0.1
"""Of the budget, the most that one save may take; it then measures latents and level on fewer sounds."""

WRITING_S = 1.0
FEW_STEPS, ENOUGH_STEPS = 100, 1000


@dataclass(frozen=True)
class TrainingProgress:
    """How a run stands: told after every step."""

    phase: str
    progress: float
    step: int
    left_s: float
    losses: dict[str, float]


class Budget:
    """Wall time, from the command's start to its last file.

    Args:
        minutes: of the run; None for one that is counted in steps.
        began_s: when it began, by :func:`time.monotonic`; now, if not given.

    Attributes:
        aside_s: seconds spent outside the phases: on starting, judging and saving, over all its sessions.
        draw_s: what drawing a batch takes.
    """

    def __init__(self, minutes: float | None, began_s: float | None = None):
        self._whole_s = None if minutes is None else 60 * minutes
        self._began_s = time.monotonic() if began_s is None else began_s
        self.aside_s, self.draw_s = 0.0, 0.0

    def begin(self, aside_s: float) -> None:
        """The phases begin now, after ``aside_s`` seconds that earlier sessions spent aside."""
        self.aside_s = aside_s + time.monotonic() - self._began_s

    def means_batches(self, step_s: float) -> int:
        """On how many batches a save measures what the model's latents and level are."""
        if self._whole_s is None:
            return MEANS_BATCHES
        affordable = int(SAVE_SHARE * self._whole_s / max(1e-6, SAVE_STEPS_A_BATCH * step_s + self.draw_s))
        return max(FEWEST_MEANS_BATCHES, min(MEANS_BATCHES, affordable))

    def progress(self, phase: Phase, steps: int, seconds: float, phases_left: int) -> float:
        """How far a phase is, 0 to 1 or more, after so many steps and seconds of it.

        Args:
            phases_left: it and those after it; each ends with a judgement and a save.
        """
        if self._whole_s is None or not steps:
            return phase.progress(steps, seconds)
        for_phases_s = self._whole_s - self.aside_s - self._ends_s(seconds / steps, phases_left)
        return phase.progress(steps, seconds) * self._whole_s / max(1e-3, for_phases_s)

    def _ends_s(self, step_s: float, phases: int) -> float:
        """What the ends of phases take, the step that is begun too late included."""
        a_batch_s = SAVE_STEPS_A_BATCH * step_s + self.draw_s
        return phases * (VALIDATION_STEPS * step_s + self.means_batches(step_s) * a_batch_s + WRITING_S) + step_s

    def steps_ahead(self, step_s: float, seconds: float, phases_left: int) -> int:
        """How many more steps fit into the budget after ``seconds`` in the phases."""
        left_s = self._whole_s - self.aside_s - seconds - self._ends_s(step_s, phases_left)
        return max(0, int(left_s / step_s))


def short_run_warning(steps: int, step_s: float, start: str) -> str:
    """A line on what to expect of a run of few steps; empty where there are enough.

    Args:
        steps: that fit into its budget.
        step_s: what a step takes, if that is known, else 0.
        start: the model that it starts from, or ``scratch``.
    """
    if steps >= FEW_STEPS:
        return ""
    like = "noise" if start == "scratch" else f"what '{start}' makes"
    told = f"only about {steps} steps fit into this budget: expect little else than {like}"
    minutes = -(-ENOUGH_STEPS * step_s // 60)
    return f"{told}; {ENOUGH_STEPS} steps take about {minutes:.0f} minutes here" if step_s else told
