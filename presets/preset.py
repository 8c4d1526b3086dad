"""Presets: the latents of a sound's takes, with a checked header, and a digest of what is audible in them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

import msgspec
import numpy as np

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.effects.registry import validate_settings
from plugin_backend.errors import PresetError, ProjectError
from plugin_backend.modes.mode_table import find_problem, no_modes
from plugin_backend.modes.parameters import CONTROLS
from plugin_backend.text import in_one_line
from presets.performance.latent_statistics import LatentStatistics, class_of

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
NAME_RULE = "a name has 1 to 64 of a-z, 0-9, '_', '-', '.', and starts with a letter or digit"

WORD = re.compile(r"[a-z0-9][a-z0-9 _-]{0,31}")
WORD_RULE = "1 to 32 of a-z, 0-9, ' ', '_', '-', beginning with a letter or digit"
MOST_TAGS, MOST_EFFECTS = 32, 8
LARGEST_LATENT = 1e6
LONGEST_RING_SAMPLES = 2**24
"""Most samples that a take may last after its latents, because of its modes and fades."""

CHAIN_KINDS = ("eq", "lfo", "pulses", "adsr", "gain")
"""Stages of :mod:`plugin_backend.effects` that a preset may use: those that need no file and have no tail."""


class Take(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A take of a preset. A performance mixes some of the takes.

    Attributes:
        skip_samples: decoded samples to drop; 1 ms before the attack is kept.
        length_samples: audible samples after that.
        fade_out_samples: fade out of this take; ``None`` for the preset's fade.
    """

    skip_samples: Annotated[int, msgspec.Meta(ge=0)]
    length_samples: Annotated[int, msgspec.Meta(gt=0)]
    fade_out_samples: Annotated[int, msgspec.Meta(ge=0)] | None = None


class RingControls(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Controls of a preset's modes. Their ranges are in :data:`plugin_backend.modes.parameters.CONTROLS`."""

    gain_db: float = float(CONTROLS["gain_db"].default)
    pitch_semitones: float = float(CONTROLS["pitch_semitones"].default)
    size: float = float(CONTROLS["size"].default)
    damping: float = float(CONTROLS["damping"].default)
    strike: float = float(CONTROLS["strike"].default)


class Recording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that a preset was captured from.

    Attributes:
        name: name of the file, without its folder.
        digest: 32 hex digits (BLAKE2b) of its bytes.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"^[^/\\\x00-\x1f]*$")]
    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]


class Provenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a preset was made. It can be made again from this for another model.

    Attributes:
        made: ``capture``, or a description.
        recordings: recordings of a capture, in order.
        most_takes, even, modes, split, sensitivity, min_gap_ms: settings of a capture, see
            :class:`presets.capture.CaptureSettings`.
        migrated: one line for each model that it was brought over from, with what was lost.
    """

    made: str
    recordings: list[Recording] = []
    most_takes: Annotated[int, msgspec.Meta(ge=1)] = 16
    even: bool = False
    modes: str | int = "auto"
    split: str = "hits"
    sensitivity: Annotated[float, msgspec.Meta(ge=0.1, le=10)] = 1.0
    min_gap_ms: Annotated[float, msgspec.Meta(ge=20, le=5000)] = 150.0
    migrated: list[str] = []


class PresetHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything in a preset file except latents and modes.

    Attributes:
        name: see :data:`NAME_RULE`.
        kind: a ``hit`` plays once; a ``texture`` lasts as long as its cue.
        codec, fingerprint: the model that made the latents.
        takes: the takes, one or more.
        variation: how far performances differ from the mean of the takes: 0 not at all, 1 as the takes differ, 2 twice
            as far (0..4).
        velocity_curve: how strongly effort changes the timbre of a hit: 0 not at all, 1 as a struck object does
            (0..4).
        stereo: a texture that is performed twice, for left and right.
        width: how far left and right of a stereo texture differ, in latents and noise: from 0 (equal) to 1
            (independent). Other presets have 1.
        gain_db: gain of the preset (−60..24).
        fade_in_samples, fade_out_samples: raised-cosine fades at start and end.
        program: MIDI program number (0..127), or None.
        ring: controls of its modes.
        low_cut_hz: cut-off of a high-pass on the decoded audio, 24 dB per octave; 0 disables it. Modes are not
            filtered.
        scale, bias: change of the latents of a ``source`` cue, one number per dimension; empty for no change.
        credit: origin of the sound, and its licence.
        licence: licence for use by others, for example ``CC-BY-4.0``; empty if it is unknown.
        tags: words for searching, see :data:`WORD_RULE`.
        material: material of the sound, one such word, or empty.
        chain: effects that are applied wherever it is performed: ``type``, one of :data:`CHAIN_KINDS`, and the
            settings of that stage.
        provenance: how it was made, if known.
    """

    name: str
    kind: Literal["hit", "texture"]
    codec: str
    fingerprint: str
    takes: list[Take]
    description: str = ""
    variation: Annotated[float, msgspec.Meta(ge=0, le=4)] = 1.0
    velocity_curve: Annotated[float, msgspec.Meta(ge=0, le=4)] = 1.0
    stereo: bool = False
    width: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    gain_db: Annotated[float, msgspec.Meta(ge=-60, le=24)] = 0.0
    fade_in_samples: Annotated[int, msgspec.Meta(ge=0)] = 0
    fade_out_samples: Annotated[int, msgspec.Meta(ge=0)] = 0
    program: Annotated[int, msgspec.Meta(ge=0, le=127)] | None = None
    ring: RingControls = RingControls()
    low_cut_hz: Annotated[float, msgspec.Meta(ge=0, le=200)] = 0.0
    scale: list[float] = []
    bias: list[float] = []
    credit: str = ""
    licence: str = ""
    tags: list[str] = []
    material: str = ""
    chain: list[dict[str, float | str]] = []
    provenance: Provenance | None = None


@dataclass(frozen=True, eq=False)
class Preset:
    """A preset: a header, and the latents and modes of its takes.

    Attributes:
        header: everything else.
        means: posterior means of each take, ``[frames, dims]`` float32.
        deviations: posterior deviations of each take, ``[frames, dims]`` float32.
        modes: modes of each take, ``[n, 6]`` float32 (see :mod:`plugin_backend.modes.mode_table`). Onsets count decoded
            samples. An empty list means that no take has modes.
        statistics: of its model's latents, from its bank; None if the bank has none. They are not part of its file.

    Raises:
        PresetError: a field is out of range.
    """

    header: PresetHeader
    means: list[np.ndarray]
    deviations: list[np.ndarray]
    modes: list[np.ndarray] = field(default_factory=list)
    statistics: LatentStatistics | None = None

    @property
    def name(self) -> str:
        """Name of the preset."""
        return self.header.name

    def modes_of(self, take: int) -> np.ndarray:
        """Return the modes of a take, ``[n, 6]``."""
        return self.modes[take] if self.modes else no_modes()

    def __post_init__(self) -> None:
        try:
            msgspec.convert(msgspec.to_builtins(self.header), PresetHeader)
        except msgspec.ValidationError as problem:
            raise PresetError(f"preset '{self.header.name}': {in_one_line(problem)}") from problem
        first_problem = next(_problems(self), None)
        if first_problem:
            raise PresetError(f"preset '{self.header.name}': {first_problem}")


def _problems(preset: Preset) -> Iterator[str]:
    """Yield everything that is wrong with a preset."""
    header = preset.header
    if not NAME.fullmatch(header.name):
        yield NAME_RULE
    if not header.takes:
        yield "it holds no take"
    if header.width != 1 and not (header.stereo and header.kind == "texture"):
        yield f"its width is {header.width:g}, and only a stereo texture can have another than 1"
    if not len(header.takes) == len(preset.means) == len(preset.deviations):
        yield f"{len(header.takes)} takes, but latents for {len(preset.means)}"
    dims = preset.means[0].shape[-1] if preset.means else 0
    for index, (mean, deviation) in enumerate(zip(preset.means, preset.deviations, strict=True)):
        if mean.ndim != 2 or mean.shape != deviation.shape or mean.shape[1] != dims or not len(mean):
            yield f"take {index}: latents of shape {mean.shape} and {deviation.shape}; need [frames, {dims}] twice"
        if not (np.isfinite(mean).all() and np.isfinite(deviation).all() and (deviation >= 0).all()):
            yield f"take {index}: latents must be finite, deviations not negative"
        elif max(np.abs(mean).max(initial=0), deviation.max(initial=0)) > LARGEST_LATENT:
            yield f"take {index}: its latents exceed {LARGEST_LATENT:g}, which no model makes"
    yield from _word_problems(header)
    yield from _chain_problems(header.chain)
    yield from _ringing_problems(preset)
    for name in ("scale", "bias"):
        values = getattr(header, name)
        if values and (len(values) != dims or not np.isfinite(values).all()):
            yield f"'{name}' has {len(values)} numbers; need {dims}, all finite"


def check_fits(preset: Preset, spec: CodecSpec) -> None:
    """Check that the sizes in a preset fit its model, before anything is decoded.

    Raises:
        PresetError: its latents have another number of dimensions or frames, or its takes skip or last more than they
            hold.
    """
    label = f"preset '{preset.name}'"
    for index, (take, mean) in enumerate(zip(preset.header.takes, preset.means, strict=True)):
        if mean.shape[1] != spec.latent_dim:
            raise PresetError(
                f"{label}: its latents are {mean.shape[1]} wide; those of '{spec.name}' {spec.latent_dim}"
            )
        if spec.layout == "vector" and len(mean) != 1:
            raise PresetError(f"{label}: take {index} has {len(mean)} frames; a sound of '{spec.name}' is one")
        held = len(mean) * spec.hop_samples
        if take.skip_samples > held:
            raise PresetError(f"{label}: take {index} skips {take.skip_samples} samples of the {held} it holds")
        fades = preset.header.fade_in_samples, preset.header.fade_out_samples, take.fade_out_samples or 0
        longest = max(take.length_samples, *fades)
        if longest > held + LONGEST_RING_SAMPLES:
            raise PresetError(f"{label}: take {index} lasts {longest} samples, but holds {held}")


def _ringing_problems(preset: Preset) -> Iterator[str]:
    for name, row in CONTROLS.items():
        try:
            row.validate(getattr(preset.header.ring, name))
        except ProjectError as problem:
            yield f"ring: {problem}"
    if preset.modes and len(preset.modes) != len(preset.means):
        yield f"modes for {len(preset.modes)} takes of {len(preset.means)}"
    for index, rows in enumerate(preset.modes):
        if message := find_problem(rows):
            yield f"take {index}: {message}"


def _word_problems(header: PresetHeader) -> Iterator[str]:
    if len(header.tags) > MOST_TAGS or len(set(header.tags)) < len(header.tags):
        yield f"{len(header.tags)} tags; at most {MOST_TAGS} can be used, each once"
    for word in (*header.tags, *filter(None, [header.material])):
        if not WORD.fullmatch(word):
            yield f"{word[:64]!r} is not a tag or material: {WORD_RULE}"


def _chain_problems(chain: list[dict[str, float | str]]) -> Iterator[str]:
    if len(chain) > MOST_EFFECTS:
        yield f"a chain of {len(chain)} effects; at most {MOST_EFFECTS} can be used"
    for number, effect in enumerate(chain, 1):
        settings = dict(effect)
        kind = settings.pop("type", None)
        if not isinstance(kind, str) or kind not in CHAIN_KINDS:
            yield f"effect {number} of its chain is {str(kind)[:64]!r}; {', '.join(CHAIN_KINDS)} can be used"
            continue
        try:
            validate_settings(kind, settings)
        except ProjectError as problem:
            yield f"effect {number} of its chain, {kind}: {problem}"


AUDIBLE = ("kind", "variation", "stereo", "scale", "bias")
RINGING = ("ring", "low_cut_hz")
"""Header fields that change the decoded audio. Gain and fades are applied later, and descriptions change nothing. The
fields of ``RINGING`` are only in the digest if there are modes or a high-pass, ``chain`` if there are effects, and the
width if it is not 1. So the digests of older presets do not change."""


def sound_digest(preset: Preset) -> str:
    """Return 32 hex digits (BLAKE2b) that differ if two presets would decode differently from one seed."""
    header = preset.header
    takes = [[take.skip_samples, take.length_samples] for take in header.takes]
    fields = {name: getattr(header, name) for name in AUDIBLE} | ({"chain": header.chain} if header.chain else {})
    if header.width != 1:
        fields["width"] = header.width
    if header.kind == "hit":
        fields |= {"velocity_curve": header.velocity_curve, "tags": class_of(header.tags)}
        fields["statistics"] = preset.statistics.digest if preset.statistics is not None else None
    rings = bool(preset.modes or header.low_cut_hz)
    if rings:
        fields |= {name: msgspec.to_builtins(getattr(header, name)) for name in RINGING}
    text = json.dumps([fields, takes], sort_keys=bool(header.chain or rings))
    digest = hashlib.blake2b(text.encode(), digest_size=16)
    for tensor in (*preset.means, *preset.deviations, *preset.modes):
        digest.update(repr(tensor.shape).encode())
        digest.update(np.ascontiguousarray(tensor, "<f4").tobytes())
    return digest.hexdigest()
