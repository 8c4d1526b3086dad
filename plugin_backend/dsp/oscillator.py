"""Count the phase of an oscillator whose rate may glide. It is exact to the sample for any duration and any blocks."""

from __future__ import annotations

import numpy as np

from plugin_backend.dsp.crossfade import FADE_S, SmoothedValue

GRAIN = 2.0**48
"""While the rate glides, the phase step of a sample is a whole number of these parts of a cycle, so sums are exact."""


class Oscillator:
    """Counts cycles.

    While the rate is constant, the phase is the start phase plus ``samples * rate / sample_rate``, never a running sum.

    Args:
        sample_rate: in Hz.
        rate_hz: the first rate.
    """

    def __init__(self, sample_rate: int, rate_hz: float):
        self._sample_rate = sample_rate
        self._rate = SmoothedValue(rate_hz, round(FADE_S * sample_rate))
        self.restart()

    def restart(self) -> None:
        """Begin the first cycle at the next sample."""
        self._cycles, self._phase, self._since = 0.0, 0.0, 0

    def set(self, rate_hz: float, at_once: bool) -> None:
        """Glide to another rate, or change to it at once."""
        self._rate.select(rate_hz, at_once)

    def advance(self, count: int) -> np.ndarray:
        """Return the number of cycles at each of the next samples, ``[count]``."""
        cycles = np.empty(count)
        for here, before, now, weight in self._rate.parts(count):
            size = here.stop - here.start
            if before is None:
                phase = self._phase + (self._since + np.arange(size)) * float(now) / self._sample_rate
                self._since += size
            else:
                self._settle(float(before))
                rate = before + weight * (now - before)
                steps = np.cumsum(np.round(rate / self._sample_rate * GRAIN) / GRAIN)
                phase = self._phase + np.concatenate([[0.0], steps[:-1]])
                self._phase += steps[-1]
            cycles[here] = self._cycles + phase
        return cycles

    def _settle(self, rate_hz: float) -> None:
        """Count whole cycles separately, so that sums stay exact."""
        phase = self._phase + self._since * rate_hz / self._sample_rate
        whole = np.floor(phase)
        self._cycles, self._phase = self._cycles + whole, np.round((phase - whole) * GRAIN) / GRAIN
        self._since = 0

    def state(self) -> dict[str, np.ndarray]:
        """Return the state as plain arrays."""
        own = {"place": np.array([self._cycles, self._phase, self._since], np.float64)}
        return own | {f"rate.{name}": value for name, value in self._rate.state().items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore a saved state."""
        self._cycles, self._phase, since = state["place"].tolist()
        self._since = int(since)
        self._rate.restore({name.removeprefix("rate."): state[name] for name in state if name.startswith("rate.")})
