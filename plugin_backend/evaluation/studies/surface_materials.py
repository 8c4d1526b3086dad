"""Compare materials: whether decoded wood is still wood, and what a mixture of two materials is recognised as.

Distances are Fréchet distances between short clips of few sounds: compare them along a row or column, not with
distances of larger sets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import combinations

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.codecs.latent_mixing import masking_loss_db, mix_dominance_aware, pad_to_longest, weighted_sum
from plugin_backend.evaluation.data.dense_clips import PEAK, class_of, group_of, joined, trimmed
from plugin_backend.evaluation.data.evaluation_set import EvaluationSet
from plugin_backend.evaluation.embeddings.base import Embedding, embed
from plugin_backend.evaluation.metrics.frechet import Cloud, cloud_distance
from plugin_backend.evaluation.studies.linear_probe import Probe, features

CLASSES = ("footsteps", "cloth")
"""Classes of materials, if a folder has at least two such labels; if not, every label counts as a material."""

LEFT_OUT = "footsteps/generic"
LONGEST_S, LEAST_S, HITS, MOST_MATERIALS = 1.0, 0.03, 4, 11
HOP_SHARE = 0.125

EVALUATED, TRAINING = "judged", "lessons"
"""Origins of a material's sounds. The words are those of ``metrics.json``, which stay as they were."""

PLAIN, SUM, AWARE = "mean", "sum", "dominance-aware"
METHODS: dict[str, Callable[[list[np.ndarray], Codec], np.ndarray]] = {
    PLAIN: lambda pair, codec: weighted_sum(pair, (0.5, 0.5)),
    SUM: lambda pair, codec: weighted_sum(pair, (1.0, 1.0), codec.silence(1)[0]),
    AWARE: lambda pair, codec: mix_dominance_aware(pair, codec)[0],
}
"""By name: mixtures of two batches of latents: their mean, their sum above silence, and by dominance."""


def is_material(label: str) -> bool:
    """Return whether a label names a material and not an action."""
    return class_of(label) in CLASSES and label != LEFT_OUT


def choose_hits(material: EvaluationSet, sample_rate: int, most: int, hits: int = HITS) -> dict[str, tuple[str, list]]:
    """Return for each material the origin of its sounds, and at most ``hits`` sounds.

    The origin is ``EVALUATED``, or else ``TRAINING``. Hits are trimmed, at peak 0.5 and at most a second long.

    Args:
        material: the sounds.
        sample_rate: in Hz.
        most: number of materials: first cloth, then those with evaluated sounds, then those with most sounds.
        hits: per material.
    """
    found: dict[str, dict[str, list]] = defaultdict(lambda: {EVALUATED: [], TRAINING: []})
    for origin, sounds in ((EVALUATED, material.evaluated), (TRAINING, material.training)):
        for sound in sorted(sounds, key=lambda sound: sound.file):
            audio = trimmed(sound.audio)[: round(LONGEST_S * sample_rate)]
            if audio.size >= LEAST_S * sample_rate:
                found[group_of(sound.label)][origin].append(audio * np.float32(PEAK / np.abs(audio).max()))
    steps = [label for label in found if is_material(label)]
    chosen = {}
    for label in steps if len(steps) > 1 else found:
        origin = EVALUATED if found[label][EVALUATED] else TRAINING
        chosen[label] = (origin, found[label][origin])

    def rank(label: str) -> tuple:
        origin, audio = chosen[label]
        return label != "cloth", origin != EVALUATED, -len(audio), label

    largest = sorted(chosen, key=rank)[:most]
    return {label: (chosen[label][0], chosen[label][1][:hits]) for label in sorted(largest)}


class Materials:
    """The hits of each material, from which mixtures and interpolations are made.

    By material: ``audio`` (a list of sounds), ``origin`` (``EVALUATED`` or ``TRAINING``), ``latents``
    ``[count, frames, dims]``, and the clouds of its ``originals`` and of the decoded ones (``regenerated``).
    """

    def __init__(self, codec: Codec, hits: dict[str, tuple[str, list[np.ndarray]]], embeddings: list[Embedding]):
        self.codec, self.embeddings = codec, embeddings
        self.names = list(hits)
        self.origin = {name: origin for name, (origin, _) in hits.items()}
        self.audio = {name: audio for name, (_, audio) in hits.items()}
        self.count = max((len(audio) for audio in self.audio.values()), default=0)
        latents = [self._encoded(self.audio[name]) for name in self.names]
        self.latents = dict(zip(self.names, pad_to_longest(latents, codec) if latents else [], strict=True))
        self.originals = {name: self.clouds(self.audio[name]) for name in self.names}
        self.regenerated = {name: self.clouds(self.decoded(self.latents[name])) for name in self.names}

    def _encoded(self, audio: list[np.ndarray]) -> np.ndarray:
        """Return ``[count, frames, dims]``; a material with fewer hits repeats them."""
        each = pad_to_longest([self.codec.encode(hit[None]) for hit in audio], self.codec)
        return np.concatenate([each[index % len(each)] for index in range(self.count)])

    def pairs(self) -> list[tuple[str, str]]:
        """Return every two materials."""
        return list(combinations(self.names, 2))

    def decoded(self, latents: np.ndarray) -> list[np.ndarray]:
        """Decode a batch of latents; return the trimmed hits."""
        return [hit for hit in map(trimmed, self.codec.decode(latents)) if hit.size]

    def clouds(self, hits: list[np.ndarray]) -> dict[str, Cloud]:
        """Return by embedding the cloud of the hits joined as one dense clip (of silence if there are none)."""
        rate_hz = self.codec.spec.sample_rate
        clip = joined(hits, rate_hz)[0] if hits else np.zeros(rate_hz, np.float32)
        return {by.name: Cloud.of(embed([clip], rate_hz, by, HOP_SHARE)[0]) for by in self.embeddings}


def regeneration(materials: Materials) -> dict[str, list[list[float]]]:
    """Return by embedding the Fréchet distances ``[original of row, decoded of column]``."""
    originals, decoded = materials.originals, materials.regenerated
    return {
        by.name: [
            [round(cloud_distance(decoded[column][by.name], originals[row][by.name]), 4) for column in materials.names]
            for row in materials.names
        ]
        for by in materials.embeddings
    }


def mixture_study(materials: Materials, probe: Probe | None, tell: Callable[[], None]) -> dict:
    """Measure what remains of each material in a mixture with each other, by each method of :data:`METHODS`.

    Every matrix has at ``[row, column]`` the row's material in the mixture of both: ``frechet`` (by embedding, to its
    originals), ``lost_db`` (see :func:`plugin_backend.codecs.latent_mixing.masking_loss_db`) and ``heard_as``
    (the probe's probability of the row's label as a share of both labels' probability). Diagonals are ``None``.
    ``evenness`` summarises a method: see :func:`evenness`.

    Args:
        materials: the materials.
        probe: a trained probe, or ``None``.
        tell: called after every pair.
    """
    size = len(materials.names)
    names = ["lost_db", "heard_as", *(f"frechet_{by.name}" for by in materials.embeddings)]
    tables = {method: {name: np.full((size, size), np.nan) for name in names} for method in METHODS}
    for pair in materials.pairs():
        for method, mix in METHODS.items():
            mixture = mix([materials.latents[name] for name in pair], materials.codec)
            _score_mixture(pair, mixture, materials, probe, tables[method])
        tell()
    return {
        "materials": materials.names,
        "origin": materials.origin,
        "methods": {
            method: {name: rows_of(matrix) for name, matrix in table.items()} | {"evenness": evenness(table)}
            for method, table in tables.items()
        },
    }


def _score_mixture(
    pair: tuple[str, str], mixture: np.ndarray, materials: Materials, probe: Probe | None, table: dict
) -> None:
    """Enter one mixture of two materials into a method's matrices."""
    rows = [materials.names.index(name) for name in pair]
    columns = rows[::-1]
    hits = materials.decoded(mixture)
    losses = masking_loss_db([materials.latents[name] for name in pair], mixture, materials.codec)
    table["lost_db"][rows, columns] = losses.mean(1)
    for embedding, cloud in materials.clouds(hits).items():
        distances = [cloud_distance(cloud, materials.originals[name][embedding]) for name in pair]
        table[f"frechet_{embedding}"][rows, columns] = distances
    if probe is not None and hits and set(pair) <= set(probe.labels):
        rate_hz = materials.codec.spec.sample_rate
        points = np.stack([features(hit, rate_hz, materials.embeddings[0]) for hit in hits])
        probabilities = probe.probabilities(points).mean(axis=0)[[probe.labels.index(name) for name in pair]]
        table["heard_as"][rows, columns] = probabilities / probabilities.sum()


def evenness(table: dict[str, np.ndarray]) -> dict[str, dict[str, float | None]]:
    """Return for each matrix its ``mean``, and over pairs the mean of the ``lesser`` and of the ``greater`` side."""
    sides = {name: (matrix, np.fmin(matrix, matrix.T), np.fmax(matrix, matrix.T)) for name, matrix in table.items()}
    return {
        name: dict(zip(("mean", "lesser", "greater"), map(_mean, matrices), strict=True))
        for name, matrices in sides.items()
    }


def rows_of(matrix: np.ndarray) -> list[list[float | None]]:
    """Return a matrix as lists, with ``None`` for NaN."""
    return [[None if np.isnan(value) else round(float(value), 4) for value in row] for row in matrix]


def _mean(matrix: np.ndarray) -> float | None:
    known = matrix[np.isfinite(matrix)]
    return round(float(known.mean()), 4) if known.size else None
