"""A preset's own effects, on one performance of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from plugin_backend.dsp.stages import make_stage
from plugin_backend.dsp.triggered import Triggered


class Chain:
    """Effects in a row, struck at a performance's first sample and released at its end; no latency.

    Args:
        effects: as in :class:`~presets.preset.PresetHeader`.
        sample_rate: in Hz.
        channels: of every piece.
        length_samples: of the performance.
    """

    def __init__(
        self, effects: Sequence[Mapping[str, float | str]], sample_rate: int, channels: int, length_samples: int
    ):
        self._stages = []
        for effect in effects:
            settings = {name: value for name, value in effect.items() if name != "type"}
            stage = make_stage(effect["type"], settings, sample_rate, channels)
            if isinstance(stage, Triggered):
                stage.trigger()
                stage.release(length_samples)
            self._stages.append(stage)

    def push(self, audio: np.ndarray) -> np.ndarray:
        """Take ``[channels, n]``, the next of the performance's samples; return as many, float32."""
        for stage in self._stages:
            audio = stage.push(audio)
        return audio
