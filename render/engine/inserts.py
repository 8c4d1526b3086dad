"""Inserts: our own stages in a stem's chain of effects, built from the project's tables and triggered by cues."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.effects.registry import make_stage
from plugin_backend.effects.stage import Stage
from plugin_backend.effects.triggered import Triggered
from plugin_backend.errors import RenderError
from plugin_backend.transfer.transfer_node import NoiseSettings, TransferNode
from presets.lookup import find_preset, target_of
from render.engine.resampled_stage import ResampledStage
from render.plan.plan import Event
from render.plan.resolve_effects import transfer_settings
from render.project.effect_schema import PRESETS, StageEffect, Transfer, kind_of, settings_of


def make_insert(
    effect: StageEffect, sample_rate: int, channels: int, block_samples: int, codec: Callable[[str], Codec]
) -> Stage:
    """Build the stage of an effect that :mod:`render.plan.resolve_effects` has resolved.

    Args:
        effect: the effect; presets and models are resolved.
        sample_rate: in Hz.
        channels: channels of every block.
        block_samples: length of every block.
        codec: returns the model of a name.

    Raises:
        PresetError, ProjectError, AudioFileError: a file that it uses has changed since it was resolved.
    """
    if not isinstance(effect, Transfer):
        return make_stage(kind_of(effect), settings_of(effect), sample_rate, channels)
    assert effect.model is not None
    settings, model = transfer_settings(effect), codec(effect.model)
    model_hz, hop = model.spec.sample_rate, model.spec.hop_samples
    multiple = block_samples if model_hz == sample_rate else hop
    noise = NoiseSettings(width=settings.width)
    node = TransferNode(model, channels, multiple_samples=multiple, mono=settings.mono, noise=noise)
    for name, slot in zip(PRESETS, "ab", strict=True):
        if getattr(effect, name) is not None:
            node.select(target_of(find_preset(getattr(effect, name)), model), slot)
    for name, value in settings.controls.items():
        node.set(name, value)
    settings.set_latents(node)
    return node if model_hz == sample_rate else ResampledStage(node, model_hz, hop, sample_rate, block_samples)


class Insert:
    """Adjacent stages of a stem, run on one stereo node of the graph.

    Args:
        stem: name of the stem.
        stages: in order.
        mono: the stem is mono. The stages get the mean of both channels, and both channels get the result.
    """

    def __init__(self, stem: str, stages: list[Stage], mono: bool):
        self._stem, self.stages, self._mono = stem, stages, mono

    def process(self, position: int, block: np.ndarray) -> None:
        """Process a block ``[2, n]`` in place.

        Raises:
            RenderError: the block holds NaN or infinite samples. The stages would replace them by 0 without a word.
        """
        if not np.isfinite(block).all():
            raise RenderError(f"stem {self._stem}: an effect made NaN or infinite samples")
        audio = (block[:1] + block[1:]) * np.float32(0.5) if self._mono else block
        for stage in self.stages:
            audio = stage.push(audio)
        block[:] = audio


def schedule_triggers(stage: Stage, events: list[Event], late_samples: int) -> None:
    """Trigger a stage at the start of each of its stem's cues, and release it where all sounding cues have ended.

    Stages that cannot be triggered are left alone.

    Args:
        stage: a stage of the stem.
        events: the stem's cues.
        late_samples: latency of the effects before the stage.
    """
    if not isinstance(stage, Triggered):
        return
    open_until: int | None = None
    for event in sorted(events, key=lambda event: event.start_samples):
        if open_until is not None and event.start_samples > open_until:
            stage.release(open_until + late_samples)
        stage.trigger(event.start_samples + late_samples)
        open_until = max(open_until or 0, event.end_samples)
    if open_until is not None:
        stage.release(open_until + late_samples)
