"""An engine at another rate than its codec's: the engine runs between two resamplers.

Only the codec's audio is resampled. The dry input stays as it came, and mix, LFO and gain run at the host's rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from plugin_backend.dsp.crossfade import FADE_S, SmoothedValue
from plugin_backend.dsp.delay import Delay
from plugin_backend.dsp.resample import Resampler, resampled_timing
from plugin_backend.dsp.sanitize import sanitize
from plugin_backend.errors import RenderError
from presets.preset import Preset
from render.instrument.effect_chain import plugin_effects
from render.instrument.sample_schedule import Schedule
from render.plugin_server.engine import Change, Engine
from render.plugin_server.parameter_values import AFTER, INITIAL, ChangedParameters, in_range


class ResampledEngine(Engine):
    """An engine between resamplers; see :func:`render.plugin_server.engine_factory.make_engine`.

    Parameters take effect where they would at the engine's own rate, to the sample or to the engine's next hop. A MIDI
    event takes effect at the nearest sample of the engine.

    Args:
        inner: the engine at its own rate.
        rate_hz, hop_samples: of the host.
        has_input: whether the engine uses its input.
    """

    def __init__(self, inner: Engine, rate_hz: int, hop_samples: int, has_input: bool):
        self._inner, self._has_input, self.problems = inner, has_input, inner.problems
        self.channels, self.rate_hz, self.hop_samples = inner.channels, rate_hz, hop_samples
        self._timing = resampled_timing(
            rate_hz, inner.rate_hz, hop_samples, inner.hop_samples, inner.latency_samples, has_input
        )
        self.latency_samples = self._timing.latency_samples
        self._start_over()

    def reset(self) -> None:
        """See :class:`~render.plugin_server.engine.Engine`."""
        self._inner.reset()
        self._start_over()

    def _start_over(self) -> None:
        rate, own, channels = self.rate_hz, self._inner.rate_hz, self.channels
        self._up, self._down = Resampler(rate, own, channels), Resampler(own, rate, channels)
        self._fed = np.zeros((channels, 0), np.float32)
        self._ready = np.zeros((channels, self._timing.wait_samples), np.float32)
        self._delay, self._dry = Delay(channels, self._timing.delay_samples), Delay(channels, self.latency_samples)
        self._position, self._played = 0, 0
        self._values: list[tuple[int, np.ndarray]] = []
        self._events: list[tuple[int, bytes]] = []
        self._changed, self._effects = ChangedParameters(), plugin_effects(rate, channels)
        self._mix, self._mixing = SmoothedValue(1.0, round(FADE_S * rate)), Schedule()

    def load_session_preset(self, slot: str, preset: Preset | None) -> None:
        """See :class:`~render.plugin_server.engine.Engine`."""
        self._inner.load_session_preset(slot, preset)

    def push(
        self,
        hop: np.ndarray,
        parameters: np.ndarray,
        events: list[tuple[int, bytes]],
        wait: bool,
        changes: Sequence[Change] = (),
    ) -> np.ndarray:
        """See :class:`~render.plugin_server.engine.Engine`."""
        clean, _ = sanitize(hop)
        values = in_range(parameters)
        self._set(values, changes)
        inside = values.copy()
        inside[AFTER] = INITIAL[AFTER]
        self._values.append((self._inner_sample(self._position), inside))
        self._events += [(self._inner_sample(self._position + offset), message) for offset, message in events]
        self._fed = np.concatenate([self._fed, self._resampled_input(clean)], axis=1)
        due = (self._position + hop.shape[1]) * self._inner.rate_hz // self.rate_hz - self._timing.lag_samples
        while self._played + self._inner.hop_samples <= due:
            self._play(wait)
        return self._output(clean)

    def _inner_sample(self, sample: int) -> int:
        """Return the engine's sample nearest to a sample of the host."""
        return (2 * sample * self._inner.rate_hz + self.rate_hz) // (2 * self.rate_hz)

    def _set(self, values: np.ndarray, changes: Sequence[Change]) -> None:
        late = self._timing.latency_samples - self._timing.lead_samples  # mix and gain act this much later
        first = self._position + late if self._position else 0  # at first from the very start
        moved = [(first, control, value) for control, value in self._changed.update(values)]
        moved += [(self._position + late + at, control, value) for at, control, value in self._changed.within(changes)]
        for at, control, value in moved:
            if control == "mix":
                self._mixing.add(at, partial(self._mix.select, value, at_once=at == 0))
            else:
                self._effects.set_control(control, value, at)

    def _resampled_input(self, hop: np.ndarray) -> np.ndarray:
        if self._has_input:
            return self._up.push(hop)
        ends = (at * self._inner.rate_hz // self.rate_hz for at in (self._position, self._position + hop.shape[1]))
        return np.zeros((self.channels, -next(ends) + next(ends)), np.float32)

    def _play(self, wait: bool) -> None:
        """Process one hop of the inner engine."""
        begin, size = self._played, self._inner.hop_samples
        while len(self._values) > 1 and self._values[1][0] <= begin:
            self._values.pop(0)
        now = [(at - begin, message) for at, message in self._events if at < begin + size]
        self._events = self._events[len(now) :]
        output = self._inner.push(self._fed[:, :size], self._values[0][1], now, wait)
        self._fed, self._played = self._fed[:, size:], begin + size
        self._ready = np.concatenate([self._ready, self._down.push(self._delay.push(output))], axis=1)

    def _output(self, clean: np.ndarray) -> np.ndarray:
        count, dry = clean.shape[1], self._dry.push(clean)
        if self._ready.shape[1] < count:
            raise RenderError(f"{self.rate_hz} Hz: the resamplers are later than computed")
        out, self._ready = self._ready[:, :count].copy(), self._ready[:, count:]
        start = self._position - self._timing.lead_samples
        self._position += count
        first = min(count, max(0, -start))  # silence before the engine's own time begins
        if first < count:
            out[:, first:] = self._effects.push(
                self._mixed(out[:, first:], dry[:, first:], start + first), start + first
            )
        return out

    def _mixed(self, wet: np.ndarray, dry: np.ndarray, start: int) -> np.ndarray:
        mixed = np.empty_like(wet)
        for piece in self._mixing.pieces(start, wet.shape[1]):
            mix = self._mix.advance(piece.stop - piece.start)
            mixed[:, piece] = (1 - mix) * dry[:, piece] + mix * wet[:, piece]
        return mixed

    def close(self) -> None:
        """See :class:`~render.plugin_server.engine.Engine`."""
        self._inner.close()
