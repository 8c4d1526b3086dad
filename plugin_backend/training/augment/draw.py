"""Draw a chain of effects: numbers only, no sound."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from plugin_backend.training.augment.ranges import BANDS, CHANCE, RANGES, Range


@dataclass(frozen=True)
class Effect:
    """One effect and its numbers, as named in the range table; an EQ holds a list per parameter."""

    kind: str
    values: dict[str, float | list[float]] = field(default_factory=dict)


def draw_value(rng: np.random.Generator, span: Range) -> float:
    """One value of ``span``."""
    if span.scale == "whole":
        return float(rng.integers(round(span.low), round(span.high) + 1))
    if span.scale == "octaves":
        return float(2 ** rng.uniform(np.log2(span.low), np.log2(span.high)))
    return float(rng.uniform(span.low, span.high))


def draw_effect(rng: np.random.Generator, range_set: str, kind: str) -> Effect:
    """One effect of ``kind`` with values from ``range_set`` (``published`` or ``musical``)."""
    spans = RANGES[range_set][kind].items()
    if kind == "eq":
        return Effect(kind, {name: [draw_value(rng, span) for _ in range(BANDS)] for name, span in spans})
    return Effect(kind, {name: draw_value(rng, span) for name, span in spans})


def draw_chain(rng: np.random.Generator, range_set: str) -> tuple[Effect, ...]:
    """Effects in playing order, each present with its own chance; may be empty."""
    return tuple(draw_effect(rng, range_set, kind) for kind, chance in CHANCE.items() if rng.random() < chance)
