"""What comes after the codec in every engine: LFO, then gain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plugin_backend.effects.stage import Stage
from plugin_backend.errors import ProjectError
from plugin_backend.parameters import Parameter
from render.instrument.actions import EFFECT
from render.instrument.sample_schedule import Schedule


def make_stages(effects: Sequence[Effect], sample_rate: int, channels: int) -> list[Stage]:
    """The stages that effects name.

    Raises:
        ProjectError: no such effect, or a setting out of range; names which.
    """
    if not effects:
        return []
    from plugin_backend.effects import make_stage

    stages = []
    for index, effect in enumerate(effects):
        try:
            stages.append(make_stage(effect.name, dict(effect.settings), sample_rate, channels))
        except ProjectError as problem:
            raise ProjectError(f"effect {index} ({effect.name}): {problem}") from problem
    return stages


class EffectChain:
    """Stages in a row.

    Attributes:
        parameters: of each stage, by ``fx.NUMBER.NAME``.
        latency_samples: of all.
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
        """Set a stage's parameter from a sample of the input on."""
        stage, schedule = self._stages[index]
        schedule.add(at_samples, lambda: stage.set(name, value))

    def trigger(self, at_samples: int) -> None:
        """Something was struck: envelopes begin."""
        self._each("trigger", at_samples)

    def release(self, at_samples: int) -> None:
        """What was held is let go: envelopes end."""
        self._each("release", at_samples)

    def _each(self, what: str, at_samples: int) -> None:
        for stage, schedule in self._stages:
            if hasattr(stage, what):
                schedule.add(at_samples, getattr(stage, what))

    def push(self, block: np.ndarray, start_samples: int) -> np.ndarray:
        """Take ``[channels, n]``, what the input from ``start_samples`` on became; answer as many."""
        for stage, schedule in self._stages:
            pieces = [stage.push(block[:, here]) for here in schedule.pieces(start_samples, block.shape[1])]
            block = pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=1)
            start_samples -= stage.latency_samples
        return block


PLUGIN_EFFECTS = (Effect("lfo", {"depth": 0.0}), Effect("gain"))
"""``fx.0`` and ``fx.1``."""


class After(EffectChain):
    """The stages in a row; see :class:`render.instrument.effect_chain.EffectChain`."""

    def turn(self, control: str, value: float, at_samples: int) -> bool:
        """Set ``fx.0.depth`` and the like from a sample on; answers whether it is one of theirs."""
        if found := EFFECT.fullmatch(control):
            self.set(int(found[1]), found[2], value, at_samples)
        return found is not None


def plugin_effects(rate_hz: int, channels: int) -> After:
    """New ones."""
    return After(make_stages(PLUGIN_EFFECTS, rate_hz, channels))
