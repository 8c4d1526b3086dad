"""Materials against materials: is decoded wood still wood, and what is a mixture of two heard as?

Distances are Fréchet distances between short clips of few sounds: read them along a row or column,
not against distances of larger sets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import combinations

import numpy as np

from plugin_backend.codec import Codec
from plugin_backend.evaluation.dense_clips import PEAK, class_of, group_of, joined, trimmed
from plugin_backend.evaluation.embeddings import Embedding, embed
from plugin_backend.evaluation.frechet import Cloud, cloud_distance
from plugin_backend.evaluation.material import Material
from plugin_backend.evaluation.probe import Probe, features
from plugin_backend.mixtures import aligned, dominance_aware, lost_db, weighted_sum

CLASSES = ("footsteps", "cloth")
"""What counts as material, if a folder has at least two labels of these; else every label does."""

LEFT_OUT = "footsteps/generic"
LONGEST_S, LEAST_S, HITS, MOST_MATERIALS = 1.0, 0.03, 6, 12
HOP_SHARE = 0.125

PLAIN, SUM, AWARE = "mean", "sum", "dominance-aware"
METHODS: dict[str, Callable[[list[np.ndarray], Codec], np.ndarray]] = {
    PLAIN: lambda pair, codec: weighted_sum(pair, (0.5, 0.5)),
    SUM: lambda pair, codec: weighted_sum(pair, (1.0, 1.0), codec.silence(1)[0]),
    AWARE: lambda pair, codec: dominance_aware(pair, codec)[0],
}
"""Name → mixture of two batches of latents: their mean, their sum above silence, and the one that listens."""


def choose_hits(material: Material, sample_rate: int, most: int, hits: int = HITS) -> dict[str, tuple[str, list]]:
    """Material → where its sounds come from (``judged``, or ``lessons`` for want of those) and at most ``hits``.

    Hits are trimmed, at peak 0.5 and at most a second long. The ``most`` materials with most sounds are taken.
    """
    found: dict[str, dict[str, list]] = defaultdict(lambda: {"judged": [], "lessons": []})
    for origin, sounds in (("judged", material.judged), ("lessons", material.lessons)):
        for sound in sorted(sounds, key=lambda sound: sound.file):
            heard = trimmed(sound.audio)[: round(LONGEST_S * sample_rate)]
            if heard.size >= LEAST_S * sample_rate:
                found[group_of(sound.label)][origin].append(heard * np.float32(PEAK / np.abs(heard).max()))
    steps = [label for label in found if class_of(label) in CLASSES and label != LEFT_OUT]
    chosen = {}
    for label in steps if len(steps) > 1 else found:
        origin = "judged" if found[label]["judged"] else "lessons"
        chosen[label] = (origin, found[label][origin])
    largest = sorted(chosen, key=lambda label: (label != "cloth", -len(chosen[label][1]), label))[:most]
    return {label: (chosen[label][0], chosen[label][1][:hits]) for label in sorted(largest)}


class Materials:
    """The hits of each material with their latents: what mixtures and ways between materials are made of."""

    def __init__(self, codec: Codec, hits: dict[str, tuple[str, list[np.ndarray]]], embeddings: list[Embedding]):
        self.codec, self.embeddings = codec, embeddings
        self.names = list(hits)
        self.origin = {name: origin for name, (origin, _) in hits.items()}
        self.audio = {name: audio for name, (_, audio) in hits.items()}
        self.count = max((len(audio) for audio in self.audio.values()), default=0)
        latents = [self._encoded(self.audio[name]) for name in self.names]
        self.latents = dict(zip(self.names, aligned(latents, codec) if latents else [], strict=True))

    def _encoded(self, audio: list[np.ndarray]) -> np.ndarray:
        """``[count, frames, dims]``: a material with fewer hits repeats them."""
        each = aligned([self.codec.encode(hit[None]) for hit in audio], self.codec)
        return np.concatenate([each[index % len(each)] for index in range(self.count)])

    def pairs(self) -> list[tuple[str, str]]:
        """Every two materials."""
        return list(combinations(self.names, 2))

    def decoded(self, latents: np.ndarray) -> list[np.ndarray]:
        """The hits of a batch of latents, without the quiet around them."""
        return [hit for hit in map(trimmed, self.codec.decode(latents)) if hit.size]

    def clouds(self, hits: list[np.ndarray]) -> dict[str, Cloud]:
        """Embedding → the cloud of the hits joined as one dense clip (of silence if there are none)."""
        rate_hz = self.codec.spec.sample_rate
        clip = joined(hits, rate_hz)[0] if hits else np.zeros(rate_hz, np.float32)
        return {by.name: Cloud.of(embed([clip], rate_hz, by, HOP_SHARE)[0]) for by in self.embeddings}


def regeneration(materials: Materials, originals: dict[str, dict[str, Cloud]]) -> dict[str, list[list[float]]]:
    """Embedding → Fréchet distances ``[original of row, decoded of column]``."""
    decoded = {name: materials.clouds(materials.decoded(materials.latents[name])) for name in materials.names}
    return {
        by.name: [
            [round(cloud_distance(decoded[column][by.name], originals[row][by.name]), 4) for column in materials.names]
            for row in materials.names
        ]
        for by in materials.embeddings
    }


def mixture_study(
    materials: Materials, originals: dict[str, dict[str, Cloud]], probe: Probe | None, tell: Callable[[], None]
) -> dict:
    """What becomes of each material in a mixture with each other, by each method of :data:`METHODS`.

    Every matrix holds, at ``[row, column]``, what became of the row's material in the mixture of both:
    ``frechet`` (by embedding, to its originals), ``lost_db`` (see :func:`plugin_backend.mixtures.lost_db`)
    and ``heard_as`` (the probe's probability of the row's label as a share of both labels' probability).
    The diagonals are empty. ``tell`` is called after every pair.
    """
    size = len(materials.names)
    tables: dict[str, dict] = {method: {"frechet": {}} for method in METHODS}
    for table in tables.values():
        table["lost_db"] = np.full((size, size), np.nan)
        table["frechet"] = {by.name: np.full((size, size), np.nan) for by in materials.embeddings}
        if probe is not None:
            table["heard_as"] = np.full((size, size), np.nan)
    for pair in materials.pairs():
        for method, mix in METHODS.items():
            _judge(pair, mix([materials.latents[name] for name in pair], materials.codec), materials, originals, probe, tables[method])
        tell()
    return {"materials": materials.names, "origin": materials.origin, "methods": {m: _plain(t) for m, t in tables.items()}}


def _judge(pair, mixture: np.ndarray, materials: Materials, originals, probe: Probe | None, table: dict) -> None:
    """Enter one mixture of two materials into a method's matrices."""
    places = [materials.names.index(name) for name in pair]
    hits = materials.decoded(mixture)
    lost = lost_db([materials.latents[name] for name in pair], mixture, materials.codec).mean(axis=1)
    clouds = materials.clouds(hits)
    for mine, other, name, lost_here in zip(places, places[::-1], pair, lost, strict=True):
        table["lost_db"][mine, other] = lost_here
        for embedding, cloud in clouds.items():
            table["frechet"][embedding][mine, other] = cloud_distance(cloud, originals[name][embedding])
    if probe is None or not hits or not set(pair) <= set(probe.labels):
        return
    yamnet = next(by for by in materials.embeddings if by.name == "yamnet")
    heard = probe.chances(np.stack([features(hit, materials.codec.spec.sample_rate, yamnet) for hit in hits]))
    chances = heard.mean(axis=0)[[probe.labels.index(name) for name in pair]]
    table["heard_as"][places, places[::-1]] = chances / chances.sum()


def _plain(table):
    """Arrays as lists with ``None`` for what does not exist, and how even each matrix is."""
    frechet = {name: _rows(matrix) for name, matrix in table["frechet"].items()}
    uneven = {
        "lost_db": {
            "difference": _mean(np.abs(table["lost_db"] - table["lost_db"].T)),
            "mean": _mean(table["lost_db"]),
            "worst": float(np.nan_to_num(table["lost_db"]).max(initial=0.0)),
        }
    } | {
        f"frechet_{name}": {"mean": _mean(matrix), "ratio": _mean(np.maximum(matrix, matrix.T) / np.minimum(matrix, matrix.T))}
        for name, matrix in table["frechet"].items()
    }
    result = {"frechet": frechet, "lost_db": _rows(table["lost_db"]), "evenness": uneven}
    if "heard_as" in table:
        result["heard_as"] = _rows(table["heard_as"])
        uneven["heard_as"] = {"lesser": _mean(np.minimum(table["heard_as"], table["heard_as"].T))}
    return result


def _rows(matrix: np.ndarray) -> list[list[float | None]]:
    return [[None if np.isnan(value) else round(float(value), 4) for value in row] for row in matrix]


def _mean(matrix: np.ndarray) -> float | None:
    known = matrix[np.isfinite(matrix)]
    return round(float(known.mean()), 4) if known.size else None
