"""A preset: a sound as latents, with the ways it may vary."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
import numpy as np

from plugin_backend.errors import PresetError

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
NAME_RULE = "a name has 1 to 64 of a-z, 0-9, '_', '-', '.', and starts with a letter or digit"


class Take(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One performance a preset holds; a cue picks one by its seed.

    Attributes:
        skip_samples: decoded samples before the attack's lead-in; never heard.
        length_samples: how much is heard after that.
    """

    skip_samples: Annotated[int, msgspec.Meta(ge=0)]
    length_samples: Annotated[int, msgspec.Meta(gt=0)]


class PresetHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of a preset but its latents, as saved.

    Attributes:
        name: see :data:`NAME_RULE`.
        kind: ``hit`` plays once; ``texture`` goes on for as long as its cue.
        codec, fingerprint: the model these latents belong to.
        takes: one entry per performance.
        variation: how far a cue strays from the mean latents, in posterior deviations (0..4).
        stereo: a texture performed twice, independently, left and right.
        gain_db: the preset's own level (−60..24).
        fade_in_samples, fade_out_samples: raised-cosine fades at the heard ends.
        program: MIDI program number (0..127), or none.
        scale, bias: per-dimension change applied to the latents of a ``source`` cue; empty means none.
        credit: where the sound came from, and its licence.
    """

    name: str
    kind: Literal["hit", "texture"]
    codec: str
    fingerprint: str
    takes: list[Take]
    description: str = ""
    variation: Annotated[float, msgspec.Meta(ge=0, le=4)] = 1.0
    stereo: bool = False
    gain_db: Annotated[float, msgspec.Meta(ge=-60, le=24)] = 0.0
    fade_in_samples: Annotated[int, msgspec.Meta(ge=0)] = 0
    fade_out_samples: Annotated[int, msgspec.Meta(ge=0)] = 0
    program: Annotated[int, msgspec.Meta(ge=0, le=127)] | None = None
    scale: list[float] = []
    bias: list[float] = []
    credit: str = ""


@dataclass(frozen=True)
class Preset:
    """A header and, per take, posterior means and deviations, each ``[frames, dims]`` float32."""

    header: PresetHeader
    means: list[np.ndarray]
    deviations: list[np.ndarray]

    @property
    def name(self) -> str:
        return self.header.name

    def __post_init__(self):
        try:
            msgspec.convert(msgspec.to_builtins(self.header), PresetHeader)
        except msgspec.ValidationError as problem:
            raise PresetError(f"preset '{self.header.name}': {problem}") from problem
        problem = next(_problems(self), None)
        if problem:
            raise PresetError(f"preset '{self.header.name}': {problem}")


def _problems(preset: Preset):
    header = preset.header
    if not NAME.fullmatch(header.name):
        yield NAME_RULE
    if not header.takes:
        yield "it holds no take"
    if not len(header.takes) == len(preset.means) == len(preset.deviations):
        yield f"{len(header.takes)} takes, but latents for {len(preset.means)}"
    dims = preset.means[0].shape[-1] if preset.means else 0
    for index, (mean, deviation) in enumerate(zip(preset.means, preset.deviations, strict=True)):
        if mean.ndim != 2 or mean.shape != deviation.shape or mean.shape[1] != dims or not len(mean):
            yield f"take {index}: latents of shape {mean.shape} and {deviation.shape}; need [frames, {dims}] twice"
        if not (np.isfinite(mean).all() and np.isfinite(deviation).all() and (deviation >= 0).all()):
            yield f"take {index}: latents must be finite, deviations not negative"
    for field in ("scale", "bias"):
        values = getattr(header, field)
        if values and (len(values) != dims or not np.isfinite(values).all()):
            yield f"'{field}' has {len(values)} numbers; need {dims}, all finite"
