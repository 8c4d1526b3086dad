"""A stage at its model's rate, between resamplers, among stages of the render's."""

from __future__ import annotations

import numpy as np

from plugin_backend.dsp.delay import Delay
from plugin_backend.dsp.resample import Resampler, resampled_timing
from plugin_backend.effects.stage import Stage
from plugin_backend.errors import RenderError


class ResampledStage(Stage):
    """A stage of another sample rate than what is around it: all that goes through it is resampled there and back.

    Args:
        inner: the stage, set.
        inner_hz: its sample rate.
        inner_hop: samples at that rate that it is pushed at a time.
        rate_hz: of the blocks pushed here.
        block_samples: of every block pushed here.
    """

    def __init__(self, inner: Stage, inner_hz: int, inner_hop: int, rate_hz: int, block_samples: int):
        self._inner, self._hop = inner, inner_hop
        self.parameters, self.channels, self.multiple_samples = inner.parameters, inner.channels, block_samples
        times = resampled_timing(rate_hz, inner_hz, block_samples, inner_hop, inner.latency_samples, True)
        self.latency_samples = times.latency_samples
        self._up = Resampler(rate_hz, inner_hz, inner.channels)
        self._down = Resampler(inner_hz, rate_hz, inner.channels)
        self._delay = Delay(inner.channels, times.delay_samples)
        self._fed = np.zeros((inner.channels, 0), np.float32)
        self._ready = np.zeros((inner.channels, times.wait_samples), np.float32)

    def set(self, name: str, value: float) -> None:
        """See :class:`~plugin_backend.effects.stage.Stage`."""
        self._inner.set(name, value)

    def push(self, block: np.ndarray) -> np.ndarray:
        """See :class:`~plugin_backend.effects.stage.Stage`.

        Raises:
            RenderError: the resamplers are later than counted.
        """
        block, hop = self._received(block), self._hop
        fed = np.concatenate([self._fed, self._up.push(block)], axis=1)
        parts = [self._ready]
        for begin in range(0, fed.shape[1] - hop + 1, hop):
            parts.append(self._down.push(self._delay.push(self._inner.push(fed[:, begin : begin + hop]))))
        self._fed = fed[:, fed.shape[1] // hop * hop :].copy()
        ready, count = np.concatenate(parts, axis=1), block.shape[1]
        if ready.shape[1] < count:
            raise RenderError("resamplers of a stage are later than counted")
        self._ready = ready[:, count:].copy()
        return ready[:, :count]

    def state(self) -> dict[str, np.ndarray]:
        """See :class:`~plugin_backend.effects.stage.Stage`.

        Raises:
            ValueError: always; a resampler's memory cannot be saved.
        """
        raise ValueError("a stage at another sample rate cannot be saved")

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """See :meth:`state`."""
        raise ValueError("a stage at another sample rate cannot be restored")
