"""What of a preset decides the sound it performs, as one short word."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Annotated, Literal

import msgspec
import numpy as np

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.effects.registry import validate_settings
from plugin_backend.errors import PresetError, ProjectError
from plugin_backend.modes.mode_table import find_problem, no_modes
from plugin_backend.modes.parameters import CONTROLS

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
NAME_RULE = "a name has 1 to 64 of a-z, 0-9, '_', '-', '.', and starts with a letter or digit"

WORD = re.compile(r"[a-z0-9][a-z0-9 _-]{0,31}")
WORD_RULE = "1 to 32 of a-z, 0-9, ' ', '_', '-', beginning with a letter or digit"
MOST_TAGS, MOST_EFFECTS = 32, 8
LARGEST_LATENT = 1e6
LONGEST_RING_SAMPLES = 2**24
"""What a take may last past its latents: what rings does, and what is faded."""

CHAIN_KINDS = ("eq", "lfo", "pulses", "adsr", "gain")
"""Stages of :mod:`plugin_backend.effects` that a preset may carry: those that neither need a file nor sound on."""


class Take(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One performance a preset holds; a cue picks one by its seed.

    Attributes:
        skip_samples: decoded samples before the attack's lead-in; never heard.
        length_samples: how much is heard after that.
        fade_out_samples: of this take; ``None``: the preset's.
    """

    skip_samples: Annotated[int, msgspec.Meta(ge=0)]
    length_samples: Annotated[int, msgspec.Meta(gt=0)]
    fade_out_samples: Annotated[int, msgspec.Meta(ge=0)] | None = None


class RingControls(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a preset's modes sound; ranges are in :data:`plugin_backend.modes.parameters.CONTROLS`."""

    gain_db: float = float(CONTROLS["gain_db"].default)
    pitch_semitones: float = float(CONTROLS["pitch_semitones"].default)
    size: float = float(CONTROLS["size"].default)
    damping: float = float(CONTROLS["damping"].default)
    strike: float = float(CONTROLS["strike"].default)


class Recording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that a preset was captured from.

    Attributes:
        name: of the file, without its folder.
        digest: 32 hex digits (BLAKE2b) of its bytes.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"^[^/\\\x00-\x1f]*$")]
    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]


class Provenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a preset was made, so that it can be made again for another model.

    Attributes:
        made: ``capture``, or what else in words.
        recordings: of a capture, in their order.
        most_takes, even, modes, split, sensitivity, min_gap_ms: of a capture, see :func:`presets.capture.capture`.
        migrated: one line for each model it was brought over from, and what was lost.
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
    """All of a preset but its latents, as saved.

    Attributes:
        name: see :data:`NAME_RULE`.
        kind: ``hit`` plays once; ``texture`` goes on for as long as its cue.
        codec, fingerprint: the model these latents belong to.
        takes: one entry per performance.
        variation: how far a cue strays from the mean latents, in posterior deviations (0..4).
        stereo: a texture performed twice, left and right.
        width: of a stereo texture, how far left and right differ, in latents and noise: from 0 (not at all) to 1
            (they are independent). Others have 1.
        gain_db: the preset's own level (−60..24).
        fade_in_samples, fade_out_samples: raised-cosine fades at the heard ends.
        program: MIDI program number (0..127), or none.
        ring: how its modes sound.
        low_cut_hz: the decoded sound is high-passed here, 24 dB an octave, the modes are not (0: not at all).
        scale, bias: per-dimension change applied to the latents of a ``source`` cue; empty means none.
        credit: where the sound came from, and its licence.
        licence: under which others may use it, e.g. ``CC-BY-4.0``; empty where it is not known.
        tags: words to find it by, see :data:`WORD_RULE`.
        material: what sounds, one such word, or empty.
        chain: effects it is always heard with where it is performed: ``type``, one of :data:`CHAIN_KINDS`, and
            settings of that stage.
        provenance: how it was made, if that is known.
    """

    name: str
    kind: Literal["hit", "texture"]
    codec: str
    fingerprint: str
    takes: list[Take]
    description: str = ""
    variation: Annotated[float, msgspec.Meta(ge=0, le=4)] = 1.0
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


@dataclass(frozen=True)
class Preset:
    """A header and, per take, posterior means and deviations, each ``[frames, dims]`` float32, and modes.

    Attributes:
        modes: what rings, of each take ``[n, 6]`` float32 (see :mod:`plugin_backend.modes.mode_table`); onsets count
        decoded
            samples. An empty list: nothing does.
    """

    header: PresetHeader
    means: list[np.ndarray]
    deviations: list[np.ndarray]
    modes: list[np.ndarray] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.header.name

    def modes_of(self, take: int) -> np.ndarray:
        """What rings in a take, ``[n, 6]``."""
        return self.modes[take] if self.modes else no_modes()

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
            yield f"take {index}: its latents reach past {LARGEST_LATENT:g}, which no model makes"
    yield from _word_problems(header)
    yield from _chain_problems(header.chain)
    yield from _ringing_problems(preset)
    for name in ("scale", "bias"):
        values = getattr(header, name)
        if values and (len(values) != dims or not np.isfinite(values).all()):
            yield f"'{name}' has {len(values)} numbers; need {dims}, all finite"


def check_fits(preset: Preset, spec: CodecSpec) -> None:
    """Look whether a preset's numbers fit the model that it names, before anything is decoded.

    Raises:
        PresetError: its latents have another width, or its takes skip or last more than they hold.
    """
    told = f"preset '{preset.name}'"
    for index, (take, mean) in enumerate(zip(preset.header.takes, preset.means, strict=True)):
        if mean.shape[1] != spec.latent_dim:
            raise PresetError(f"{told}: its latents are {mean.shape[1]} wide; those of '{spec.name}' {spec.latent_dim}")
        held = len(mean) * spec.hop_samples
        if take.skip_samples > held:
            raise PresetError(f"{told}: take {index} skips {take.skip_samples} samples of the {held} it holds")
        fades = preset.header.fade_in_samples, preset.header.fade_out_samples, take.fade_out_samples or 0
        longest = max(take.length_samples, *fades)
        if longest > held + LONGEST_RING_SAMPLES:
            raise PresetError(f"{told}: take {index} lasts {longest} samples, but holds {held}")


def _ringing_problems(preset: Preset):
    for name, row in CONTROLS.items():
        try:
            row.checked(getattr(preset.header.ring, name))
        except ProjectError as problem:
            yield f"ring: {problem}"
    if preset.modes and len(preset.modes) != len(preset.means):
        yield f"modes for {len(preset.modes)} takes of {len(preset.means)}"
    for index, rows in enumerate(preset.modes):
        if problem := find_problem(rows):
            yield f"take {index}: {problem}"


def _word_problems(header: PresetHeader):
    if len(header.tags) > MOST_TAGS or len(set(header.tags)) < len(header.tags):
        yield f"{len(header.tags)} tags; at most {MOST_TAGS} can be used, each once"
    for word in (*header.tags, *filter(None, [header.material])):
        if not WORD.fullmatch(word):
            yield f"{word[:64]!r} is no tag or material: {WORD_RULE}"


def _chain_problems(chain: list[dict[str, float | str]]):
    if len(chain) > MOST_EFFECTS:
        yield f"a chain of {len(chain)} effects; at most {MOST_EFFECTS} can be used"
    for number, effect in enumerate(chain, 1):
        settings = dict(effect)
        kind = settings.pop("type", None)
        if kind not in CHAIN_KINDS:
            yield f"effect {number} of its chain is {str(kind)[:64]!r}; {', '.join(CHAIN_KINDS)} can be used"
            continue
        try:
            validate_settings(kind, settings)
        except ProjectError as problem:
            yield f"effect {number} of its chain, {kind}: {problem}"


AUDIBLE = ("kind", "variation", "stereo", "scale", "bias")
RINGING = ("ring", "low_cut_hz")
"""Fields of the header that change what is decoded, beside a chain, where there is one; level and fades come after,
words not at all. The second row is told where there are modes, or a cut; the width where it is not 1."""


def sound_digest(preset: Preset) -> str:
    """32 hex digits (BLAKE2b) that differ when two presets would decode differently from one seed."""
    header = preset.header
    takes = [[take.skip_samples, take.length_samples] for take in header.takes]
    heard = {name: getattr(header, name) for name in AUDIBLE} | ({"chain": header.chain} if header.chain else {})
    if header.width != 1:
        heard["width"] = header.width
    rings = bool(preset.modes or header.low_cut_hz)
    if rings:
        heard |= {name: msgspec.to_builtins(getattr(header, name)) for name in RINGING}
    told = json.dumps([heard, takes], sort_keys=bool(header.chain or rings))
    digest = hashlib.blake2b(told.encode(), digest_size=16)
    for tensor in (*preset.means, *preset.deviations, *preset.modes):
        digest.update(repr(tensor.shape).encode())
        digest.update(np.ascontiguousarray(tensor, "<f4").tobytes())
    return digest.hexdigest()
