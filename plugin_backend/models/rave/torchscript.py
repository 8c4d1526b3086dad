"""A RAVE TorchScript export: its description, and its two methods, frame by frame if it draws noise."""

from __future__ import annotations

import copy
import io
import warnings
from dataclasses import dataclass

import numpy as np
import torch

from plugin_backend.errors import CheckpointError
from plugin_backend.models.rave.card import LIMITS

SEED = 0x9E3779B97F4A7C15
"""Frame *t* draws its noise from seed ``SEED + t`` in any block, so blocks make no difference."""


RATES = ("sr", "sampling_rate")
"""Attributes in which a RAVE export keeps its sample rate."""


@dataclass(frozen=True)
class RaveNumbers:
    """What a RAVE export states about itself. ``channels_out``: output channels of one channel; the first is used."""

    sample_rate: int
    hop_samples: int
    latent_dim: int
    channels_out: int


def load_script(data: bytes, name: str) -> torch.jit.ScriptModule:
    """Load a TorchScript file's bytes as a module. This runs the code in it.

    Raises:
        CheckpointError: it is not a TorchScript file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.jit.load(io.BytesIO(data), map_location="cpu").eval()
    except (RuntimeError, ValueError, OSError) as problem:
        raise CheckpointError(f"{name}: not a TorchScript file that this PyTorch reads") from problem


def _whole(value: object) -> int:
    """Return a rate kept as an integer (RAVE 2) or a tensor of one number (RAVE 1); 0 for anything else."""
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        value = value.item()
    return int(value) if isinstance(value, int | float) and type(value) is not bool and value == value // 1 else 0


def numbers_of(script: torch.jit.ScriptModule, name: str) -> RaveNumbers:
    """Return what the export states about itself, checked.

    Raises:
        CheckpointError: it is not a RAVE export, or not one of a mono model.
    """
    params = {}
    for method in ("encode", "decode"):
        values = getattr(script, f"{method}_params", None)
        if not hasattr(script, method) or not isinstance(values, torch.Tensor) or values.numel() != 4:
            raise CheckpointError(f"{name}: not a RAVE export: no method '{method}' with its four numbers")
        params[method] = [int(value) for value in values.flatten()]
    (channels_in, ratio_in, latent_dim, hop), (latents, ratio, channels_out, ratio_out) = params.values()
    if (latents, ratio) != (latent_dim, hop) or (ratio_in, ratio_out) != (1, 1) or channels_out < 1:
        raise CheckpointError(f"{name}: not a RAVE export: its encoder {params['encode']} and decoder do not match")
    if channels_in != 1:
        raise CheckpointError(
            f"{name}: takes {channels_in} channels; only mono models can be used (stereo is two of them)"
        )
    rate = next((rate for key in RATES if (rate := _whole(getattr(script, key, None)))), 0)
    for field, value in (("sample_rate", rate), ("hop_samples", hop), ("latent_dim", latent_dim)):
        least, most = LIMITS[field]
        if not least <= value <= most:
            raise CheckpointError(f"{name}: not a RAVE export: its {field} is {value}; {least} to {most} is allowed")
    return RaveNumbers(rate, hop, latent_dim, channels_out)


class Stepper:
    """One method of one copy of the model, for one channel of one sound.

    Args:
        script: the model; it is copied, so that its state belongs to this sound.
        method: ``encode`` or ``decode``.
        step: length of its input for one latent frame.
        random: whether it draws noise. It then runs frame by frame, each with its own seed.
        name: of the file, for messages.
    """

    def __init__(self, script: torch.jit.ScriptModule, method: str, step: int, random: bool, name: str):
        self._run, self._step, self._random = getattr(copy.deepcopy(script), method), step, random
        self._name, self._method, self._frame = name, method, 0

    def draws(self, x: torch.Tensor) -> bool:
        """Return whether processing ``x`` uses the random generator."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            before = torch.get_rng_state()
            self._call(x)
            return not torch.equal(torch.get_rng_state(), before)

    def push(self, x: torch.Tensor) -> torch.Tensor:
        """Process whole frames: ``[channels, time]`` → ``[channels, time]``."""
        pieces = x.split(self._step, dim=1) if self._random else [x]
        return torch.cat([self._seeded(piece) for piece in pieces], dim=1)

    def _seeded(self, x: torch.Tensor) -> torch.Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed((SEED + self._frame) % 2**63)
            self._frame += x.shape[1] // self._step
            return self._call(x)

    @torch.no_grad()
    def _call(self, x: torch.Tensor) -> torch.Tensor:
        try:
            y = self._run(x[None])
        except RuntimeError as problem:
            raise CheckpointError(f"{self._name}: its method '{self._method}' failed") from problem
        if not isinstance(y, torch.Tensor) or y.ndim != 3 or len(y) != 1:
            raise CheckpointError(f"{self._name}: its method '{self._method}' does not return [1, channels, time]")
        return y[0].float()


def audio_array(x: torch.Tensor, frames: int, hop: int, name: str) -> np.ndarray:
    """Return the first channel of a decoder's output, ``[frames * hop]``, checked.

    Args:
        x: the output, ``[channels, samples]``.
        frames: latent frames it was decoded from.
        hop: samples of a frame.
        name: of the file, for messages.
    """
    if x.shape[1] != frames * hop:
        raise CheckpointError(f"{name}: returns {x.shape[1]} samples for {frames} latent frames, not {frames * hop}")
    return x[0].numpy()
