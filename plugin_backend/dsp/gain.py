"""Level."""

from __future__ import annotations

import numpy as np

from plugin_backend.dsp.base import DspStage, linear
from plugin_backend.dsp.parameters import GAIN


class Gain(DspStage):
    """All channels by one factor; to the bit at 0 dB."""

    parameters, gliding = GAIN, {"gain_db": linear}

    def _process(self, heard: np.ndarray) -> np.ndarray:
        return heard * self._glide("gain_db", heard.shape[1])
