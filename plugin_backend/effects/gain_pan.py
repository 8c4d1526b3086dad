"""Gain, and the position between left and right."""

from __future__ import annotations

import numpy as np

from plugin_backend.dsp.crossfade import FADE_S, Crossfade
from plugin_backend.dsp.pan_law import balance, constant_power
from plugin_backend.effects.base import DspStage, db_to_gain
from plugin_backend.effects.parameters import BALANCE, GAIN, PAN, PAN_CONTROLS
from plugin_backend.errors import ProjectError


class Gain(DspStage):
    """Multiplies all channels by one factor. 0 dB changes nothing, to the bit."""

    parameters, gliding = GAIN, {"gain_db": db_to_gain}

    def _process(self, block: np.ndarray) -> np.ndarray:
        return block * self._glide("gain_db", block.shape[1])


class Pan(DspStage):
    """Pans two channels by :mod:`plugin_backend.dsp.pan_law`. The centre of ``balance`` changes nothing, to the bit.

    Raises:
        ProjectError: there are not two channels.
    """

    parameters, gliding = PAN_CONTROLS, {"pan": float}

    def __init__(self, sample_rate: int, channels: int):
        if channels != 2:
            raise ProjectError(f"a pan is between two channels; it cannot run on {channels}")
        super().__init__(sample_rate, channels)
        self.parts["law"] = self._law = Crossfade(0.0, round(FADE_S * sample_rate))

    def _changed(self, name: str) -> None:
        self._law.select(self.values["law"], at_once=not self.position_samples)

    def _process(self, block: np.ndarray) -> np.ndarray:
        pan, out = self._glide("pan", block.shape[1]), np.empty(block.shape)
        for part, before, now, weight in self._law.parts(block.shape[1]):
            position = pan[part] if isinstance(pan, np.ndarray) and pan.ndim else pan
            output = _apply_law(block[:, part], position, float(now))
            if before is not None:
                old = _apply_law(block[:, part], position, float(before))
                output = old + weight * (output - old)
            out[:, part] = output
        return out


def _apply_law(block: np.ndarray, pan: float | np.ndarray, law: float) -> np.ndarray:
    if (BALANCE, PAN)[int(law)] == BALANCE:
        left, right = balance(pan)
        return np.stack([left * block[0], right * block[1]])
    left, right = constant_power(pan)
    mono = block.mean(axis=0, dtype=np.float64)
    return np.stack([left * mono, right * mono])
