"""Stages as stem effects: made of a project's tables, checked before a render, told to revisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import replace

from plugin_backend.codec import Codec, CodecSpec
from plugin_backend.codecs import describe_codec
from plugin_backend.dsp import Triggered, make_stage
from plugin_backend.dsp.impulse_responses import check_impulse_response
from plugin_backend.dsp.parameters import MADE, PER_CHANNEL
from plugin_backend.dsp.stages import checked_settings
from plugin_backend.errors import InputError, PresetError, ProjectError
from plugin_backend.stage import Stage
from plugin_backend.transfer.node import TransferNode
from presets.digest import sound_digest
from presets.preset import Preset
from presets.store import SUFFIX
from render.apply.settings import Settings, latents_of
from render.apply.targets import find_preset, target_of
from render.events import Event
from render.project import SAMPLE_RATE, Effect, Stem
from render.recipe import file_digest
from render.stage_tables import PRESETS, TRANSFER, Convolution, Pan, StageEffect, Transfer


def is_insert(effect: Effect) -> bool:
    """Whether an effect is a stage of ours, and not the engine's or a plug-in."""
    return isinstance(effect, StageEffect)


def kind_of(effect: Effect) -> str:
    """Its ``type`` in a project file."""
    return type(effect).__struct_config__.tag


def settings_of(effect: StageEffect) -> dict[str, float | str]:
    """A stage's settings by name."""
    return msgspec.structs.asdict(effect)


def transfer_settings(effect: Transfer) -> Settings:
    """How a transfer moves what it hears.

    Raises:
        ProjectError: a control is out of range, or ``morph`` has nothing to lead to.
    """
    controls = {name: getattr(effect, name) for name, row in TRANSFER.items() if getattr(effect, name) != row.default}
    if effect.to is None and {"morph", "spherical"} & set(controls):
        raise ProjectError("morph goes with a second preset: give it as 'to'")
    return Settings(controls=controls, latents=latents_of(tuple(effect.latents)), mono=effect.mono)


def settled(effect: Effect, bank: Path, specs: Mapping[str, CodecSpec], model_of: Callable[[Preset, Mapping], str]):
    """The effect with nothing left to look up: a transfer's presets as files, and its model.

    Args:
        bank: where presets are found by name.
        specs: of the project's models, by name.
        model_of: which of them made a preset.

    Raises:
        PresetError: no such preset, or it is of none of the models, or of another than the first.
    """
    if not isinstance(effect, Transfer):
        return effect
    if effect.model is not None:
        specs = {effect.model: describe_codec(effect.model)}
    found = {name: find_preset(getattr(effect, name), bank) for name in PRESETS if getattr(effect, name) is not None}
    models = [model_of(preset, specs) for preset in found.values()]
    if len(set(models)) > 1:
        raise PresetError(
            f"presets '{effect.preset}' and '{effect.to}' are of different models: nothing is between them"
        )
    files = {name: str(_file_of(getattr(effect, name), bank)) for name in found}
    return replace(effect, model=models[0], **files)


def _file_of(name: str, bank: Path) -> Path:
    return Path(name) if name.endswith(SUFFIX) else bank / f"{name}{SUFFIX}"


def check_insert(effect: StageEffect, layout: str, sounding: int) -> None:
    """See that a settled effect can run on a stem.

    Raises:
        ProjectError: a value is out of range, or it does not go with the layout.
        AudioFileError: an impulse response cannot be used.
    """
    kind = kind_of(effect)
    if isinstance(effect, Pan) and sounding == 1:
        raise ProjectError(f"a pan is stereo and cannot run on {layout}: it has no sides")
    if sounding > 2 and kind not in PER_CHANNEL:
        raise ProjectError(
            f"a {kind} is stereo and cannot run on {layout}: make the stem stereo or mono, or leave it what works on "
            f"each channel: filter, {', '.join(PER_CHANNEL)}"
        )
    if isinstance(effect, Transfer):
        transfer_settings(effect)
        spec = describe_codec(effect.model)
        if spec.sample_rate != SAMPLE_RATE or spec.layout != "frames":
            raise ProjectError(f"a transfer needs a model of {SAMPLE_RATE} Hz that streams; '{effect.model}' is none")
        return
    checked_settings(kind, settings_of(effect))
    if isinstance(effect, Convolution):
        check_impulse_response(effect.ir)


def check_inserts(stem: Stem, sounding: int) -> None:
    """See that a stem's stages can run on it.

    Raises:
        InputError: see :func:`check_insert`; names the stem.
    """
    for effect in filter(is_insert, stem.effects):
        try:
            check_insert(effect, stem.layout, sounding)
        except InputError as problem:
            raise type(problem)(f"stem {stem.name}: {problem}") from problem


def make_insert(
    effect: StageEffect, sample_rate: int, channels: int, block_samples: int, codec: Callable[[str], Codec]
) -> Stage:
    """A settled effect as a stage.

    Args:
        channels, block_samples: of every block.
        codec: gives the model of a name.

    Raises:
        PresetError, ProjectError, AudioFileError: what it is made of changed since it was settled.
    """
    if not isinstance(effect, Transfer):
        return make_stage(kind_of(effect), settings_of(effect), sample_rate, channels)
    settings, model = transfer_settings(effect), codec(effect.model)
    node = TransferNode(model, channels, multiple_samples=block_samples, mono=settings.mono)
    for name, slot in zip(PRESETS, "ab", strict=True):
        if getattr(effect, name) is not None:
            node.select(target_of(find_preset(getattr(effect, name)), model), slot)
    for name, value in settings.controls.items():
        node.set(name, value)
    settings.set_latents(node)
    return node


class Insert:
    """Adjacent stages of a stem on one stereo node.

    Args:
        stages: in order.
        mono: both of the node's channels are one: the stages get their mean, and both get what they make of it.
    """

    def __init__(self, stages: list[Stage], mono: bool):
        self.stages, self._mono = stages, mono

    def process(self, position: int, block: np.ndarray) -> None:
        """Change ``[2, n]`` in place."""
        sound = (block[:1] + block[1:]) * np.float32(0.5) if self._mono else block
        for stage in self.stages:
            sound = stage.push(sound)
        block[:] = sound


def strike(stage: Stage, events: list[Event], late_samples: int) -> None:
    """Tell a stage that can be struck of all its stem's cues: struck at each one's start, released where all end.

    Args:
        late_samples: how much later than its cues it hears them.
    """
    if not isinstance(stage, Triggered):
        return
    open_until = None
    for event in sorted(events, key=lambda event: event.start_samples):
        if open_until is not None and event.start_samples > open_until:
            stage.release(open_until + late_samples)
        stage.trigger(event.start_samples + late_samples)
        open_until = max(open_until or 0, event.end_samples)
    if open_until is not None:
        stage.release(open_until + late_samples)


def described(effect: Effect) -> dict:
    """All that decides what an effect does, as plain data; the content of its files in place of their names."""
    told = msgspec.to_builtins(effect)
    if isinstance(effect, Transfer):
        found = {name: getattr(effect, name) for name in PRESETS if getattr(effect, name) is not None}
        told |= {name: sound_digest(find_preset(file)) for name, file in found.items()}
        told["model"] = describe_codec(effect.model).fingerprint if effect.model is not None else None
    elif isinstance(effect, Convolution) and effect.ir not in MADE:
        told["ir"] = file_digest(Path(effect.ir))
    return told
