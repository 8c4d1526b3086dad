"""How a figure walks, with exactly known contacts. It lands on the heel and rolls to the toe.

The sizes are those of a person of 1.7 m, in round numbers.
"""

from dataclasses import dataclass

import numpy as np

LEG_M, FOOT_M, HIP_WIDTH_M = 0.85, 0.25, 0.2
PARTS = ("shoulder", "wrist", "hip", "knee", "ankle", "heel", "toe")
NAMES = tuple(f"{side} {part}" for part in PARTS for side in ("left", "right"))
"""The order of a body's landmarks."""


@dataclass(frozen=True)
class Gait:
    """How it walks: speed in m/s, steps a second, share of a cycle on the ground, degrees of the foot as it leaves."""

    speed: float = 1.3
    cadence: float = 1.85
    stance: float = 0.62
    lift: float = 50.0


WALK, SLOW, BRISK = Gait(), Gait(0.7, 1.4, 0.66, 40), Gait(1.9, 2.25, 0.58, 55)
RUN = Gait(3.2, 2.8, 0.36, 70)


def contacts_of(gait, seconds):
    """Return (time in s, foot) of each contact."""
    count = int(seconds * gait.cadence) + 1
    return [((index + 0.4) / gait.cadence, "RL"[index % 2]) for index in range(count)]


def foot_at(time, foot, gait):
    """Return the heel and the toe ``[2, 2]`` (x forward, z up; in m) at a time."""
    cycle, first = 2 / gait.cadence, (0.4 if foot == "R" else 1.4) / gait.cadence
    number, phase = divmod((time - first) / cycle, 1)
    stride = gait.speed * cycle
    here = gait.speed * (first + number * cycle) + 0.2 * stride
    lift, strike = np.radians(gait.lift), np.radians(18)
    if phase < 0.1:  # the foot turns about its heel
        pitch = strike * (1 - phase / 0.1)
        return _foot(here, 0, pitch)
    off = gait.stance * 0.65
    if phase < off:
        return _foot(here, 0, 0)
    if phase < gait.stance:  # about its toe
        pitch = -lift * ((phase - off) / (gait.stance - off)) ** 1.5
        return _foot(here + FOOT_M - FOOT_M * np.cos(pitch), -FOOT_M * np.sin(pitch), pitch)
    swing = (phase - gait.stance) / (1 - gait.stance)
    begin, height = here + FOOT_M - FOOT_M * np.cos(lift), FOOT_M * np.sin(lift)
    way, length = here + stride - begin, (1 - gait.stance) * cycle
    x = begin + way * _hermite(swing, 0.8, 0.3)
    z = height * (1 - _hermite(swing, 0.0, 0.3 * length / height)) + 0.06 * np.sin(np.pi * swing) ** 2
    return _foot(x, z, -lift + (lift + strike) * _hermite(swing, 0.5, 0.1))


def _hermite(share, begin_slope, end_slope):
    """Return a cubic from 0 to 1 with these slopes at its ends."""
    return (
        (share**3 - 2 * share**2 + share) * begin_slope
        + (3 * share**2 - 2 * share**3)
        + (share**3 - share**2) * end_slope
    )


def _foot(x, z, pitch):
    return np.array([[x, z], [x + FOOT_M * np.cos(pitch), z + FOOT_M * np.sin(pitch)]])


def body_at(time, gait):
    """Return the 14 landmarks ``[14, 3]``: x forward, y to the left, z up; in m."""
    x, bob = gait.speed * time, 0.02 * np.cos(2 * np.pi * gait.cadence * time)
    marks = {}
    for side, foot, y in (("left", "L", HIP_WIDTH_M / 2), ("right", "R", -HIP_WIDTH_M / 2)):
        heel, toe = foot_at(time, foot, gait)
        along = (toe - heel) / FOOT_M
        ankle = heel + 0.04 * along + 0.08 * np.array([-along[1], along[0]])
        hip = np.array([x, LEG_M + bob])
        way = ankle - hip
        bend = np.sqrt(max(0.0, (LEG_M / 2) ** 2 - way @ way / 4))
        knee = hip + way / 2 + bend * np.array([-way[1], way[0]]) / np.hypot(*way)
        shoulder, wrist = np.array([x, 1.4 + bob]), np.array([x + 0.2 * np.sin(time * 5), 0.85])
        for name, place in (("heel", heel), ("toe", toe), ("ankle", ankle), ("knee", knee), ("hip", hip),
                            ("shoulder", shoulder), ("wrist", wrist)):  # fmt: skip
            marks[f"{side} {name}"] = (place[0], y * (2 if name in ("shoulder", "wrist") else 1), place[1])
    return np.array([marks[name] for name in NAMES])
