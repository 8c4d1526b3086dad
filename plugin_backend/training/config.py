"""The numbers of a training run; kept in the checkpoint's record and compared when a run is resumed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class TrainingSettings:
    """One run.

    A run ends after ``minutes`` or after ``steps``, whichever is given; with ``steps`` the same seed
    gives the same weights on the same machine. ``refine_share`` of it is the adversarial phase.

    Attributes:
        start: ``scratch``, or the name or file of the model to start from.
        likeness: weight of the spectra and envelopes in the second phase, above 0; the less, the more the critics
            decide.
        batch, crop_samples: size of a step.
        peak_rate: the largest learning rate of the first phase; ``refine_rate`` that of the second.
        beta: weight of the latents' divergence, reached after ``beta_warm_up`` of the first phase.
        range_set: augmentation, ``published``, ``musical`` or ``none``.
        patience: judgements without a better one after which the first phase ends early; 0 never ends it. What the
            second phase is for, the held-out loss does not hear: it takes all its share.
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
    judge_every_steps: int = 500


def state_path(out: Path) -> Path:
    """Where the state of a run that writes ``out`` is kept: hidden beside it."""
    return out.with_name(f".{out.stem}.training")


FINE_TUNE_RATE = 5e-4
"""Peak learning rate of the first phase where a trained model is the start."""

AVERAGE_DECAY = 0.999
"""Of the running average of the weights, which is what is judged and kept."""

REFINE_CROP_SAMPLES = 8_192
"""What the critics see of each crop in the second phase."""

NEW_DISCRIMINATORS_STEPS = 500
"""Over which the decoder comes to trust critics that know nothing yet."""

ENVELOPE_WEIGHT = 0.6
"""Of the envelope loss beside the spectral loss, in both phases."""

LEVELS_WEIGHT = 1.0
"""Of how far the stated levels of bands are off."""

SIZES_A_STEP = 4
"""How many of the STFT sizes a step compares, drawn anew each time: half the cost, the same mean."""

ADVERSARIAL_WEIGHT, FEATURE_WEIGHT = 1.0, 2.0
"""Of what the critics say in the second phase, beside ``likeness``."""
