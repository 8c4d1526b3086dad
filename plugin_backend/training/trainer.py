"""A training run: its phases, validations and saves, and continuing after a stop."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from plugin_backend.corpus.sound import sounds_digest
from plugin_backend.errors import CheckpointError
from plugin_backend.models.family import RandomDraws
from plugin_backend.models.registry import checkpoint_path
from plugin_backend.training.config import (
    ENVELOPE_WEIGHT,
    NEW_DISCRIMINATORS_STEPS,
    REFINE_CROP_SAMPLES,
    TrainingSettings,
    state_path,
)
from plugin_backend.training.crop_sampler import CropSampler
from plugin_backend.training.device import pick_device
from plugin_backend.training.discriminators import (
    Discriminators,
    discriminators_path,
    load_discriminators,
    save_discriminators,
)
from plugin_backend.training.finish_step import follow, update_if_finite
from plugin_backend.training.losses import MEL_BANDS, SpectralScore
from plugin_backend.training.resume_state import load_state, optimizer_tensors, restore_optimizer, save_state
from plugin_backend.training.run_options import RunOptions
from plugin_backend.training.run_state import RunState
from plugin_backend.training.schedule import Phase, phases
from plugin_backend.training.starting_model import starting_model, training_history
from plugin_backend.training.steps import Adversary, Learner, draw_for_step, refine_step, spectral_step
from plugin_backend.training.stop_request import StopRequest
from plugin_backend.training.time_budget import (
    MEANS_BATCHES,
    VALIDATION_BATCHES,
    Budget,
    TrainingProgress,
    short_run_warning,
)

SAVE_EVERY_S, LOG_EVERY_STEPS, WARN_AFTER_STEPS = 300.0, 20, 3

MOST_FAILED_STEPS = 50
"""After this many steps in a row without a finite loss, a phase ends with the best weights it had."""

IDENTITY = {
    "settings": "settings",
    "sounds to learn from": "training sounds",
    "sounds to judge by": "validation sounds",
}
"""What must be equal to continue a run: the names in the state file, and those in messages."""


class Trainer:
    """Trains a model and writes it to ``out``. Its state, kept beside ``out``, lets a stopped run continue.

    Args:
        settings: of the run.
        train_sampler: gives the crops to learn from.
        validation_sampler: gives the crops for validation.
        out: the checkpoint to write (``….safetensors``).
        options: what surrounds the run.

    Raises:
        CheckpointError: there is a state of a run with other settings or sounds, or one that cannot be read.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        train_sampler: CropSampler,
        validation_sampler: CropSampler,
        out: Path,
        options: RunOptions | None = None,
    ):
        self.options = options or RunOptions()
        self.budget, self._step_s, self._warned = Budget(settings.minutes, self.options.began_s), 0.0, False
        self.stop_request = StopRequest()
        self.settings, self.out = settings, out
        self.state_path = state_path(out)
        self.phases = phases(settings)
        self.device = pick_device(self.options.device)
        self.train_sampler, self.validation_sampler = train_sampler, validation_sampler
        torch.manual_seed(settings.seed)
        (self.family, model), self.history = starting_model(settings.start), training_history(settings.start)
        self.model, self.average = model.to(self.device), copy.deepcopy(model).to(self.device)
        self.best = copy.deepcopy(self.average)
        self.config = cast(Any, model.config)
        self.discriminators = Discriminators().to(self.device)
        trained = settings.start != "scratch" and load_discriminators(
            self.discriminators, discriminators_path(checkpoint_path(settings.start))
        )
        self.score = SpectralScore(self.config.sample_rate).to(self.device)
        self.examples = [
            self._tensor(validation_sampler.batch(settings.batch, settings.seed, index))
            for index in range(VALIDATION_BATCHES)
        ]
        self.state = RunState(discriminators_trained=trained)
        self._new_optimizers()
        if self.state_path.exists():
            self._resume()

    def train(self, on_progress: Callable[[TrainingProgress], None] = lambda progress: None) -> dict:
        """Train to the end of the budget and return the record kept in the checkpoint.

        Args:
            on_progress: called after each step.

        Raises:
            KeyboardInterrupt: a stop was requested; ``save(measured=False)`` then saves quickly what there is.
        """
        self.budget.begin(self.state.overhead_s)
        if self.settings.steps is not None:
            self._warn_if_short(self.settings.steps)
        with ThreadPoolExecutor(1) as executor:
            while not self.state.done:
                self._train_phase(self.phases[self.state.phase], executor, on_progress)
        if self.state.unmeasured:
            self.save()
        discriminators = discriminators_path(self.out)
        if self.state.discriminators_trained or any(phase.name == "refine" for phase in self.phases):
            save_discriminators(self.discriminators, discriminators)
        else:  # a file of an earlier model of this name does not fit the new model
            discriminators.unlink(missing_ok=True)
        self.state_path.unlink(missing_ok=True)
        return self.family.read_training(self.out)

    def _train_phase(
        self, phase: Phase, executor: ThreadPoolExecutor, on_progress: Callable[[TrainingProgress], None]
    ) -> None:
        settings, state, phases_left = self.settings, self.state, len(self.phases) - self.state.phase
        next_batch = executor.submit(self._draw, state.step)
        saved = clock = time.monotonic()
        logged: dict[str, float] = {}
        while True:
            if state.step % settings.validate_every_steps == 0 and state.validated_step < state.step:
                self._validate(phase)
            progress = self.budget.progress(phase, state.phase_steps, state.phase_seconds, phases_left)
            if progress >= 1 or 0 < settings.patience <= state.since_best:
                break
            if state.failed_steps >= MOST_FAILED_STEPS:
                self.options.report(
                    f"{MOST_FAILED_STEPS} steps in a row without a finite loss: "
                    f"the phase '{phase.name}' ends with the best weights it had"
                )
                break
            crops = self._tensor(next_batch.result())
            next_batch = executor.submit(self._draw, state.step + 1)
            losses = self._step(phase, progress, crops)
            with self.stop_request.uninterrupted():
                now = time.monotonic()
                state.seconds += now - clock
                state.phase_seconds += now - clock
                clock = now
                state.step += 1
                state.phase_steps += 1
            self._step_s = state.phase_seconds / state.phase_steps
            if state.phase_steps == WARN_AFTER_STEPS and settings.steps is None:
                self._warn_if_short(state.step + self.budget.steps_ahead(self._step_s, state.seconds, phases_left))
            if now - saved > SAVE_EVERY_S:
                self.save()
                saved = time.monotonic()
            if state.step % LOG_EVERY_STEPS == 0:
                logged = {name: value.item() for name, value in losses.items()}
                self.options.logger.scalars(state.step, logged)
            done = self.budget.progress(phase, state.phase_steps, state.phase_seconds, phases_left)
            left_s = state.phase_seconds * (1 / done - 1) if done > 0 else 0.0
            on_progress(TrainingProgress(phase.name, min(done, 1.0), state.step, max(left_s, 0.0), logged))
        next_batch.result()
        self._validate(phase)
        self._end_phase()
        self.budget.overhead_s += time.monotonic() - clock

    def _warn_if_short(self, steps: int) -> None:
        """Report once what to expect if only few steps fit into the budget."""
        if not self._warned and (warning := short_run_warning(steps, self._step_s, self.settings.start)):
            self.options.report(warning)
        self._warned = True

    def _step(self, phase: Phase, progress: float, audio: torch.Tensor) -> dict[str, torch.Tensor]:
        """Update the model and its running average once; return the losses by name."""
        settings, state, config = self.settings, self.state, self.config
        rate = phase.rate(state.phase_steps, progress, settings)
        for group in (*self.optimizer.param_groups, *self.discriminator_optimizer.param_groups):
            group["lr"] = rate
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + state.step)
        shape = audio.shape[0], audio.shape[1] // config.hop, config.latent_dim
        draws = draw_for_step(generator, shape, self.device)
        learner = Learner(self.family, self.model, self.score)
        self.optimizer.zero_grad(set_to_none=True)
        if phase.name == "spectral":
            beta = settings.beta * (min(1.0, progress / settings.beta_warm_up) if settings.start == "scratch" else 1.0)
            losses = spectral_step(learner, audio, draws, beta)
        else:
            spare = audio.shape[1] - config.latency - REFINE_CROP_SAMPLES
            start = int(torch.randint(0, max(spare, 1), (1,), generator=generator))
            warm_up = 1.0 if state.discriminators_trained else min(1.0, state.phase_steps / NEW_DISCRIMINATORS_STEPS)
            adversary = Adversary(self.discriminators, self.discriminator_optimizer, settings.likeness, warm_up)
            losses = refine_step(learner, adversary, audio, draws, start)
        if update_if_finite(self.trained, self.optimizer, state, self.options.report):
            follow(self.average, self.model, state.phase_steps)
        return losses

    @torch.no_grad()
    def _validate(self, phase: Phase) -> None:
        """Compute the validation loss of the average. The first phase keeps the best weights, the second the last."""
        state, learner = self.state, Learner(self.family, self.average, self.score)
        losses = []
        for index, audio in enumerate(self.examples):
            seeds = torch.arange(2 * len(audio)).reshape(2, -1) + 2 * len(audio) * index
            decoded = learner.decode_twice(audio, RandomDraws(None, seeds.to(self.device)))
            spectral, envelope = learner.scores(decoded, tuple(MEL_BANDS))
            losses.append((spectral + ENVELOPE_WEIGHT * envelope).item())
        loss = sum(losses) / len(losses)
        better = phase.name == "refine" or state.best is None or loss < state.best
        with self.stop_request.uninterrupted():
            state.validated_step = state.step
            state.curve.append([phase.name, state.step, round(state.seconds / 60, 2), round(loss, 5)])
            if better and math.isfinite(loss):
                state.best, state.since_best = loss, 0
                self.best.load_state_dict(self.average.state_dict())
            else:
                state.since_best += 1
        logger, sounds = self.options.logger, (decoded.truth[0].cpu().numpy(), decoded.first[0].cpu().numpy())
        logger.scalars(state.step, {"held_out_score": loss})
        logger.sounds(state.step, *sounds, self.config.sample_rate)
        self.options.report(f"{phase.name} step {state.step}, {state.seconds / 60:.1f} min: validation loss {loss:.4f}")

    def _end_phase(self) -> None:
        """Continue from the best weights. After the last phase the run is done."""
        state = self.state
        with self.stop_request.uninterrupted():
            self.average.load_state_dict(self.best.state_dict())
            self.model.load_state_dict(self.best.state_dict())
            state.begin_next_phase()
            state.done = state.unmeasured = state.phase == len(self.phases)
            if not state.done:
                self._new_optimizers()
        self.save()

    def save(self, measured: bool = True) -> None:
        """Write a usable checkpoint and the state to continue from.

        Args:
            measured: whether output level and latents are measured and set, which takes a while. If not, they stay as
                they were at the start.
        """
        state = self.state
        model = copy.deepcopy(self.average if state.best is None and not state.done else self.best)
        measurements = self._calibrate(model) if measured else {}
        state.overhead_s = self.budget.overhead_s
        record = (
            self.options.facts
            | {
                "settings": self.settings.to_record(),
                "seed": self.settings.seed,
                "steps": state.step,
                "minutes": round((state.seconds + state.overhead_s) / 60, 1),
                "device": self.device.type,
                "history": self.history,
                "curve": state.curve,
            }
            | measurements
        )
        self.family.save_model(model, self.out, record)
        state.unmeasured = state.done and not measured
        parts = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "best": self.best.state_dict(),
            "judges": self.discriminators.state_dict(),
            "optimiser": optimizer_tensors(self.optimizer),
            "judges_optimiser": optimizer_tensors(self.discriminator_optimizer),
        }
        save_state(self.state_path, parts, self._identity() | {"history": self.history, "at": state.to_record()})

    def _calibrate(self, model: nn.Module) -> dict[str, Any]:
        """Set a model's output level and latent order; return what the record keeps of them."""
        count = self.budget.means_batches(self._step_s)
        sounds = [self._tensor(self._draw(index)) for index in range(count)]
        sounds[0] = sounds[0][: max(1, -(-len(sounds[0]) * count // MEANS_BATCHES))]
        return self.family.calibrate(model, sounds)

    def _identity(self) -> dict[str, object]:
        """Return what must be equal to continue a stopped run, by the names in the state file."""
        sounds = sounds_digest(self.train_sampler.sounds), sounds_digest(self.validation_sampler.sounds)
        return dict(zip(IDENTITY, (self.settings.to_record(), *sounds), strict=True))

    def _resume(self) -> None:
        parts, facts = load_state(self.state_path)
        for name, value in self._identity().items():
            if facts[name] != value:
                raise CheckpointError(
                    f"{self.state_path}: a run with other {IDENTITY[name]} stopped here; "
                    "give the same ones, or remove this file"
                )
        self.state.update(facts["at"])
        self.history = facts["history"]
        self.model.load_state_dict(parts["model"])
        self.average.load_state_dict(parts["average"])
        self.best.load_state_dict(parts["best"])
        self.discriminators.load_state_dict(parts["judges"])
        self._new_optimizers()
        restore_optimizer(self.optimizer, parts.get("optimiser", {}))
        restore_optimizer(self.discriminator_optimizer, parts.get("judges_optimiser", {}))
        self.options.report(f"continuing from step {self.state.step}")

    def _new_optimizers(self) -> None:
        """Make new optimizers for the next phase. The second phase trains only the decoder."""
        refining = not self.state.done and self.phases[self.state.phase].name == "refine"
        trained = cast(nn.Module, self.model.decoder) if refining else self.model
        self.trained = list(trained.parameters())
        betas = (0.8, 0.99) if refining else (0.9, 0.99)
        self.optimizer = torch.optim.AdamW(self.trained, lr=1e-3, betas=betas, weight_decay=1e-2)
        self.discriminator_optimizer = torch.optim.AdamW(self.discriminators.parameters(), lr=1e-3, betas=(0.8, 0.99))
        for optimizer in (self.optimizer, self.discriminator_optimizer):
            self.stop_request.watch(optimizer)

    def _draw(self, step: int) -> np.ndarray:
        began = time.monotonic()
        crops = self.train_sampler.batch(self.settings.batch, self.settings.seed, step)
        self.budget.draw_s = time.monotonic() - began
        return crops

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self.device)
