"""Find the axes of a model: directions in its latents along which a measure of the sound rises, and little else.

1. Takes of the bank are moved by random offsets, as far as the takes of the bank differ from one another, and decoded.
   Each offset is also used with the opposite sign. Half of the difference of the two sounds is what the offset does.
2. A ridge regression of this difference on the offsets gives the direction in which a descriptor rises fastest.
3. The direction of the level, and those of the axes before, are subtracted: they are orthonormal.
4. Presets that were not used for the regression are moved along the axis in steps. An axis is kept if their descriptor
   follows it in at least :data:`LEAST_MONOTONE` of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.errors import PresetError
from plugin_backend.transfer.parameters import AXES
from presets.axes import SCHEMA, Axes, AxesHeader, Axis, pooled
from presets.decoded_takes import finish_decoded
from presets.descriptors import DESCRIPTORS, Measured
from presets.lookup import check_model
from presets.preset import Preset

TAKES, MOST_FRAMES, PAIRS = 2, 64, 12
"""Of each preset this many takes, and of each take this many frames, are moved by this many offsets and their
opposites."""

RIDGE, COVARIANCE_RIDGE = 30.0, 1e-6
"""Of the regression, in offsets of one deviation; and of the covariance, as a share of its mean variance."""

LARGEST_DEVIATIONS = 3.0
"""Differences of a descriptor beyond this many deviations are clipped, so that no single sound decides."""

STEPS, FOLDS = (-2.0, -1.0, 0.0, 1.0, 2.0), 8
SETBACK = 0.05
"""A step may go back by this share of the whole rise."""

LEAST_MONOTONE = 0.8
LEVEL = "level"
LEAST_PRESETS = FOLDS


@dataclass(frozen=True)
class Trial:
    """How held-out presets follow an axis.

    Attributes:
        name: of the axis.
        unit: of its descriptor.
        monotone: share of the presets whose descriptor rises from −2 to 2, 0..1.
        effect: change of the descriptor by a step of 1, the median over the presets.
        kept: whether it became an axis.
        failed: names of the presets that do not follow.
    """

    name: str
    unit: str
    monotone: float
    effect: float
    kept: bool
    failed: list[str] = field(default_factory=list)


@dataclass
class _Moved:
    """Takes of one preset: its latents, the offsets in deviations, and what they did to the descriptors."""

    preset: Preset
    offsets: list[np.ndarray]
    effects: list[np.ndarray]


def find_axes(
    presets: Iterable[Preset],
    codec: Codec,
    names: Sequence[str] = tuple(AXES),
    report: Callable[[str], None] = lambda line: None,
) -> tuple[Axes, list[Trial]]:
    """Find the axes of a model, from the presets of a bank.

    Args:
        presets: of the model, in any order; at least :data:`LEAST_PRESETS`.
        codec: the model.
        names: descriptors to try, in order. An axis is orthogonal to those before it.
        report: called with a line after each axis.

    Returns:
        The axes that held-out presets follow, and a trial for every name.

    Raises:
        PresetError: a preset is of another model, there are too few presets, or no axis is followed.
    """
    presets = sorted(presets, key=lambda preset: preset.name)  # their order decides offsets and groups
    for preset in presets:
        check_model(preset, codec)
    if len(presets) < LEAST_PRESETS:
        raise PresetError(f"{len(presets)} presets; at least {LEAST_PRESETS} are needed to find axes")
    takes = np.array([pooled(take) for preset in presets for take in preset.means])
    factor = _factor(takes)
    moved = [_move_takes(preset, codec, names, factor, seed) for seed, preset in enumerate(presets)]
    kept: list[str] = []
    trials: list[Trial] = []
    for name in names:
        trials.append(_try(name, kept, names, moved, codec, factor))
        if trials[-1].kept:
            kept.append(name)
        report(f"{name}: {100 * trials[-1].monotone:.0f} % follow, {trials[-1].effect:+.2g} {trials[-1].unit} a step")
    if not kept:
        raise PresetError(f"model '{codec.spec.name}': no axis is followed by its presets")
    directions = _directions(kept, names, moved)
    axes = [Axis(name=t.name, unit=t.unit, effect=t.effect, monotone=t.monotone) for t in trials if t.kept]
    header = AxesHeader(schema=SCHEMA, codec=codec.spec.name, fingerprint=codec.spec.fingerprint, axes=axes)
    measures = np.linalg.solve(factor.T, directions.T).T
    return Axes(header, directions @ factor.T, measures, takes.mean(axis=0)), trials


def _factor(takes: np.ndarray) -> np.ndarray:
    """Return the Cholesky factor of the covariance of the takes' mean latents ``[takes, dims]``, ``[dims, dims]``."""
    covariance = np.cov(takes.T)
    dims = len(covariance)
    return np.linalg.cholesky(covariance + COVARIANCE_RIDGE * np.trace(covariance) / dims * np.eye(dims))


def _move_takes(preset: Preset, codec: Codec, names: Sequence[str], factor: np.ndarray, seed: int) -> _Moved:
    rng, moved = np.random.default_rng([seed, 0]), _Moved(preset, [], [])
    for take in preset.means[:TAKES]:
        offsets = rng.standard_normal((PAIRS, len(factor)))
        shifts = (offsets @ factor.T)[:, None]
        audio = codec.decode(
            np.concatenate([take[:MOST_FRAMES] + sign * shifts for sign in (1, -1)]).astype(np.float32)
        )
        values = np.array([_measure(sound, codec.spec.sample_rate, [*names, LEVEL]) for sound in audio])
        moved.offsets.append(offsets)
        moved.effects.append((values[:PAIRS] - values[PAIRS:]) / 2)
    return moved


def _measure(sound: np.ndarray, rate_hz: int, names: Sequence[str]) -> list[float]:
    measured = Measured(sound, rate_hz)
    level_db = 10 * float(np.log10(np.square(sound, dtype=np.float64).mean() + 1e-12))
    return [level_db if name == LEVEL else DESCRIPTORS[name].measure(measured) for name in names]


def _directions(wanted: Sequence[str], names: Sequence[str], moved: Sequence[_Moved]) -> np.ndarray:
    """Return orthonormal directions ``[wanted, dims]``, in deviations; all are orthogonal to that of the level.

    Args:
        wanted: descriptors.
        names: descriptors in the order of the effects.
        moved: what the directions are found from.
    """
    offsets = np.concatenate([each for preset in moved for each in preset.offsets])
    effects = np.concatenate([each for preset in moved for each in preset.effects])
    inverse = np.linalg.inv(offsets.T @ offsets + RIDGE * np.eye(offsets.shape[1])) @ offsets.T
    found: list[np.ndarray] = []
    for name in (LEVEL, *wanted):
        effect = effects[:, [*names, LEVEL].index(name)]
        most = LARGEST_DEVIATIONS * effect.std()
        direction = inverse @ np.clip(effect, -most, most)
        for _ in range(2):  # the second time against rounding
            for before in found:
                direction = direction - (direction @ before) * before
        found.append(direction / np.linalg.norm(direction))
    return np.array(found[1:])


def _try(
    name: str, kept: Sequence[str], names: Sequence[str], moved: Sequence[_Moved], codec: Codec, factor: np.ndarray
) -> Trial:
    """Move every preset along the axis that was found without it."""
    effects, failed = [], []
    for fold in range(FOLDS):
        others = [each for number, each in enumerate(moved) if number % FOLDS != fold]
        shift = factor @ _directions([*kept, name], names, others)[-1]
        for held_out in moved[fold::FOLDS]:
            values = values_along(held_out.preset, codec, name, shift)
            effects.append((values[-1] - values[0]) / (STEPS[-1] - STEPS[0]))
            if not is_monotone(values):
                failed.append(held_out.preset.name)
    monotone = 1 - len(failed) / len(moved)
    unit, effect = DESCRIPTORS[name].unit, float(np.median(effects))
    return Trial(name, unit, monotone, effect, monotone >= LEAST_MONOTONE, sorted(failed))


def values_along(preset: Preset, codec: Codec, name: str, shift: np.ndarray) -> list[float]:
    """Return a descriptor of a preset's first take, moved by :data:`STEPS`.

    Args:
        preset: the preset.
        codec: its model.
        name: of the descriptor.
        shift: what a step of 1 adds to every frame, ``[dims]``.

    Returns:
        One value for each step, in the descriptor's unit.
    """
    steps = np.array(STEPS)[:, None, None]
    decoded = codec.decode((preset.means[0][:MOST_FRAMES] + steps * shift).astype(np.float32))
    rate_hz, measure = codec.spec.sample_rate, DESCRIPTORS[name].measure
    return [measure(Measured(finish_decoded(preset, 0, sound, rate_hz), rate_hz)) for sound in decoded]


def is_monotone(values: Sequence[float]) -> bool:
    """Return whether values rise, where no step goes back by more than :data:`SETBACK` of the whole rise."""
    rise = values[-1] - values[0]
    return rise > 0 and all(after - before >= -SETBACK * rise for before, after in pairwise(values))
