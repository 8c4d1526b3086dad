"""A training run of a vector model: sounds of fixed length, one loss, exact continuation after a stop."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import nn

from plugin_backend.errors import CheckpointError, ProjectError
from plugin_backend.models.family import ClipBatch, VectorFamily
from plugin_backend.training.config import state_path
from plugin_backend.training.device import pick_device
from plugin_backend.training.finish_step import follow, update_if_finite
from plugin_backend.training.resume_state import load_state, optimizer_tensors, restore_optimizer, save_state
from plugin_backend.training.run_options import RunOptions
from plugin_backend.training.run_state import RunState
from plugin_backend.training.schedule import Phase
from plugin_backend.training.stop_request import StopRequest
from plugin_backend.training.time_budget import Budget, TrainingProgress

SAVE_EVERY_S, LOG_EVERY_STEPS, MOST_FAILED_STEPS = 300.0, 20, 50
VALIDATION_BATCHES, MEASURED_BATCHES = 6, 8

MEASURED_STEP = 2**40
"""The number of the first batch that is measured before the training; no step has it."""

IDENTITY = ("settings", "training sounds", "validation sounds")
"""What must be equal to continue a run."""


@dataclass(frozen=True)
class VectorTrainingSettings:
    """Settings of one run. It ends after ``minutes`` or after ``steps``, whichever is set.

    Attributes:
        configuration: of the new model.
        minutes: the length of the run in minutes, or ``None``.
        steps: the length of the run in steps, or ``None``.
        seed: the seed of everything random.
        batch: clips in a step.
        peak_rate: the largest learning rate.
        last_rate: the learning rate at the end.
        warm_up_steps: steps in which the learning rate rises from 0.
        validate_every_steps: steps between two validations.
        range_set: the augmentation of clips that are cut anywhere: ``published``, ``musical`` or ``none``.
    """

    configuration: str
    minutes: float | None = None
    steps: int | None = None
    seed: int = 1
    batch: int = 16
    peak_rate: float = 1e-3
    last_rate: float = 1e-5
    warm_up_steps: int = 100
    validate_every_steps: int = 250
    range_set: str = "musical"

    def phase(self) -> Phase:
        """Return the only phase of the run.

        Raises:
            ProjectError: both or none of the two budgets is set, or it is not a number above 0.
        """
        if (self.minutes is None) == (self.steps is None):
            raise ProjectError("training: give either minutes or steps")
        length = 60 * self.minutes if self.minutes is not None else float(self.steps or 0)
        if not 0 < length < math.inf:
            raise ProjectError("training: the budget is not a number above 0")
        return Phase("spectral", length, self.steps is not None, self.peak_rate)


class Sampler(Protocol):
    """A source of clips and their pitches; see :class:`~plugin_backend.training.clip_sampler.ClipSampler`."""

    def digest(self) -> str: ...

    def batch(self, size: int, seed: int, step: int) -> tuple[np.ndarray, np.ndarray]: ...

    def every(self, size: int, count: int) -> list[tuple[np.ndarray, np.ndarray]]: ...


class VectorTrainer:
    """Trains a vector model and writes it to ``out``. Its state, kept beside ``out``, lets a stopped run continue.

    Args:
        family: of the model.
        settings: of the run.
        training: gives the clips to learn from.
        validation: gives the clips for validation.
        out: the checkpoint to write (``….safetensors``).
        options: what surrounds the run.

    Raises:
        CheckpointError: there is a state of a run with other settings or sounds, or one that cannot be read.
        ProjectError: the settings have no budget, or this machine has no such device.
    """

    def __init__(
        self,
        family: VectorFamily,
        settings: VectorTrainingSettings,
        training: Sampler,
        validation: Sampler,
        out: Path,
        options: RunOptions | None = None,
    ):
        self.options, self.phase = options or RunOptions(), settings.phase()
        self.budget, self.stop_request = Budget(settings.minutes, self.options.began_s), StopRequest()
        self.family, self.settings, self.out = family, settings, out
        self.device = pick_device(self.options.device)
        self.training, self.validation = training, validation
        torch.manual_seed(settings.seed)
        self.model = family.new_vector_model(settings.configuration).to(self.device)
        self.state, self.measured, self._state_path = RunState(), {}, state_path(out)
        continuing = self._state_path.exists()
        if not continuing:
            first = [
                self._batch(training.batch(settings.batch, settings.seed, MEASURED_STEP + i))
                for i in range(MEASURED_BATCHES)
            ]
            self.measured = family.measure(self.model, first)
        self.average, self.best = copy.deepcopy(self.model), copy.deepcopy(self.model)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=settings.peak_rate, betas=(0.9, 0.99), weight_decay=1e-2
        )
        self.stop_request.watch(self.optimizer)
        if continuing:
            self._resume()
        self.examples = [self._batch(each) for each in validation.every(settings.batch, VALIDATION_BATCHES)]

    def train(self, on_progress: Callable[[TrainingProgress], None] = lambda progress: None) -> dict:
        """Train to the end of the budget and return the record kept in the checkpoint.

        Args:
            on_progress: called after each step.

        Raises:
            KeyboardInterrupt: a stop was requested; ``save()`` then saves what there is.
        """
        settings, state = self.settings, self.state
        self.budget.begin(state.overhead_s)
        saved = clock = time.monotonic()
        logged: dict[str, float] = {}
        while not state.done:
            if state.step % settings.validate_every_steps == 0 and state.validated_step < state.step:
                self._validate()
            progress = self.budget.progress(self.phase, state.step, state.seconds, 1)
            if progress >= 1 or state.failed_steps >= MOST_FAILED_STEPS:
                break
            losses = self._step(progress)
            with self.stop_request.uninterrupted():
                now = time.monotonic()
                state.seconds += now - clock
                clock = now
                state.step += 1
            if now - saved > SAVE_EVERY_S:
                self.save()
                saved = time.monotonic()
            if state.step % LOG_EVERY_STEPS == 0:
                logged = {name: value.item() for name, value in losses.items()}
                self.options.logger.scalars(state.step, logged)
            done = self.budget.progress(self.phase, state.step, state.seconds, 1)
            left_s = state.seconds * (1 / done - 1) if done > 0 else 0.0
            on_progress(TrainingProgress(self.phase.name, min(done, 1.0), state.step, max(left_s, 0.0), logged))
        if not state.done:
            if state.validated_step < state.step or state.best is None:
                self._validate()
            state.done = True
        self.save()
        self._state_path.unlink(missing_ok=True)
        return self.family.read_training(self.out)

    def _step(self, progress: float) -> dict[str, torch.Tensor]:
        """Update the model and its running average once; return the losses by name."""
        settings, state = self.settings, self.state
        rate = self.phase.rate(state.step, progress, settings)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch = self._batch(self.training.batch(settings.batch, settings.seed, state.step))
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + state.step)
        self.model.train()
        losses = self.family.loss_terms(self.model, batch, generator, progress)
        self.optimizer.zero_grad(set_to_none=True)
        next(iter(losses.values())).backward()
        if update_if_finite(self.model.parameters(), self.optimizer, state, self.options.report):
            follow(self.average, self.model, state.step)
        return losses

    @torch.no_grad()
    def _validate(self) -> None:
        """Compute the validation losses of the average, and keep the best weights."""
        state = self.state
        self.average.eval()
        found = [self.family.loss_terms(self.average, batch, None, 1.0) for batch in self.examples]
        means = {name: float(np.mean([losses[name].item() for losses in found])) for name in found[0]}
        loss = next(iter(means.values()))
        with self.stop_request.uninterrupted():
            state.validated_step = state.step
            state.curve.append([state.step, round(state.seconds / 60, 2), {k: round(v, 5) for k, v in means.items()}])
            if math.isfinite(loss) and (state.best is None or loss < state.best):
                state.best = loss
                self.best.load_state_dict(self.average.state_dict())
        self.options.logger.scalars(state.step, {f"held_out_{name}": value for name, value in means.items()})
        parts = ", ".join(f"{name} {value:.4g}" for name, value in list(means.items())[1:])
        minutes = state.seconds / 60
        self.options.report(f"step {state.step}, {minutes:.1f} min: validation loss {loss:.4f} ({parts})")

    def save(self) -> None:
        """Write a usable checkpoint and the state to continue from."""
        state = self.state
        state.overhead_s = self.budget.overhead_s
        record = self.options.facts | {
            "settings": asdict(self.settings),
            "seed": self.settings.seed,
            "steps": state.step,
            "minutes": round((state.seconds + state.overhead_s) / 60, 1),
            "device": self.device.type,
            "curve": state.curve,
            "measured": self.measured,
        }
        self.family.save_model(self.average if state.best is None else self.best, self.out, record)
        parts = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "best": self.best.state_dict(),
            "optimiser": optimizer_tensors(self.optimizer),
        }
        facts = {"identity": self._identity(), "measured": self.measured, "at": state.to_record()}
        save_state(self._state_path, parts, facts)

    def _identity(self) -> list[object]:
        return [asdict(self.settings), self.training.digest(), self.validation.digest()]

    def _resume(self) -> None:
        parts, facts = load_state(self._state_path)
        for name, ours, theirs in zip(IDENTITY, self._identity(), facts.get("identity", [None] * 3), strict=True):
            if ours != theirs:
                raise CheckpointError(
                    f"{self._state_path}: a run with other {name} stopped here; give the same ones, or remove this file"
                )
        self.state.update(facts["at"])
        self.measured = facts["measured"]
        modules: dict[str, nn.Module] = {"model": self.model, "average": self.average, "best": self.best}
        for name, module in modules.items():
            module.load_state_dict(parts[name])
        restore_optimizer(self.optimizer, parts.get("optimiser", {}))
        self.options.report(f"continuing from step {self.state.step}")

    def _batch(self, clips: tuple[np.ndarray, np.ndarray]) -> ClipBatch:
        audio, pitch = (torch.from_numpy(part).to(self.device) for part in clips)
        return ClipBatch(audio, pitch)
