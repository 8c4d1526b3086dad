"""Augmentation: draw chains of effects and apply them with pedalboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import soxr

from plugin_backend.errors import MissingExtraError


@dataclass(frozen=True)
class Range:
    """Values from ``low`` to ``high``, both included: evenly, evenly in octaves, or whole numbers."""

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
"""Probability of each effect in a chain. The chain has the order of this table."""


@dataclass(frozen=True)
class Effect:
    """One effect and its values, named as in the range table. An EQ has a list for each parameter."""

    kind: str
    values: dict[str, float | list[float]] = field(default_factory=dict)


def draw_value(rng: np.random.Generator, span: Range) -> float:
    """Draw one value of ``span``."""
    if span.scale == "whole":
        return float(rng.integers(round(span.low), round(span.high) + 1))
    if span.scale == "octaves":
        return float(2 ** rng.uniform(np.log2(span.low), np.log2(span.high)))
    return float(rng.uniform(span.low, span.high))


def draw_effect(rng: np.random.Generator, range_set: str, kind: str) -> Effect:
    """Draw one effect of ``kind`` with values from ``range_set`` (``published`` or ``musical``).

    Args:
        rng: the source of random numbers.
        range_set: a key of ``RANGES``.
        kind: a key of that set.
    """
    spans = RANGES[range_set][kind].items()
    if kind == "eq":
        return Effect(kind, {name: [draw_value(rng, span) for _ in range(BANDS)] for name, span in spans})
    return Effect(kind, {name: draw_value(rng, span) for name, span in spans})


def draw_chain(rng: np.random.Generator, range_set: str) -> tuple[Effect, ...]:
    """Draw a chain of effects in processing order. Each is present with its own probability; it may be empty."""
    return tuple(draw_effect(rng, range_set, kind) for kind, chance in CHANCE.items() if rng.random() < chance)


LONGEST_DELAY_MS = 99.0
"""The longest delay of pedalboard's chorus. Longer published lengths are limited to it."""

LOUDEST_FEEDBACK_DB, LEAST_EQ_DB, LEAST_BANDWIDTH_OCTAVES, FULL_SCALE_HZ = -0.5, -24.0, 0.05, 20_000.0
FREQUENCY_LIMITS_HZ = (20.0, 20_000.0)


def gain(level_db: float) -> float:
    """Return the linear amplitude of a level in dB."""
    return 10 ** (level_db / 20)


def _pedals() -> Any:
    try:
        import pedalboard
    except ImportError as problem:
        raise MissingExtraError("augmentation", "train") from problem
    return pedalboard


def chorus(audio: np.ndarray, rate: int, length_ms: float, voices: float, rate_hz: float, wet_db: float) -> np.ndarray:
    """Add ``voices`` modulated delays spread over ``length_ms`` to the dry sound; 0 voices change nothing.

    Args:
        audio: ``[samples]``.
        rate: in Hz.
        length_ms: the longest delay.
        voices: number of delays.
        rate_hz: of the modulation.
        wet_db: level of the delays.
    """
    wet = np.zeros_like(audio)
    for voice in range(round(voices)):
        delay_ms = float(np.clip(length_ms * (voice + 1) / voices, 1, LONGEST_DELAY_MS))
        chorus_voice = _pedals().Chorus(rate_hz * (1 + 0.1 * voice), 0.25, delay_ms, 0.0, 1.0)
        wet += chorus_voice(audio, rate) / voices
    return audio + gain(wet_db) * wet


def distortion(audio: np.ndarray, rate: int, gain_db: float, hardness: float) -> np.ndarray:
    """Apply ``x / (1 + |x|^h)^(1/h)`` after the gain, then restore the original RMS.

    The family of Yeh, Abel & Smith (2007, DAFx) for diode clippers: 1 is soft, 10 close to a hard clip.

    Args:
        audio: ``[samples]``.
        rate: in Hz.
        gain_db: before the curve.
        hardness: 1 to 10.
    """
    driven = audio.astype(np.float64) * gain(gain_db)
    shaped = driven / (1 + np.abs(driven) ** hardness) ** (1 / hardness)
    loudness, shaped_loudness = np.sqrt(np.mean(audio.astype(np.float64) ** 2)), np.sqrt(np.mean(shaped**2))
    return (shaped * (loudness / shaped_loudness if shaped_loudness > 0 else 1.0)).astype(np.float32)


def eq(
    audio: np.ndarray,
    rate: int,
    centre_hz: list[float],
    gain_db: list[float] | None = None,
    q: list[float] | None = None,
    **published: list[float],
) -> np.ndarray:
    """Apply peak filters in series. The published form has linear gains (0.5 is unity) and bandwidths in octaves.

    Q of a bandwidth of b octaves: √2^b / (2^b − 1) (Bristow-Johnson, Audio EQ Cookbook, for low centres).

    Args:
        audio: ``[samples]``.
        rate: in Hz.
        centre_hz: of each filter.
        gain_db: of each filter.
        q: of each filter.
        published: ``gain`` and ``bandwidth_octaves`` in place of ``gain_db`` and ``q``.
    """
    if gain_db is None or q is None:
        gain_db = [max(LEAST_EQ_DB, 20 * np.log10(max(linear, 1e-6) / 0.5)) for linear in published["gain"]]
        octaves = [max(width, LEAST_BANDWIDTH_OCTAVES) for width in published["bandwidth_octaves"]]
        q = [2 ** (width / 2) / (2**width - 1) for width in octaves]
    pedals = _pedals()
    bands = [pedals.PeakFilter(*band) for band in zip(centre_hz, map(float, gain_db), q, strict=True)]
    return pedals.Pedalboard(bands)(audio, rate)


def reverb(audio: np.ndarray, rate: int, wet: float, room: float, damping: float, **edges: float) -> np.ndarray:
    """Add a room's reverberation, between a high-pass and a low-pass, to the dry sound.

    Args:
        audio: ``[samples]``.
        rate: in Hz.
        wet: linear level.
        room: size, 0 to 1.
        damping: 0 to 1.
        edges: ``low_pass_hz`` and ``high_pass_hz``, or their published forms.
    """
    if "low_pass" in edges:
        edges["low_pass_hz"] = edges["low_pass"] * FULL_SCALE_HZ
        edges["high_pass_hz"] = edges["low_pass_hz"] * edges["high_pass_of_low_pass"]
    low_pass_hz, high_pass_hz = (
        float(np.clip(edges[k], *FREQUENCY_LIMITS_HZ)) for k in ("low_pass_hz", "high_pass_hz")
    )
    pedals = _pedals()
    tail = pedals.Pedalboard(
        [
            pedals.Reverb(room_size=room, damping=damping, wet_level=1.0, dry_level=0.0),
            pedals.HighpassFilter(high_pass_hz),
            pedals.LowpassFilter(low_pass_hz),
        ]
    )
    return audio + wet * tail(audio, rate)


def flanger(audio: np.ndarray, rate: int, length_ms: float, feedback_db: float, rate_hz: float) -> np.ndarray:
    """Apply a swept short delay with feedback, half wet. Feedback stays below 0 dB, where it would grow without end.

    Args:
        audio: ``[samples]``.
        rate: in Hz.
        length_ms: of the delay.
        feedback_db: of the delay.
        rate_hz: of the modulation.
    """
    delay_ms = float(np.clip(length_ms, 1, LONGEST_DELAY_MS))
    feedback = gain(min(feedback_db, LOUDEST_FEEDBACK_DB))
    return _pedals().Chorus(rate_hz, 0.5, delay_ms, feedback, 0.5)(audio, rate)


def pitch(audio: np.ndarray, rate: int, semitones: float) -> np.ndarray:
    """Change pitch and length together, as a tape does.

    Args:
        audio: ``[samples]``.
        rate: in Hz.
        semitones: up, or down if negative.
    """
    return soxr.resample(audio, rate * 2 ** (semitones / 12), rate, quality="MQ").astype(np.float32)


EFFECTS: dict[str, Callable[..., np.ndarray]] = {
    "chorus": chorus,
    "distortion": distortion,
    "eq": eq,
    "reverb": reverb,
    "flanger": flanger,
    "pitch": pitch,
}


def apply_chain(chain: tuple[Effect, ...], audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Process the mono sound ``[samples]`` with the chain. Only pitch changes the length; the peak may change.

    Args:
        chain: the effects.
        audio: ``[samples]``.
        sample_rate: in Hz.

    Raises:
        MissingExtraError: the ``train`` extra (pedalboard) is not installed.
    """
    for effect in chain:
        audio = np.ascontiguousarray(EFFECTS[effect.kind](audio, sample_rate, **effect.values), np.float32)
    return audio
