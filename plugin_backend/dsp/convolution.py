"""Reverberation by an impulse response."""

from __future__ import annotations

import numpy as np

from plugin_backend.dsp.base import DspStage, linear
from plugin_backend.dsp.impulse_responses import impulse_response
from plugin_backend.dsp.parameters import CONVOLUTION, IMPULSE_RESPONSE
from plugin_backend.dsp.partitions import PartitionedConvolution
from plugin_backend.errors import ProjectError


class Convolution(DspStage):
    """``(1 − mix)`` times the input and ``mix`` times its convolution, without latency.

    A mono impulse response is every channel's; a stereo one left's and right's, and a single channel takes its mean.

    Raises:
        AudioFileError: the impulse response cannot be used.
        ProjectError: it is stereo, and there are more than two channels.
    """

    parameters, gliding = CONVOLUTION, {"mix": float, "gain_db": linear}

    def __init__(self, sample_rate: int, channels: int, ir: str = IMPULSE_RESPONSE.default, pre_delay_ms: float = 0.0):
        response = impulse_response(ir, sample_rate)
        if channels == 1:
            response = response.mean(axis=0, keepdims=True)
        if len(response) not in (1, channels):
            raise ProjectError(f"ir {ir}: its 2 channels cannot run on {channels}; give a mono one")
        delayed = np.pad(response, ((0, 0), (round(pre_delay_ms * sample_rate / 1000), 0)))
        super().__init__(sample_rate, channels, ir=ir, pre_delay_ms=pre_delay_ms)
        self.parts["wet"] = self._wet = PartitionedConvolution(np.repeat(delayed, channels // len(delayed), axis=0))

    def _process(self, heard: np.ndarray) -> np.ndarray:
        mix, gain = (self._glide(name, heard.shape[1]) for name in ("mix", "gain_db"))
        return (1 - mix) * heard + mix * gain * self._wet.push(heard)
