"""Effects after the codec: a row of stages whose parameters are set at exact samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from msgspec import Meta

from plugin_backend.effects.stage import Stage
from plugin_backend.errors import ProjectError
from plugin_backend.parameters import Parameter
from render.instrument.actions import EFFECT
from render.instrument.sample_schedule import Schedule
from render.project.toml_config import Table


class Effect(Table, frozen=True):
    """One effect of a rig: a name from ``plugin_backend.effects``, and its settings."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,32}$")]
    settings: dict[str, float | str] = {}


def make_stages(effects: Sequence[Effect], sample_rate: int, channels: int) -> list[Stage]:
    """Make the stages that a list of effects names.

    Args:
        effects: names and settings, in processing order.
        sample_rate: in Hz.
        channels: of every block.

    Returns:
        One new stage for each effect.

    Raises:
        ProjectError: an effect does not exist, or a setting is out of range; the message has its number and name.
    """
    if not effects:
        return []
    from plugin_backend.effects.registry import make_stage

    stages: list[Stage] = []
    for index, effect in enumerate(effects):
        try:
            stages.append(make_stage(effect.name, dict(effect.settings), sample_rate, channels))
        except ProjectError as problem:
            raise ProjectError(f"effect {index} ({effect.name}): {problem}") from problem
    return stages


class EffectChain:
    """Stages in a row.

    Attributes:
        parameters: the parameters of all stages, by ``fx.NUMBER.NAME``.
        latency_samples: the sum over all stages.
    """

    def __init__(self, stages: Sequence[Stage]):
        self._stages = [(stage, Schedule()) for stage in stages]
        self.latency_samples = sum(stage.latency_samples for stage in stages)
        self.parameters: dict[str, Parameter] = {
            f"fx.{index}.{name}": parameter
            for index, stage in enumerate(stages)
            for name, parameter in stage.parameters.items()
        }

    def set(self, index: int, name: str, value: float, at_samples: int) -> None:
        """Set a stage's parameter.

        Args:
            index: the stage's number, from 0.
            name: the parameter.
            value: in the parameter's unit.
            at_samples: the first input sample with the new value.
        """
        stage, schedule = self._stages[index]
        schedule.add(at_samples, lambda: stage.set(name, value))

    def set_control(self, control: str, value: float, at_samples: int) -> bool:
        """Set a parameter by its control name.

        Args:
            control: ``fx.0.depth`` and the like; any other name changes nothing.
            value: in the parameter's unit.
            at_samples: the first input sample with the new value.

        Returns:
            Whether ``control`` names an effect's parameter.
        """
        match = EFFECT.fullmatch(control)
        if match:
            self.set(int(match[1]), match[2], value, at_samples)
        return match is not None

    def trigger(self, at_samples: int) -> None:
        """Start envelopes at a sample: a sound was struck."""
        self._call_each("trigger", at_samples)

    def release(self, at_samples: int) -> None:
        """Release envelopes at a sample: a held sound was released."""
        self._call_each("release", at_samples)

    def _call_each(self, method: str, at_samples: int) -> None:
        for stage, schedule in self._stages:
            if hasattr(stage, method):
                schedule.add(at_samples, getattr(stage, method))

    def push(self, block: np.ndarray, start_samples: int) -> np.ndarray:
        """Process a block.

        Args:
            block: ``[channels, n]``.
            start_samples: the input sample that became the block's first sample.

        Returns:
            ``[channels, n]``.
        """
        for stage, schedule in self._stages:
            pieces = [stage.push(block[:, piece]) for piece in schedule.pieces(start_samples, block.shape[1])]
            block = pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=1)
            start_samples -= stage.latency_samples
        return block


PLUGIN_EFFECTS = (Effect("lfo", {"depth": 0.0}), Effect("gain"))
"""``fx.0`` and ``fx.1`` of every plug-in engine."""


def plugin_effects(rate_hz: int, channels: int) -> EffectChain:
    """Return a new chain of the plug-in's effects: LFO, then gain."""
    return EffectChain(make_stages(PLUGIN_EFFECTS, rate_hz, channels))
