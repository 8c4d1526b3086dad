"""Left and right."""

from __future__ import annotations

import numpy as np

from plugin_backend.dsp.crossfade import FADE_S, Crossfade
from plugin_backend.dsp.pan_law import balance, constant_power
from plugin_backend.effects.base import DspStage, db_to_gain
from plugin_backend.effects.parameters import BALANCE, GAIN, PAN_CONTROLS
from plugin_backend.errors import ProjectError


class Gain(DspStage):
    """All channels by one factor; to the bit at 0 dB."""

    parameters, gliding = GAIN, {"gain_db": db_to_gain}

    def _process(self, heard: np.ndarray) -> np.ndarray:
        return heard * self._glide("gain_db", heard.shape[1])


class Pan(DspStage):
    """The two sides by :mod:`plugin_backend.dsp.pan_law`; to the bit at the centre of ``balance``.

    Raises:
        ProjectError: there are no two channels.
    """

    parameters, gliding = PAN_CONTROLS, {"pan": float}

    def __init__(self, sample_rate: int, channels: int):
        if channels != 2:
            raise ProjectError(f"a pan is between two channels; it cannot run on {channels}")
        super().__init__(sample_rate, channels)
        self.parts["law"] = Crossfade(0.0, round(FADE_S * sample_rate))

    def _changed(self, name: str) -> None:
        self.parts["law"].select(self.values["law"], at_once=not self.position_samples)

    def _process(self, heard: np.ndarray) -> np.ndarray:
        pan, out = self._glide("pan", heard.shape[1]), np.empty(heard.shape)
        for here, before, now, weight in self.parts["law"].parts(heard.shape[1]):
            place = pan if np.ndim(pan) == 0 else pan[here]
            made = _placed(heard[:, here], place, float(now))
            if before is not None:
                gone = _placed(heard[:, here], place, float(before))
                made = gone + weight * (made - gone)
            out[:, here] = made
        return out


def _placed(heard: np.ndarray, pan, law: float) -> np.ndarray:
    if PAN_CONTROLS["law"].names[int(law)] == BALANCE:
        left, right = balance(pan)
        return np.stack([left * heard[0], right * heard[1]])
    left, right = constant_power(pan)
    both = heard.mean(axis=0, dtype=np.float64)
    return np.stack([left * both, right * both])
