"""Loudness of a file, gated from the meter's value for every tenth of a second.

libebur128 computes filters, windows and true peaks. The gating (ITU-R BS.1770-4, EBU Tech 3342) is done here. So when
a few seconds of a file change, only those seconds must be measured again.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

STEPS_PER_SECOND = 10
BLOCK_STEPS, SHORT_TERM_STEPS = 4, 30
"""Steps in a gating block (400 ms) and in a short-term window (3 s). The loudness range uses one window per second."""

ABSOLUTE_GATE_LUFS, RELATIVE_GATE_LU, RANGE_GATE_LU = -70.0, -10.0, -20.0
LOW_SHARE, HIGH_SHARE = 0.10, 0.95


@dataclass(frozen=True)
class Loudness:
    """Loudness values. A value is ``None`` if it cannot be measured (silence, or too short)."""

    integrated_lufs: float | None
    range_lu: float | None
    true_peak_dbtp: float | None
    max_momentary_lufs: float | None
    max_short_term_lufs: float | None

    def as_fields(self) -> dict[str, float | None]:
        """Return the values for the report, rounded to two decimals."""
        return {name: None if value is None else round(value, 2) for name, value in asdict(self).items()}


@dataclass
class LoudnessSteps:
    """Loudness step by step: one entry per tenth of a second; the last may be shorter. Silence is −∞ LUFS.

    Attributes:
        momentary, short_term: LUFS of the 400 ms and of the 3 s that end with the step.
        loudest: highest momentary LUFS within the step.
        true_peak: linear (1 is full scale), of the samples that were interpolated.
        peak_bound: upper bound of the true peak of the samples that were not. It does not exceed the highest
            ``true_peak`` of the file.
        whole: number of steps that are a full tenth of a second.
    """

    momentary: np.ndarray
    short_term: np.ndarray
    loudest: np.ndarray
    true_peak: np.ndarray
    peak_bound: np.ndarray
    whole: int

    def loudness(self) -> Loudness:
        """Return the gated loudness."""
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
    """Return the values that pass the absolute gate, and then the gate relative to the mean of those."""
    gated = lufs[lufs >= ABSOLUTE_GATE_LUFS]
    return gated[_power(gated) >= _power(gated).mean() * 10 ** (below_mean_lu / 10)] if gated.size else gated


def _integrated(blocks: np.ndarray) -> float | None:
    """Return the integrated loudness (BS.1770-4, annex 1)."""
    gated = _above(blocks, RELATIVE_GATE_LU)
    return float(10 * np.log10(_power(gated).mean())) if gated.size else None


def _range(short_term: np.ndarray) -> float:
    """Return the loudness range (Tech 3342): from the 10th to the 95th percentile of the short-term loudness."""
    gated = np.sort(_above(short_term[SHORT_TERM_STEPS - 1 :: STEPS_PER_SECOND], RANGE_GATE_LU))
    if not gated.size:
        return 0.0
    low, high = (gated[int((gated.size - 1) * share + 0.5)] for share in (LOW_SHARE, HIGH_SHARE))
    return float(high - low)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
