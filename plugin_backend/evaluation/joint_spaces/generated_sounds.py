"""Sounds from texts by the user's weights: AudioLDM2 (Liu et al. 2023) or Stable Audio Open (Evans et al. 2024).

The folder is laid out as ``save_pretrained`` of diffusers does it. Only ``.safetensors`` weights are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from plugin_backend.errors import CheckpointError, MissingExtraError
from plugin_backend.evaluation.joint_spaces.local_weights import licence_of, load, weights_folder
from plugin_backend.text import in_one_line

REPOSITORY = "cvssp/audioldm2"
PIPELINES = {"AudioLDM2Pipeline": "audio_length_in_s", "StableAudioPipeline": "audio_end_in_s"}
"""Pipeline → its argument for the length of the sound."""


@dataclass(frozen=True)
class Wanted:
    """What is generated.

    Attributes:
        prompt: what the sound is.
        candidates: number of sounds.
        seconds: length of each.
        steps: of the diffusion.
        seed: of the first candidate; the next has the next one.
    """

    prompt: str
    candidates: int = 4
    seconds: float = 5.0
    steps: int = 50
    seed: int = 0


class Generator:
    """A pipeline of diffusers; see the module's docstring.

    Args:
        weights: its folder.
        download: fetch AudioLDM2 if nothing is there.

    Raises:
        ProjectError: no folder is named.
        CheckpointError: the weights cannot be used.
        MissingExtraError: diffusers is not installed.
    """

    def __init__(self, weights: Path | None, download: bool = False):
        try:
            import diffusers
        except ImportError as problem:
            raise MissingExtraError("generating sounds", "generate") from problem
        self.folder = weights_folder("generate", weights, REPOSITORY, download)
        self.kind = _pipeline_name(self.folder)
        diffusers.utils.logging.disable_progress_bar()
        loader = getattr(diffusers, self.kind).from_pretrained
        self._pipeline: Any = load(self.folder, self.kind, loader, use_safetensors=True)
        self._pipeline.set_progress_bar_config(disable=True)
        vae_rate = getattr(self._pipeline.vae.config, "sampling_rate", None)
        self.rate_hz = int(vae_rate or self._pipeline.vocoder.config.sampling_rate)
        self.licence = licence_of(self.folder)

    def candidates(self, wanted: Wanted) -> Iterator[np.ndarray]:
        """Yield mono sounds ``[samples]`` at ``rate_hz``, one for each seed.

        Raises:
            CheckpointError: the pipeline failed.
        """
        import torch

        length = {PIPELINES[self.kind]: wanted.seconds}
        for number in range(wanted.candidates):
            seed = torch.Generator("cpu").manual_seed(wanted.seed + number)
            try:
                made = self._pipeline(wanted.prompt, num_inference_steps=wanted.steps, generator=seed, **length)
            except (ValueError, RuntimeError, TypeError, ImportError) as problem:
                raise CheckpointError(f"{self.folder}: {self.kind} failed ({in_one_line(problem)[:300]})") from problem
            sound = np.atleast_2d(np.asarray(made.audios[0], np.float32)).mean(axis=0)
            if np.isfinite(sound).all():
                yield sound


def _pipeline_name(folder: Path) -> str:
    path = folder / "model_index.json"
    try:
        name = json.loads(path.read_text(encoding="utf-8"))["_class_name"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as problem:
        raise CheckpointError(f"{path}: cannot be read ({in_one_line(problem)[:200]})") from problem
    if name not in PIPELINES:
        raise CheckpointError(f"{path}: a pipeline of the kind {str(name)[:60]!r}; {', '.join(PIPELINES)} can be used")
    return name
