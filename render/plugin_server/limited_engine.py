"""An engine with a ceiling on its output."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plugin_backend.daw_plugin.parameters import INDEX
from plugin_backend.effects.limiter import Limiter
from plugin_backend.effects.parameters import LIMITER
from presets.preset import Preset
from render.instrument.effect_chain import EffectChain
from render.plugin_server.engine import Change, Engine
from render.plugin_server.parameter_values import value_in_range

CONTROLS = {INDEX[name]: name for name in LIMITER}


class LimitedEngine(Engine):
    """Another engine, and a :class:`~plugin_backend.effects.limiter.Limiter` after it.

    Args:
        inner: the engine that makes the sound.
    """

    def __init__(self, inner: Engine):
        self._inner, self.problems = inner, inner.problems
        self.channels, self.rate_hz, self.hop_samples = inner.channels, inner.rate_hz, inner.hop_samples
        self._start_over()
        self.latency_samples = inner.latency_samples + self._chain.latency_samples

    def _start_over(self) -> None:
        self._chain, self._position = EffectChain([Limiter(self.rate_hz, self.channels)]), 0
        self._values = {index: LIMITER[name].default for index, name in CONTROLS.items()}

    def push(
        self,
        hop: np.ndarray,
        parameters: np.ndarray,
        events: list[tuple[int, bytes]],
        wait: bool,
        changes: Sequence[Change] = (),
    ) -> np.ndarray:
        """See :class:`~render.plugin_server.engine.Engine`."""
        output = self._inner.push(hop, parameters, events, wait, changes)
        if not np.isfinite(output).all():
            return output  # the dispatcher reports it
        first = self._position or -self._inner.latency_samples  # at first from the very start
        for index in CONTROLS:
            self._set(first, index, float(parameters[index]))
        for sample, index, value in changes:
            if index in CONTROLS:
                self._set(self._position + sample, index, value)
        output = self._chain.push(output, self._position - self._inner.latency_samples)
        self._position += hop.shape[1]
        return output

    def _set(self, at_samples: int, index: int, value: float) -> None:
        now = value_in_range(index, value)
        if now != self._values[index]:
            self._values[index] = now
            self._chain.set(0, CONTROLS[index], now, at_samples)

    def load_session_preset(self, slot: str, preset: Preset | None) -> None:
        """See :class:`~render.plugin_server.engine.Engine`."""
        self._inner.load_session_preset(slot, preset)

    def reset(self) -> None:
        """See :class:`~render.plugin_server.engine.Engine`."""
        self._inner.reset()
        self._start_over()

    def close(self) -> None:
        """See :class:`~render.plugin_server.engine.Engine`."""
        self._inner.close()
