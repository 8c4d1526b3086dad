"""A preset's own effects, on one performance of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from plugin_backend.effects.registry import make_stage
from plugin_backend.effects.triggered import Triggered

Effects = Sequence[Mapping[str, float | str]]
"""As in :class:`~presets.preset.PresetHeader`."""

ENDLESS = 2**48
"""Samples of a performance that is held until it is let go."""


class PresetEffects:
    """Effects in a row, struck at a performance's first sample and released at its end; no latency.

    Args:
        effects: in order; none lets all through, untouched.
        sample_rate: in Hz.
        channels: of every piece.
        length_samples: of the performance; ``None``: it is held.
    """

    def __init__(self, effects: Effects, sample_rate: int, channels: int, length_samples: int | None):
        self._stages = []
        for effect in effects:
            settings = {name: value for name, value in effect.items() if name != "type"}
            stage = make_stage(effect["type"], settings, sample_rate, channels)
            if isinstance(stage, Triggered):
                stage.trigger()
                stage.release(ENDLESS if length_samples is None else length_samples)
            self._stages.append(stage)

    def push(self, audio: np.ndarray) -> np.ndarray:
        """Take ``[channels, n]``, the next of the performance's samples; return as many, float32."""
        for stage in self._stages:
            audio = stage.push(audio)
        return audio


class PresetEffectsBetween:
    """Two presets' chains on one sound, and the way between: as a chain.

    Args:
        chains: the first preset's, and the one's it leads to.
        share: of the second, 0 to 1.
    """

    def __init__(self, chains: tuple[PresetEffects, PresetEffects], share: float):
        self._chains, self._share = chains, np.float32(share)

    def push(self, audio: np.ndarray) -> np.ndarray:
        """See :meth:`Chain.push`."""
        one, other = (chain.push(audio) for chain in self._chains)
        return one + self._share * (other - one)
