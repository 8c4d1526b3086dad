"""The position of a training run: what a resume state keeps besides the weights."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

STORED_NAMES = {
    "overhead_s": "aside_seconds",
    "validated_step": "judged",
    "discriminators_trained": "critics_know",
    "failed_steps": "spoilt",
}
"""Names under which state files store a value, by its name here."""


@dataclass
class RunState:
    """The position of a run.

    Attributes:
        phase: index of the current phase.
        step: steps done.
        seconds: seconds spent in the phases.
        overhead_s: seconds spent outside the phases.
        curve: the validations: phase, step, minutes, loss.
        validated_step: the step of the last validation.
        done: whether all phases are over.
        unmeasured: whether the final model's level and latents still have to be measured.
        discriminators_trained: whether the discriminators come from an earlier run.
        phase_steps: steps done in this phase.
        phase_seconds: seconds spent in this phase.
        best: the best validation loss of this phase.
        since_best: validations since then.
        failed_steps: steps in a row without a finite loss.
    """

    phase: int = 0
    step: int = 0
    seconds: float = 0.0
    overhead_s: float = 0.0
    curve: list[list] = field(default_factory=list)
    validated_step: int = 0
    done: bool = False
    unmeasured: bool = False
    discriminators_trained: bool = False
    phase_steps: int = 0
    phase_seconds: float = 0.0
    best: float | None = None
    since_best: int = 0
    failed_steps: int = 0

    def begin_next_phase(self) -> None:
        """Move to the start of the next phase."""
        self.phase += 1
        self.phase_steps, self.phase_seconds = 0, 0.0
        self.best, self.since_best, self.failed_steps = None, 0, 0

    def to_record(self) -> dict[str, object]:
        """Return the values by the names under which files store them."""
        return {STORED_NAMES.get(one.name, one.name): getattr(self, one.name) for one in fields(self)}

    def update(self, record: dict[str, object]) -> None:
        """Take over the values of a stored record; values that it lacks stay as they are."""
        for one in fields(self):
            stored = STORED_NAMES.get(one.name, one.name)
            if stored in record:
                setattr(self, one.name, record[stored])
