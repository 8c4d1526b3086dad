"""Stages of ours while they run in the graph: made of a project's tables, handed blocks, struck by cues."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.effects import Triggered, make_stage
from plugin_backend.effects.stage import Stage
from plugin_backend.errors import ProjectError, RenderError
from plugin_backend.transfer.settings import Settings, parse_latents
from plugin_backend.transfer.transfer_node import TransferNode
from presets.lookup import find_preset, target_of
from render.engine.resampled_stage import ResampledStage
from render.plan.plan import Event
from render.project.effect_schema import PRESETS, TRANSFER, Effect, StageEffect, Transfer


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
    return Settings(
        controls=controls, latents=parse_latents(tuple(effect.latents)), mono=effect.mono, width=effect.width
    )


def make_insert(
    effect: StageEffect, sample_rate: int, channels: int, block_samples: int, codec: Callable[[str], Codec]
) -> Stage:
    """An effect settled by :mod:`render.plan.resolve_effects` as a stage.

    Args:
        channels, block_samples: of every block.
        codec: gives the model of a name.

    Raises:
        PresetError, ProjectError, AudioFileError: what it is made of changed since it was settled.
    """
    if not isinstance(effect, Transfer):
        return make_stage(kind_of(effect), settings_of(effect), sample_rate, channels)
    settings, model = transfer_settings(effect), codec(effect.model)
    own_rate, hop = model.spec.sample_rate, model.spec.hop_samples
    multiple = block_samples if own_rate == sample_rate else hop
    node = TransferNode(model, channels, multiple_samples=multiple, mono=settings.mono, width=settings.width)
    for name, slot in zip(PRESETS, "ab", strict=True):
        if getattr(effect, name) is not None:
            node.select(target_of(find_preset(getattr(effect, name)), model), slot)
    for name, value in settings.controls.items():
        node.set(name, value)
    settings.set_latents(node)
    return node if own_rate == sample_rate else ResampledStage(node, own_rate, hop, sample_rate, block_samples)


class Insert:
    """Adjacent stages of a stem on one stereo node.

    Args:
        stem: its name.
        stages: in order.
        mono: both of the node's channels are one: the stages get their mean, and both get what they make of it.
    """

    def __init__(self, stem: str, stages: list[Stage], mono: bool):
        self._stem, self.stages, self._mono = stem, stages, mono

    def process(self, position: int, block: np.ndarray) -> None:
        """Change ``[2, n]`` in place.

        Raises:
            RenderError: what comes in is NaN or infinite, which the stages would silently take for 0.
        """
        if not np.isfinite(block).all():
            raise RenderError(f"stem {self._stem}: an effect made NaN or infinite samples")
        sound = (block[:1] + block[1:]) * np.float32(0.5) if self._mono else block
        for stage in self.stages:
            sound = stage.push(sound)
        block[:] = sound


def schedule_triggers(stage: Stage, events: list[Event], late_samples: int) -> None:
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
