"""The ceiling of an output: a limiter of true peaks that knows the next 1.3 ms."""

from __future__ import annotations

import numpy as np

from plugin_backend.dsp.true_peak import NEAR, TAPS, peaks_between
from plugin_backend.effects.parameters import LIMITER
from plugin_backend.effects.stage import Stage

AHEAD_S = 64 / 48_000
"""The output is this much later than the input."""

RECOVERY_S = 0.2
"""Time in which the gain returns from 0 to 1, in a straight line."""

MARGIN_DB = 0.3
"""The gain keeps peaks this far below the ceiling, because other meters interpolate otherwise."""

ONE = 2**30
"""The gain 1. Gains are whole numbers, so that sums and minima are exact: block boundaries change no bit."""

AFTER = TAPS // 2
"""Samples after a sample that are needed to know the true peaks around it."""


def limiter_latency(sample_rate: int) -> int:
    """Return the latency of a limiter in samples."""
    return round(AHEAD_S * sample_rate)


class Limiter(Stage):
    """Keeps the true peaks of all channels below a ceiling, by one gain for all.

    The gain is the mean of the lowest gains that are needed within :data:`AHEAD_S`, so it falls before a peak, without
    an edge, and has fallen enough at the peak. While no peak is near the ceiling, and when it is switched off, samples
    pass unchanged, to the bit.

    Args:
        sample_rate: in Hz.
        channels: of every block.

    Attributes:
        gain_db: the lowest gain in the last block.
    """

    parameters = LIMITER

    def __init__(self, sample_rate: int, channels: int):
        if channels < 1 or limiter_latency(sample_rate) <= AFTER:
            raise ValueError(f"{channels} channels at {sample_rate} Hz; at least 1 and 8000 Hz are allowed")
        self.sample_rate, self.channels, self.latency_samples = sample_rate, channels, limiter_latency(sample_rate)
        self._window = self.latency_samples - AFTER + 1
        self._step = -(-ONE // round(RECOVERY_S * sample_rate))
        self.values = {name: row.default for name, row in LIMITER.items()}
        self.repaired_samples, self.gain_db = 0, 0.0
        self._past = np.zeros((channels, self.latency_samples), np.float32)
        self._needed, self._held = np.full((2, self._window - 1), ONE, np.int64)
        self._is_resting = True

    def set(self, name: str, value: float) -> None:
        """Set one of ``parameters``, for the next samples that come in.

        Raises:
            ProjectError: the value is out of range.
        """
        self.values[name] = self.parameters[name].validate(value)

    def push(self, block: np.ndarray) -> np.ndarray:
        """Process ``[channels, n]``. Return the same shape, later by ``latency_samples``.

        Raises:
            ValueError: the number of channels is wrong.
        """
        block = self._check_block(block)
        count, self.gain_db = block.shape[1], 0.0
        joined = np.concatenate([self._past, block], axis=1)
        self._past, output = joined[:, count:].copy(), joined[:, :count]
        ceiling = 10 ** ((self.values["ceiling_dbtp"] - MARGIN_DB) / 20) if self.values["ceiling_on"] >= 0.5 else np.inf
        recent = joined[:, self.latency_samples - TAPS :]
        if not count or (self._is_resting and np.abs(recent).max() <= NEAR * ceiling):
            return output
        needed = self._needed_gains(recent, ceiling)
        if self._is_resting and (needed == ONE).all():
            return output
        gains = self._gains(needed)
        self.gain_db = float(20 * np.log10(gains.min()))
        return np.asarray(output * gains, np.float32)

    def _needed_gains(self, sound: np.ndarray, ceiling: float) -> np.ndarray:
        """Return the highest allowed gain of each sample between the first and the last ``AFTER``, ``[n]``.

        Args:
            sound: ``[channels, TAPS + n]``.
            ceiling: the highest allowed peak.
        """
        count = sound.shape[1] - TAPS
        needed = np.full(count, ONE, np.int64)
        loud = np.flatnonzero(np.abs(sound).max(axis=0) > NEAR * ceiling)
        if not len(loud):
            return needed
        first, last = max(0, loud[0] - TAPS), min(count, loud[-1] + 1)  # no others can be near a loud sample
        part = sound[:, first : last + TAPS]
        between = peaks_between(part).max(axis=0)
        samples = np.abs(part[:, AFTER : part.shape[1] - AFTER]).max(axis=0)
        peaks = np.maximum(np.maximum(samples, ceiling), np.maximum(between[:-1], between[1:]))
        needed[first:last] = np.floor(ceiling / peaks * ONE)
        return needed

    def _gains(self, needed: np.ndarray) -> np.ndarray:
        """Return the gains of the samples that come out, ``[n]``, from those that the samples which came in need."""
        count, window = len(needed), self._window
        joined = np.concatenate([self._needed, needed])
        lowest = _lowest(joined, window)
        steps = self._step * np.arange(count + 1)
        recovering = np.minimum.accumulate(np.concatenate([self._held[-1:], lowest]) - steps) + steps
        held = np.concatenate([self._held, recovering[1:]])
        sums = np.cumsum(np.concatenate([[0], held]))
        self._needed, self._held = joined[count:], held[count:]
        self._is_resting = bool((self._needed == ONE).all() and (self._held == ONE).all())
        return (sums[window:] - sums[:-window]) / (window * ONE)

    def state(self) -> dict[str, np.ndarray]:
        """Return the state as plain arrays by name."""
        arrays = {"made_by": np.array([self.sample_rate, self.channels]), "values": np.array([*self.values.values()])}
        arrays |= {"past": self._past, "needed": self._needed, "held": self._held}
        return arrays | {"repaired": np.array(self.repaired_samples), "resting": np.array(self._is_resting)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from the state of another limiter. This one must be new, and made with the same arguments.

        Raises:
            ValueError: the state is of a limiter with other arguments.
        """
        if state["made_by"].tolist() != [self.sample_rate, self.channels]:
            raise ValueError("this state is of a limiter with another sample rate or number of channels")
        self.values = dict(zip(LIMITER, state["values"].tolist(), strict=True))
        self._past, self._needed, self._held = state["past"], state["needed"], state["held"]
        self.repaired_samples, self._is_resting = int(state["repaired"]), bool(state["resting"])


def _lowest(values: np.ndarray, window: int) -> np.ndarray:
    """Return the lowest of every ``window`` neighbours: as many as there are windows."""
    size = 1
    while 2 * size <= window:
        values, size = np.minimum(values[:-size], values[size:]), 2 * size
    rest = window - size
    return np.minimum(values[: len(values) - rest], values[rest:])
