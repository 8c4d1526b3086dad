"""When the steps of a walk land, how hard, and with which part of the foot. Whole numbers only, so always the same."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from typing import Literal

import numpy as np

from plugin_backend.errors import CueSheetError
from render.cues.walks.exact_noise import ONE, log_normal_factors, long_range_noise, random_words, white_noise
from render.cues.walks.gaits import Bursts, Gait
from render.project.timecode import round_half_up

TICKS = 1 << 12
"""Parts of a sample in which intervals are added up, before each step is rounded once."""

SHORTER, SOFTER = 150, 200
"""How much shorter and softer the very first and last steps are, in thousandths."""

UPHILL = {"scuff": 350, "toe": 150}
DOWNHILL = {"heel": 500}
"""Share of the steps, in thousandths, that become these parts at a slope of 1 and −1."""

UPHILL_LEVELS = (900, 1250)
DOWNHILL_LEVELS = (1200, 1100)
"""Velocity and effort at a slope of 1 and −1, in thousandths of those on level ground."""


@dataclass(frozen=True)
class Pace:
    """How one walk goes.

    Attributes:
        gait: its gait.
        cadence_spm: steps a minute.
        key: what its random numbers follow from.
        first_foot: the foot of its first step.
        asymmetry: how much later and softer the left foot lands, in thousandths of a step.
        start_steps, stop_steps: how many steps it takes to get going, and to stop.
        slope: −1000 to 1000.
    """

    gait: Gait
    cadence_spm: Fraction
    key: bytes
    first_foot: Literal["L", "R"]
    asymmetry: int
    start_steps: int
    stop_steps: int
    slope: int

    def is_left(self, steps: int) -> np.ndarray:
        """Return for each step whether it is of the left foot, as 0 or 1."""
        return (np.arange(steps) + (self.first_foot == "L")) % 2


def step_positions(pace: Pace, length_samples: int, rate_hz: int, most: int) -> np.ndarray:
    """Return where the steps land.

    The first step is at 0. A longer walk begins with the same steps, up to where the shorter one stops.

    Args:
        pace: how the walk goes.
        length_samples: the walk's length; every step lands before it.
        rate_hz: sample rate.
        most: the largest number of steps.

    Returns:
        (steps,), int64, samples from the walk's start, rising.

    Raises:
        CueSheetError: more than ``most`` steps.
    """
    usual_ticks = round_half_up(60 * rate_hz * TICKS / pace.cadence_spm)
    end_ticks = length_samples * TICKS
    expected = end_ticks // usual_ticks
    for doublings in count():
        steps = min((expected + 64) << doublings, most) + 1
        intervals = _intervals(pace, usual_ticks, steps, rate_hz)
        times = np.concatenate([[0], np.cumsum(intervals)])
        landed = int(np.searchsorted(times, end_ticks))
        if min(landed, steps) > most:
            raise CueSheetError(f"more than {most} steps, and a sheet has at most 100000 cues: make it shorter")
        if landed <= steps:
            break
    intervals = intervals[: landed - 1]
    stop = min(pace.stop_steps, landed - 1)
    if stop:
        intervals[-stop:] = intervals[-stop:] * _shaped(stop, SHORTER)[::-1] // 1000
    times = np.concatenate([[0], np.cumsum(intervals)])
    return (2 * times + TICKS) // (2 * TICKS)


def _intervals(pace: Pace, usual_ticks: int, steps: int, rate_hz: int) -> np.ndarray:
    """Return the intervals after each of ``steps`` steps, in ticks, before the walk stops."""
    gait = pace.gait
    noise = long_range_noise(pace.key + b"time", steps, gait.dfa_exponent)
    intervals = log_normal_factors(noise, gait.variation) * usual_ticks // ONE
    lands_left = 1 - pace.is_left(steps)  # the step that ends the interval
    intervals = intervals * (1000 + pace.asymmetry * (2 * lands_left - 1)) // 1000
    start = min(pace.start_steps, steps)
    intervals[:start] = intervals[:start] * _shaped(start, SHORTER) // 1000
    if gait.bursts is not None:
        lasts = np.flatnonzero(np.diff(burst_places(gait.bursts, pace.key, steps + 1)) < 0)
        pauses = log_normal_factors(white_noise(pace.key + b"pause", len(lasts)), gait.bursts.pause_variation)
        intervals[lasts] += pauses * (gait.bursts.pause_ms * rate_hz * TICKS // 1000) // ONE
    return np.maximum(intervals, TICKS)  # no two steps on one sample


def burst_places(bursts: Bursts, key: bytes, steps: int) -> np.ndarray:
    """Return each step's place in its burst, from 0."""
    words = random_words(key + b"burst", steps)
    lengths = bursts.shortest + words * (bursts.longest - bursts.shortest + 1) // ONE
    begins = np.concatenate([[0], np.cumsum(lengths)])
    begins = begins[begins < steps]
    return np.arange(steps) - np.repeat(begins, np.diff(np.append(begins, steps)))


def _shaped(steps: int, least: int) -> np.ndarray:
    """Return factors in thousandths that rise from ``1000 - least`` toward 1000."""
    return 1000 - least * np.arange(steps, 0, -1) // max(1, steps)


def step_levels(pace: Pace, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the factors of velocity and of effort of each step of a walk.

    Both follow one long-range correlated series: a hard step is louder. A slope changes them in different ways.

    Returns:
        Two of (steps,), int64, in thousandths.
    """
    gait = pace.gait
    noise = long_range_noise(pace.key + b"level", steps, gait.dfa_exponent)
    hard = log_normal_factors(noise, gait.level_variation) * 1000 // ONE
    hard = hard * (1000 - pace.asymmetry * (2 * pace.is_left(steps) - 1)) // 1000
    if gait.bursts is not None:
        accents = np.array(gait.bursts.accents)
        hard = hard * accents[np.minimum(burst_places(gait.bursts, pace.key, steps), len(accents) - 1)] // 1000
    start, stop = min(pace.start_steps, steps), min(pace.stop_steps, steps)
    hard[:start] = hard[:start] * _shaped(start, SOFTER) // 1000
    if stop:
        hard[-stop:] = hard[-stop:] * _shaped(stop, SOFTER)[::-1] // 1000
    steep = UPHILL_LEVELS if pace.slope > 0 else DOWNHILL_LEVELS
    velocity, effort = (1000 + (at_one - 1000) * abs(pace.slope) // 1000 for at_one in steep)
    return hard * velocity // 1000, hard * effort // 1000


def step_parts(pace: Pace, steps: int) -> list[str | None]:
    """Return the part of the foot of each step; None for hands."""
    gait = pace.gait
    if not gait.on_feet:
        return [None] * steps
    steep = UPHILL if pace.slope > 0 else DOWNHILL
    added = {part: share * abs(pace.slope) // 1000 for part, share in steep.items()}
    rest = 1000 - sum(added.values())
    names = list(dict.fromkeys([*gait.parts, *added]))
    shares = [gait.parts.get(name, 0) * rest // 1000 + added.get(name, 0) for name in names]
    shares[0] += 1000 - sum(shares)
    draws = random_words(pace.key + b"part", steps) * 1000 // ONE
    return [names[index] for index in np.searchsorted(np.cumsum(shares), draws, side="right")]
