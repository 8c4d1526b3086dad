"""What each effect's parameters may be, in two sets.

``published`` are the ranges of the Foley-VAE author's REAPER script, ``musical`` are ours: milder, so
that the result still sounds like a recording. Where the published text leaves a scale open we say how
we read it: an EQ gain of 0.5 is unity (so 0..0.75 is silence to +3.5 dB, held at −24 dB), a
normalised frequency of 1 is 20 kHz.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Range:
    """Values from ``low`` to ``high``, both allowed; evenly, evenly in octaves, or whole numbers."""

    low: float
    high: float
    scale: Literal["even", "octaves", "whole"] = "even"


UNIT = Range(0.0, 1.0)
BANDS = 4
EQ_CENTRE_HZ = Range(50, 7_500, "octaves")

RANGES: dict[str, dict[str, dict[str, Range]]] = {
    "published": {
        "chorus": {
            "length_ms": Range(0, 200),
            "voices": Range(0, 8, "whole"),
            "rate_hz": Range(0, 16),
            "wet_db": Range(-30, 12),
        },
        "distortion": {"gain_db": Range(10, 40), "hardness": Range(1, 10)},
        "eq": {"centre_hz": EQ_CENTRE_HZ, "gain": Range(0, 0.75), "bandwidth_octaves": UNIT},
        "reverb": {
            "wet": Range(0, 3),
            "room": UNIT,
            "damping": UNIT,
            "low_pass": UNIT,
            "high_pass_of_low_pass": UNIT,
        },
        "flanger": {"length_ms": Range(0, 200), "feedback_db": Range(-120, 6), "rate_hz": Range(0, 100)},
        "pitch": {"semitones": Range(-4, 4)},
    },
    "musical": {
        "chorus": {
            "length_ms": Range(5, 40),
            "voices": Range(1, 8, "whole"),
            "rate_hz": Range(0.1, 3, "octaves"),
            "wet_db": Range(-18, 0),
        },
        "distortion": {"gain_db": Range(5, 30), "hardness": Range(1, 4)},
        "eq": {"centre_hz": EQ_CENTRE_HZ, "gain_db": Range(-12, 12), "q": Range(0.5, 5, "octaves")},
        "reverb": {
            "wet": Range(0.05, 0.6),
            "room": Range(0.1, 0.9),
            "damping": Range(0.1, 0.9),
            "low_pass_hz": Range(2_000, 16_000, "octaves"),
            "high_pass_hz": Range(20, 400, "octaves"),
        },
        "flanger": {
            "length_ms": Range(0.5, 10),
            "feedback_db": Range(-24, -3),
            "rate_hz": Range(0.05, 2, "octaves"),
        },
        "pitch": {"semitones": Range(-4, 4)},
    },
}

CHANCE = {"pitch": 0.5, "eq": 0.35, "distortion": 0.1, "chorus": 0.1, "flanger": 0.1, "reverb": 0.25}
"""How often each effect is in a chain; the order here is the order of the chain."""
