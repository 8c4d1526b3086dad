"""Named delivery specifications, and what a measurement makes of them. Nothing is ever changed to meet one."""

from __future__ import annotations

from dataclasses import dataclass

from render.wav.r128_gating import Loudness

SPEC_NAMES = ("r128", "a85", "streaming-me")


@dataclass(frozen=True)
class Spec:
    """A specification's numbers.

    Attributes:
        source: the document they are from.
        target_lufs, tolerance_lu: integrated loudness of a full mix; ``None`` where the document sets none.
        true_peak_dbtp: the highest true peak.
    """

    source: str
    target_lufs: float | None
    tolerance_lu: float | None
    true_peak_dbtp: float


SPECS = {
    "r128": Spec("EBU R 128: -23.0 LUFS ±0.5 LU, at most -1 dBTP", -23.0, 0.5, -1.0),
    "a85": Spec("ATSC A/85:2013: -24 LKFS ±2 dB, at most -2 dBTP", -24.0, 2.0, -2.0),
    "streaming-me": Spec(
        "Netflix Sound Mix Specifications: at most -2 dBTP; no loudness is required of an M&E",
        None,
        None,
        -2.0,
    ),
}


@dataclass(frozen=True)
class CheckLine:
    """One pass/warn line: what was measured, its value (``None``: nothing to measure), what is allowed."""

    what: str
    measured: float | None
    allowed: str
    verdict: str


def check_loudness(
    spec: Spec | None, loudness: Loudness, outside_samples: int, is_sum: bool, held: bool = False
) -> list[CheckLine]:
    """The lines of one file.

    True peak and full scale hold for every file; loudness only for the sum, as a single stem has no target.
    Silence passes a limit and misses a target. Samples above full scale clip, but where they are ``held``, in float.
    """
    what = "samples above full scale" if held else "clipped samples"
    lines = [_line(what, outside_samples, "0", outside_samples == 0)]
    if spec is None:
        return lines
    peak, limit = loudness.true_peak_dbtp, spec.true_peak_dbtp
    lines.append(_line("true peak dBTP", peak, f"at most {limit:g}", peak is None or peak <= limit))
    if is_sum and spec.target_lufs is not None:
        value, target, tolerance = loudness.integrated_lufs, spec.target_lufs, spec.tolerance_lu
        met = value is not None and abs(value - target) <= tolerance
        lines.append(_line("integrated LUFS", value, f"{target:g} ±{tolerance:g}", met))
    return lines


def _line(what: str, measured: float | None, allowed: str, met: bool) -> CheckLine:
    rounded = None if measured is None else round(measured, 2)
    return CheckLine(what, rounded, allowed, "pass" if met else "warn")
