"""Loudness of a file from its tenths of a second: what the meter heard, gated.

The filters, windows and true peaks are libebur128's; the gating (ITU-R BS.1770-4, EBU Tech 3342) is done here,
so that a change of a few seconds asks for those seconds only to be heard again.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

STEPS_PER_SECOND = 10
BLOCK_STEPS, SHORT_TERM_STEPS = 4, 30
"""A gating block is 400 ms, a short-term window 3 s; of these the range takes one a second."""

ABSOLUTE_GATE_LUFS, RELATIVE_GATE_LU, RANGE_GATE_LU = -70.0, -10.0, -20.0
LOW_SHARE, HIGH_SHARE = 0.10, 0.95


@dataclass(frozen=True)
class Loudness:
    """What was measured; ``None`` where there is nothing to measure (silence, or too short)."""

    integrated_lufs: float | None
    range_lu: float | None
    true_peak_dbtp: float | None
    max_momentary_lufs: float | None
    max_short_term_lufs: float | None

    def as_fields(self) -> dict[str, float | None]:
        """For the report, two decimals."""
        return {name: None if value is None else round(value, 2) for name, value in asdict(self).items()}


@dataclass
class LoudnessSteps:
    """One entry for each tenth of a second, the last of which may be shorter; silence is −∞ LUFS.

    Attributes:
        momentary, short_term: LUFS of the 400 ms and the 3 s that end with it.
        loudest: the highest momentary LUFS within it.
        true_peak: linear, 1 being full scale; of what was interpolated.
        peak_bound: what the true peak of the rest of it cannot exceed; no more than the highest of ``true_peak``.
        whole: how many of them are full tenths of a second.
    """

    momentary: np.ndarray
    short_term: np.ndarray
    loudest: np.ndarray
    true_peak: np.ndarray
    peak_bound: np.ndarray
    whole: int

    def loudness(self) -> Loudness:
        """Gate it."""
        integrated = _integrated(self.momentary[BLOCK_STEPS - 1 : self.whole])
        peak = float(self.true_peak.max(initial=0.0))
        return Loudness(
            integrated_lufs=integrated,
            range_lu=None if integrated is None else _range(self.short_term[: self.whole]),
            true_peak_dbtp=20 * math.log10(peak) if peak > 0 else None,
            max_momentary_lufs=_finite(self.loudest.max(initial=-math.inf)),
            max_short_term_lufs=_finite(self.short_term.max(initial=-math.inf)),
        )


def _power(lufs: np.ndarray) -> np.ndarray:
    return 10 ** (lufs / 10)


def _above(lufs: np.ndarray, below_mean_lu: float) -> np.ndarray:
    """What passes the absolute gate, and then the gate relative to the mean of that."""
    heard = lufs[lufs >= ABSOLUTE_GATE_LUFS]
    return heard[_power(heard) >= _power(heard).mean() * 10 ** (below_mean_lu / 10)] if heard.size else heard


def _integrated(blocks: np.ndarray) -> float | None:
    """BS.1770-4, annex 1."""
    heard = _above(blocks, RELATIVE_GATE_LU)
    return float(10 * np.log10(_power(heard).mean())) if heard.size else None


def _range(short_term: np.ndarray) -> float:
    """Tech 3342: from the tenth to the ninety-fifth hundredth of the short-term loudness, one value a second."""
    heard = np.sort(_above(short_term[SHORT_TERM_STEPS - 1 :: STEPS_PER_SECOND], RANGE_GATE_LU))
    if not heard.size:
        return 0.0
    low, high = (heard[int((heard.size - 1) * share + 0.5)] for share in (LOW_SHARE, HIGH_SHARE))
    return float(high - low)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
