"""Run a preset's own effects on one performance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from plugin_backend.effects.registry import make_stage
from plugin_backend.effects.triggered import Triggered

Effects = Sequence[Mapping[str, float | str]]
"""Effects in order, as in ``chain`` of :class:`~presets.preset.PresetHeader`."""

ENDLESS = 2**48
"""Length in samples of a performance that is held until it is released."""


class PresetEffects:
    """Effects of one performance, triggered at its first sample and released at its end. They have no latency.

    Args:
        effects: in order; without any the audio is not changed.
        sample_rate: in Hz.
        channels: channels of every piece.
        length_samples: length of the performance; ``None`` if it is held.
    """

    def __init__(self, effects: Effects, sample_rate: int, channels: int, length_samples: int | None):
        self._stages = []
        for effect in effects:
            settings = {name: value for name, value in effect.items() if name != "type"}
            stage = make_stage(str(effect["type"]), settings, sample_rate, channels)
            if isinstance(stage, Triggered):
                stage.trigger()
                stage.release(ENDLESS if length_samples is None else length_samples)
            self._stages.append(stage)

    def push(self, audio: np.ndarray) -> np.ndarray:
        """Process the next ``[channels, n]`` samples; return as many, float32."""
        for stage in self._stages:
            audio = stage.push(audio)
        return audio


class PresetEffectsBetween:
    """The effects of two presets on the same audio, mixed.

    Args:
        effects: of the first and of the second preset.
        share: share of the second preset, 0 to 1.
    """

    def __init__(self, effects: tuple[PresetEffects, PresetEffects], share: float):
        self._effects, self._share = effects, np.float32(share)

    def push(self, audio: np.ndarray) -> np.ndarray:
        """See :meth:`PresetEffects.push`."""
        one, other = (effects.push(audio) for effects in self._effects)
        return one + self._share * (other - one)
