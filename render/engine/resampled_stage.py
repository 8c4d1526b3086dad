"""Run a stage at another sample rate than the render: between two resamplers."""

from __future__ import annotations

import numpy as np

from plugin_backend.dsp.delay import Delay
from plugin_backend.dsp.resample import Resampler, resampled_timing
from plugin_backend.effects.stage import Stage
from plugin_backend.errors import RenderError


class ResampledStage(Stage):
    """A stage whose input is resampled to its own rate, and whose output is resampled back.

    Args:
        inner: the stage; its parameters are set.
        inner_hz: sample rate of the stage.
        inner_hop: block size of the stage, in samples at its rate.
        rate_hz: sample rate of the render.
        block_samples: block size of the render.
    """

    def __init__(self, inner: Stage, inner_hz: int, inner_hop: int, rate_hz: int, block_samples: int):
        self._inner, self._hop = inner, inner_hop
        self.parameters, self.channels, self.multiple_samples = inner.parameters, inner.channels, block_samples
        times = resampled_timing(rate_hz, inner_hz, block_samples, inner_hop, inner.latency_samples, True)
        self.latency_samples = times.latency_samples
        self._up = Resampler(rate_hz, inner_hz, inner.channels)
        self._down = Resampler(inner_hz, rate_hz, inner.channels)
        self._delay = Delay(inner.channels, times.delay_samples)
        self._input = np.zeros((inner.channels, 0), np.float32)
        self._ready = np.zeros((inner.channels, times.wait_samples), np.float32)

    def set(self, name: str, value: float) -> None:
        """See :class:`~plugin_backend.effects.stage.Stage`."""
        self._inner.set(name, value)

    def push(self, block: np.ndarray) -> np.ndarray:
        """See :class:`~plugin_backend.effects.stage.Stage`.

        Raises:
            RenderError: the resamplers have more latency than was computed.
        """
        block, hop = self._check_block(block), self._hop
        waiting = np.concatenate([self._input, self._up.push(block)], axis=1)
        parts = [self._ready]
        for begin in range(0, waiting.shape[1] - hop + 1, hop):
            parts.append(self._down.push(self._delay.push(self._inner.push(waiting[:, begin : begin + hop]))))
        self._input = waiting[:, waiting.shape[1] // hop * hop :].copy()
        ready, count = np.concatenate(parts, axis=1), block.shape[1]
        if ready.shape[1] < count:
            raise RenderError("the resamplers of a stage have more latency than was computed")
        self._ready = ready[:, count:].copy()
        return ready[:, :count]

    def state(self) -> dict[str, np.ndarray]:
        """See :class:`~plugin_backend.effects.stage.Stage`.

        Raises:
            ValueError: always, because the state of a resampler cannot be saved.
        """
        raise ValueError("a stage at another sample rate cannot be saved")

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """See :meth:`state`."""
        raise ValueError("a stage at another sample rate cannot be restored")
