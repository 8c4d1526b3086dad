"""Settings of a training run. They are kept in the checkpoint's record and compared when a run is resumed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

STORED_NAMES = {"validate_every_steps": "judge_every_steps"}
"""Names under which older files store a setting, by its name here."""


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of one training run.

    A run ends after ``minutes`` or after ``steps``, whichever is set. With ``steps`` the same seed gives the same
    weights on the same machine. ``refine_share`` of the run is the adversarial phase.

    Attributes:
        start: ``scratch``, or the name or file of the model to start from.
        minutes: the length of the run in minutes, or ``None``.
        steps: the length of the run in steps, or ``None``.
        refine_share: the share of the second (adversarial) phase, 0 to 1.
        likeness: the weight of the reconstruction loss (spectra and envelopes) in the second phase, above 0. The lower
            it is, the more the discriminators decide.
        seed: the seed of everything random.
        batch: crops in a step.
        crop_samples: length of a crop, in samples.
        peak_rate: the largest learning rate of the first phase.
        refine_rate: the largest learning rate of the second phase.
        last_rate: the learning rate at the end of a phase.
        warm_up_steps: steps in which the learning rate rises from 0 at the start of a phase.
        beta: the weight of the latents' KL divergence.
        beta_warm_up: the share of the first phase after which ``beta`` is reached.
        range_set: the augmentation: ``published``, ``musical`` or ``none``.
        patience: the first phase ends early after this many validations without improvement; 0: never. The second
            phase always runs to its end: the validation loss does not measure what the second phase improves.
        validate_every_steps: steps between two validations.
    """

    start: str = "scratch"
    minutes: float | None = None
    steps: int | None = None
    refine_share: float = 0.0
    likeness: float = 10.0
    seed: int = 1
    batch: int = 8
    crop_samples: int = 32_768
    peak_rate: float = 1.2e-3
    refine_rate: float = 2e-4
    last_rate: float = 1e-5
    warm_up_steps: int = 300
    beta: float = 1.5e-4
    beta_warm_up: float = 0.1
    range_set: Literal["published", "musical", "none"] = "musical"
    patience: int = 12
    validate_every_steps: int = 500

    def to_record(self) -> dict[str, object]:
        """Return the settings by the names under which files store them."""
        return {STORED_NAMES.get(name, name): value for name, value in asdict(self).items()}


def state_path(out: Path) -> Path:
    """Return the path of the resume state of a run that writes ``out``: a hidden file beside it."""
    return out.with_name(f".{out.stem}.training")


FINE_TUNE_RATE = 5e-4
"""Peak learning rate of the first phase when the run starts from a trained model."""

AVERAGE_DECAY = 0.999
"""Decay of the running average of the weights. The average is what is validated and saved."""

REFINE_CROP_SAMPLES = 8_192
"""Samples of each crop that the discriminators get in the second phase."""

NEW_DISCRIMINATORS_STEPS = 500
"""Steps in which the weight of new, untrained discriminators rises from 0 to 1."""

ENVELOPE_WEIGHT = 0.6
"""Weight of the envelope loss beside the spectral loss, in both phases."""

LEVELS_WEIGHT = 1.0
"""Weight of the error of the predicted band levels."""

SIZES_A_STEP = 4
"""STFT sizes compared in one step. They are drawn anew for each step: half the cost, the same mean."""

ADVERSARIAL_WEIGHT, FEATURE_WEIGHT = 1.0, 2.0
"""Weights of the adversarial and the feature-matching loss in the second phase, beside ``likeness``."""
