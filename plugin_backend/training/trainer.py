"""A training run: phases, judgements, saving, and going on after a stop."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from plugin_backend.corpus.sound import sounds_digest
from plugin_backend.errors import CheckpointError
from plugin_backend.models.registry import checkpoint_path
from plugin_backend.models.waveform_vae import checkpoint
from plugin_backend.models.waveform_vae.checkpoint_header import read_training
from plugin_backend.models.waveform_vae.decode_twice import decode_twice
from plugin_backend.models.waveform_vae.gain_calibration import calibrate_gain
from plugin_backend.models.waveform_vae.latent_pca import fit_latent_pca
from plugin_backend.models.waveform_vae.model import WaveformVAE
from plugin_backend.training.config import (
    AVERAGE_DECAY,
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
from plugin_backend.training.loggers import Logger
from plugin_backend.training.losses import MEL_BANDS, SpectralScore
from plugin_backend.training.resume_state import load_state, optimizer_tensors, restore_optimizer, save_state
from plugin_backend.training.schedule import Phase, phases
from plugin_backend.training.starting_model import starting_model, training_history
from plugin_backend.training.steps import Chance, refine_step, scored, spectral_step
from plugin_backend.training.stop_request import StopRequest
from plugin_backend.training.time_budget import (
    MEANS_BATCHES,
    VALIDATION_BATCHES,
    Budget,
    TrainingProgress,
    short_run_warning,
)

SAVE_EVERY_S, LOG_EVERY_STEPS, WARN_AFTER_STEPS = 300.0, 20, 3
FIRST_OF_A_PHASE = {"phase_steps": 0, "phase_seconds": 0.0, "best": None, "since_best": 0, "spoilt": 0}

MOST_FAILED_STEPS = 50
"""Steps without a finite loss, one after another, that end a phase with the best weights it had."""


class Trainer:
    """Trains ``out`` (``….safetensors``); its state, kept beside it, lets the same run go on after a stop.

    Args:
        settings: what to do.
        learned, judged: crops to learn from and crops to judge by.
        out: the checkpoint to write.
        facts: what to keep in the checkpoint's record besides the settings.
        device: see :func:`~plugin_backend.training.device.pick_device`.
        log: where losses and examples go.
        tell: called with one line at each judgement.
        began_s: when the command began, by :func:`time.monotonic`: its budget counts from then; else from now.

    Raises:
        CheckpointError: there is a state of a run with other settings or sounds, or one that cannot be read.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        learned: CropSampler,
        judged: CropSampler,
        out: Path,
        facts: dict | None = None,
        device: str = "auto",
        log: Logger | None = None,
        tell: Callable[[str], None] = print,
        began_s: float | None = None,
    ):
        self.budget, self._step_s, self._foretold = Budget(settings.minutes, began_s), 0.0, False
        self.stopping = StopRequest()
        self.settings, self.out, self.facts, self.tell = settings, out, facts or {}, tell
        self.state_path = state_path(out)
        self.phases, self.log = phases(settings), log or Logger()
        self.device = pick_device(device)
        self.learned, self.judged = learned, judged
        torch.manual_seed(settings.seed)
        model, self.history = starting_model(settings.start), training_history(settings.start)
        self.model, self.average = model.to(self.device), copy.deepcopy(model).to(self.device)
        self.best = copy.deepcopy(self.average)
        self.judges = Discriminators().to(self.device)
        knowing = settings.start != "scratch" and load_discriminators(
            self.judges, discriminators_path(checkpoint_path(settings.start))
        )
        self.score = SpectralScore(model.config.sample_rate).to(self.device)
        self.examples = [
            self._tensor(judged.batch(settings.batch, settings.seed, index)) for index in range(VALIDATION_BATCHES)
        ]
        self.at = {
            "phase": 0,
            "step": 0,
            "seconds": 0.0,
            "aside_seconds": 0.0,
            "curve": [],
            "judged": 0,
            "done": False,
            "unmeasured": False,
            "critics_know": knowing,
        } | FIRST_OF_A_PHASE
        self._new_optimisers()
        if self.state_path.exists():
            self._resume()

    def train(self, watch: Callable[[TrainingProgress], None] = lambda moment: None) -> dict:
        """Train to the end of the budget; returns the record kept in the checkpoint.

        Raises:
            KeyboardInterrupt: ``stopping`` was asked to; ``save(measured=False)`` then keeps what there is, quickly.
        """
        self.budget.begin(self.at["aside_seconds"])
        if self.settings.steps is not None:
            self._foretell(self.settings.steps)
        with ThreadPoolExecutor(1) as ahead:
            while not self.at["done"]:
                self._train_phase(self.phases[self.at["phase"]], ahead, watch)
        if self.at["unmeasured"]:
            self.save()
        critics = discriminators_path(self.out)
        if self.at["critics_know"] or any(phase.name == "refine" for phase in self.phases):
            save_discriminators(self.judges, critics)
        else:  # those of a model that was here before know nothing of this one
            critics.unlink(missing_ok=True)
        self.state_path.unlink(missing_ok=True)
        return read_training(self.out)

    def _train_phase(self, phase: Phase, ahead: ThreadPoolExecutor, watch: Callable[[TrainingProgress], None]) -> None:
        settings, at, phases_left = self.settings, self.at, len(self.phases) - self.at["phase"]
        upcoming = ahead.submit(self._draw, at["step"])
        saved = clock = time.monotonic()
        told: dict[str, float] = {}
        while True:
            if at["step"] % settings.judge_every_steps == 0 and at["judged"] < at["step"]:
                self._judge(phase)
            progress = self.budget.progress(phase, at["phase_steps"], at["phase_seconds"], phases_left)
            if progress >= 1 or 0 < settings.patience <= at["since_best"]:
                break
            if at["spoilt"] >= MOST_FAILED_STEPS:
                self.tell(
                    f"{MOST_FAILED_STEPS} steps without a finite loss: {phase.name} ends with the best weights it had"
                )
                break
            crops = self._tensor(upcoming.result())
            upcoming = ahead.submit(self._draw, at["step"] + 1)
            losses = self._step(phase, progress, crops)
            with self.stopping.whole():
                now = time.monotonic()
                at["seconds"] += now - clock
                at["phase_seconds"] += now - clock
                clock = now
                at["step"] += 1
                at["phase_steps"] += 1
            self._step_s = at["phase_seconds"] / at["phase_steps"]
            if at["phase_steps"] == WARN_AFTER_STEPS and settings.steps is None:
                self._foretell(at["step"] + self.budget.steps_ahead(self._step_s, at["seconds"], phases_left))
            if now - saved > SAVE_EVERY_S:
                self.save()
                saved = time.monotonic()
            if at["step"] % LOG_EVERY_STEPS == 0:
                told = {name: value.item() for name, value in losses.items()}
                self.log.scalars(at["step"], told)
            done = self.budget.progress(phase, at["phase_steps"], at["phase_seconds"], phases_left)
            left_s = at["phase_seconds"] * (1 / done - 1) if done > 0 else 0.0
            watch(TrainingProgress(phase.name, min(done, 1.0), at["step"], max(left_s, 0.0), told))
        upcoming.result()
        self._judge(phase)
        self._end_phase()
        self.budget.aside_s += time.monotonic() - clock

    def _foretell(self, steps: int) -> None:
        """Say what to expect where few steps are ahead, once."""
        if not self._foretold and (told := short_run_warning(steps, self._step_s, self.settings.start)):
            self.tell(told)
        self._foretold = True

    def _step(self, phase: Phase, progress: float, audio: torch.Tensor) -> dict:
        """One update of the model, and of its running average."""
        settings, at, config = self.settings, self.at, self.model.config
        rate = phase.rate(at["phase_steps"], progress, settings)
        for group in (*self.optimiser.param_groups, *self.discriminator_optimizer.param_groups):
            group["lr"] = rate
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + at["step"])
        shape = audio.shape[0], audio.shape[1] // config.hop, config.latent_dim
        chance = Chance.drawn(generator, shape, self.device)
        self.optimiser.zero_grad(set_to_none=True)
        if phase.name == "spectral":
            beta = settings.beta * (min(1.0, progress / settings.beta_warm_up) if settings.start == "scratch" else 1.0)
            losses = spectral_step(self.model, self.score, audio, chance, beta)
        else:
            room = audio.shape[1] - config.latency - REFINE_CROP_SAMPLES
            start = int(torch.randint(0, max(room, 1), (1,), generator=generator))
            trust = 1.0 if at["critics_know"] else min(1.0, at["phase_steps"] / NEW_DISCRIMINATORS_STEPS)
            losses = refine_step(
                self.model,
                self.judges,
                self.discriminator_optimizer,
                self.score,
                audio,
                chance,
                start,
                settings.likeness,
                trust,
            )
        if not torch.isfinite(torch.nn.utils.clip_grad_norm_(self.trained, 1.0)):
            at["spoilt"] += 1
            if at["spoilt"] == 1:
                self.tell(f"step {at['step']}: its losses are not finite; it is left out")
            return losses
        at["spoilt"] = 0
        self.optimiser.step()
        decay = min(AVERAGE_DECAY, (at["phase_steps"] + 1) / (at["phase_steps"] + 10))
        with torch.no_grad():
            for kept, new in zip(self.average.parameters(), self.model.parameters(), strict=True):
                kept.lerp_(new, 1 - decay)
        return losses

    @torch.no_grad()
    def _judge(self, phase: Phase) -> None:
        """The held-out score of the average; of the first phase the best is kept, of the second the last."""
        at = self.at
        losses = []
        for index, audio in enumerate(self.examples):
            seeds = torch.arange(2 * len(audio)).reshape(2, -1) + 2 * len(audio) * index
            guess, other, truth, *_ = decode_twice(self.average, audio, Chance(None, seeds.to(self.device)))
            spectral, envelope = scored(self.score, (guess, other, truth), tuple(MEL_BANDS))
            losses.append((spectral + ENVELOPE_WEIGHT * envelope).item())
        loss = sum(losses) / len(losses)
        better = phase.name == "refine" or at["best"] is None or loss < at["best"]
        with self.stopping.whole():
            at["judged"] = at["step"]
            at["curve"].append([phase.name, at["step"], round(at["seconds"] / 60, 2), round(loss, 5)])
            if better and math.isfinite(loss):
                at["best"], at["since_best"] = loss, 0
                self.best.load_state_dict(self.average.state_dict())
            else:
                at["since_best"] += 1
        self.log.scalars(at["step"], {"held_out_score": loss})
        self.log.sounds(at["step"], truth[0].cpu().numpy(), guess[0].cpu().numpy(), self.model.config.sample_rate)
        self.tell(f"{phase.name} step {at['step']}, {at['seconds'] / 60:.1f} min: held-out score {loss:.4f}")

    def _end_phase(self) -> None:
        """Go on from the best weights; after the last phase the run is done."""
        at = self.at
        with self.stopping.whole():
            self.average.load_state_dict(self.best.state_dict())
            self.model.load_state_dict(self.best.state_dict())
            at["phase"] += 1
            at |= FIRST_OF_A_PHASE
            at["done"] = at["unmeasured"] = at["phase"] == len(self.phases)
            if not at["done"]:
                self._new_optimisers()
        self.save()

    def save(self, measured: bool = True) -> None:
        """Write a usable checkpoint and the state to go on from.

        Args:
            measured: whether level and latents are measured and set, which takes a while; else they stay those of the
                start.
        """
        at = self.at
        kept = copy.deepcopy(self.average if at["best"] is None and not at["done"] else self.best)
        facts = self._measured(kept) if measured else {}
        at["aside_seconds"] = self.budget.aside_s
        record = (
            self.facts
            | {
                "settings": asdict(self.settings),
                "seed": self.settings.seed,
                "steps": at["step"],
                "minutes": round((at["seconds"] + at["aside_seconds"]) / 60, 1),
                "device": self.device.type,
                "history": self.history,
                "curve": at["curve"],
            }
            | facts
        )
        checkpoint.save(kept, self.out, record)
        at["unmeasured"] = at["done"] and not measured
        parts = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "best": self.best.state_dict(),
            "judges": self.judges.state_dict(),
            "optimiser": optimizer_tensors(self.optimiser),
            "judges_optimiser": optimizer_tensors(self.discriminator_optimizer),
        }
        save_state(self.state_path, parts, self._identity() | {"history": self.history, "at": at})

    def _measured(self, model: WaveformVAE) -> dict:
        """Set a model's level and order of latents; returns what the record keeps of them."""
        count = self.budget.means_batches(self._step_s)
        sounds = [self._tensor(self._draw(index)) for index in range(count)]
        sounds[0] = sounds[0][: max(1, -(-len(sounds[0]) * count // MEANS_BATCHES))]
        return {"raised_db": round(calibrate_gain(model, sounds), 3)} | fit_latent_pca(model, sounds)

    def _identity(self) -> dict:
        """What must be the same for a stopped run to go on."""
        return {
            "settings": asdict(self.settings),
            "sounds to learn from": sounds_digest(self.learned.sounds),
            "sounds to judge by": sounds_digest(self.judged.sounds),
        }

    def _resume(self) -> None:
        parts, facts = load_state(self.state_path)
        for what, own in self._identity().items():
            if facts[what] != own:
                raise CheckpointError(
                    f"{self.state_path}: a run with other {what} stopped here; give the same ones, or remove it"
                )
        self.at |= facts["at"]
        self.history = facts["history"]
        for name in ("model", "average", "best", "judges"):
            getattr(self, name).load_state_dict(parts[name])
        self._new_optimisers()
        for name in ("optimiser", "judges_optimiser"):
            restore_optimizer(getattr(self, name), parts.get(name, {}))
        self.tell(f"going on from step {self.at['step']}")

    def _new_optimisers(self) -> None:
        """Fresh ones for the phase about to begin; the second phase trains the decoder alone."""
        refining = not self.at["done"] and self.phases[self.at["phase"]].name == "refine"
        self.trained = list((self.model.decoder if refining else self.model).parameters())
        betas = (0.8, 0.99) if refining else (0.9, 0.99)
        self.optimiser = torch.optim.AdamW(self.trained, lr=1e-3, betas=betas, weight_decay=1e-2)
        self.discriminator_optimizer = torch.optim.AdamW(self.judges.parameters(), lr=1e-3, betas=(0.8, 0.99))
        for optimiser in (self.optimiser, self.discriminator_optimizer):
            self.stopping.watch(optimiser)

    def _draw(self, step: int) -> np.ndarray:
        began = time.monotonic()
        crops = self.learned.batch(self.settings.batch, self.settings.seed, step)
        self.budget.draw_s = time.monotonic() - began
        return crops

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self.device)
