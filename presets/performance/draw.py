"""A draw: what decides a performance besides the preset. And the weights with which it mixes the preset's takes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from presets.performance.aligned_takes import NEIGHBOURS, AlignedTakes

CANDIDATES = 16
"""Mixtures that a seed offers. The memory chooses one of them (:mod:`presets.performance.memory`)."""

LEAD = (0.8, 1.1)
"""The share of the leading take at a knot: uniform between these. Its neighbours share the rest."""

LEAST_LEAD_WIDE = 0.5
"""The second half of the candidates goes farther: there a take can lead with less, and all takes are neighbours."""

STAY = 0.35
"""How likely the leading take of one knot leads the next knot too. Otherwise one of its neighbours does."""

OWN_VARIATION = 0.8
"""How far the weights vary besides, in standard deviations of the takes: low-rank, and smooth from knot to knot."""

FOOT_DIFFERENCE = 0.15
"""How far each foot of a character differs from the middle of both, in standard deviations of the takes."""

WHOLE = "whole"
ALL_SHOES = -1
UNIFORMS = 4


@dataclass(frozen=True, slots=True)
class Draw:
    """What decides one performance of a preset.

    Attributes:
        seed: 0 … 2^63 − 1; the mixture, the variation and the decoder's noise follow from it.
        candidate: which of the seed's mixtures, 0 … :data:`CANDIDATES` − 1.
        effort: 0 … 1; 1 is as recorded. Less is duller, with a softer attack, at the same level.
        foot: −1 left, 1 right, 0 neither.
        part: a key of :data:`presets.performance.parts.PARTS`.
        character: name of who performs; it decides how left and right differ.
        shoe: index of the group of takes (:attr:`AlignedTakes.shoes`) to draw from, or :data:`ALL_SHOES`. An index
            beyond the preset's shoes begins again at the first.
    """

    seed: int
    candidate: int = 0
    effort: float = 1.0
    foot: int = 0
    part: str = WHOLE
    character: str = ""
    shoe: int = ALL_SHOES


def candidate_weights(aligned: AlignedTakes, seeds: Sequence[int], shoe: int = ALL_SHOES) -> np.ndarray:
    """Return the mixtures that seeds offer, before variation, foot and effort.

    Args:
        aligned: takes of the preset.
        seeds: one per performance.
        shoe: see :class:`Draw`.

    Returns:
        Weights ``[seeds, CANDIDATES, knots, takes + variations]``; those of the takes sum to 1 at each knot.
    """
    group, knots = takes_of_shoe(aligned, shoe), aligned.knots
    count, size = len(group), aligned.takes + len(aligned.variations)
    shape = len(seeds), CANDIDATES, knots
    order = np.empty((len(seeds), count))
    uniform, normal = np.empty((*shape, UNIFORMS)), np.empty((*shape, size))
    for row, seed in enumerate(seeds):
        rng = np.random.default_rng([seed, 3])
        order[row], uniform[row] = rng.random(count), rng.random(uniform.shape[1:])
        normal[row] = rng.standard_normal(normal.shape[1:])
    lead = group[np.argsort(order, axis=1)[:, np.arange(CANDIDATES) % count]]  # each take is offered
    weights = np.zeros((*shape, size))
    if aligned.mixable and count > 1:
        near, seed_index, candidate_index = _neighbours_in(aligned, group), *np.indices(shape[:2])
        wide = np.arange(CANDIDATES) >= CANDIDATES // 2
        choices = np.where(wide, near.shape[1], min(NEIGHBOURS, near.shape[1]))
        least = np.where(wide, LEAST_LEAD_WIDE, LEAD[0])
        for knot in range(knots):
            stays, moves, leading, split = np.moveaxis(uniform[:, :, knot], -1, 0)
            partner = near[lead, (moves * choices).astype(int)]
            if knot:
                lead = np.where(stays < STAY, lead, partner)
            share = least + (LEAD[1] - least) * leading
            first = near[lead, 0]
            second = near[lead, (split * choices).astype(int)]
            for take, portion in ((lead, share), (first, (1 - share) * split), (second, (1 - share) * (1 - split))):
                weights[seed_index, candidate_index, knot, take] += portion
    else:
        np.put_along_axis(weights, np.repeat(lead[:, :, None, None], knots, axis=2), 1.0, axis=3)
    return _bounded(weights + _variation(normal, aligned, group), aligned)


def _bounded(weights: np.ndarray, aligned: AlignedTakes) -> np.ndarray:
    """Return the weights with those of the takes within the bounds; their sum stays 1."""
    own = np.clip(weights[..., : aligned.takes], *aligned.bounds)
    weights[..., : aligned.takes] = own / own.sum(axis=-1, keepdims=True)
    return weights


def _variation(normal: np.ndarray, aligned: AlignedTakes, group: np.ndarray) -> np.ndarray:
    """Return the low-rank variation of the weights: along the takes' differences, and along the class's directions."""
    smooth = normal
    for knot in range(1, aligned.knots):  # neighbouring knots correlate by 0.5
        smooth[:, :, knot] = 0.5 * smooth[:, :, knot - 1] + np.sqrt(0.75) * normal[:, :, knot]
    takes, used = aligned.takes, np.zeros(normal.shape[-1])
    variation = np.zeros(normal.shape)
    if aligned.mixable:
        used[group] = OWN_VARIATION / np.sqrt(len(group))
        variation = smooth * used
        variation -= (used > 0) * variation.sum(axis=-1, keepdims=True) / len(group)
    variation[..., takes:] = smooth[..., takes:] * (OWN_VARIATION if len(group) > 1 and aligned.mixable else 1.0)
    return variation


def takes_of_shoe(aligned: AlignedTakes, shoe: int) -> np.ndarray:
    """Return the indices of the takes to draw from; see :class:`Draw`."""
    if shoe < 0:
        return np.arange(aligned.takes)
    return aligned.shoes[shoe % len(aligned.shoes)]


def _neighbours_in(aligned: AlignedTakes, group: np.ndarray) -> np.ndarray:
    """Return each take's neighbours within the group, nearest first, ``[takes, n]``; rows of other takes are unused."""
    far = aligned.distances[:, group].copy()
    far[group, np.arange(len(group))] = np.inf
    return group[np.argsort(far, axis=1, kind="stable")[:, : len(group) - 1]]


def weights_of(aligned: AlignedTakes, draw: Draw, variation: float) -> np.ndarray:
    """Return the weights of a performance, ``[knots, takes + variations]``.

    Args:
        aligned: takes of the preset.
        draw: what is performed.
        variation: 0 for the mean of the takes, 1 for as they vary, more for more.
    """
    weights = candidate_weights(aligned, [draw.seed], draw.shoe)[0, draw.candidate]
    group, takes = takes_of_shoe(aligned, draw.shoe), aligned.takes
    if not aligned.mixable:
        weights[:, takes:] *= variation
        return weights
    mean = np.zeros(weights.shape[1])
    mean[group] = 1 / len(group)
    weights = mean + variation * (weights - mean)
    if draw.foot:
        weights += draw.foot * FOOT_DIFFERENCE * _foot_direction(draw.character, weights.shape, group, takes)
    return _bounded(weights, aligned) if aligned.is_vector else weights


def _foot_direction(character: str, shape: tuple[int, ...], group: np.ndarray, takes: int) -> np.ndarray:
    """Return how a character's right foot differs from the middle of both feet, ``[KNOTS, takes + variations]``."""
    digest = hashlib.blake2b(f"foot\0{character}".encode(), digest_size=8).digest()
    normal = np.random.default_rng(int.from_bytes(digest)).standard_normal(shape)
    direction = np.zeros(shape)
    direction[:, takes:] = normal[:, takes:]
    own = normal[:, group] / np.sqrt(len(group))
    direction[:, group] = own - own.mean(axis=1, keepdims=True)
    return direction
