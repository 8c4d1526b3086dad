"""Studies of the latent space: a map, interpolations through it, and sounds drawn from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from plugin_backend.codecs.base import Codec
from plugin_backend.codecs.latent_mixing import interpolate, slerp
from plugin_backend.corpus.sound import Sound
from plugin_backend.evaluation.data.dense_clips import CLIP_S, PEAK, group_of
from plugin_backend.evaluation.embeddings.base import Embedding, embed
from plugin_backend.evaluation.metrics.frechet import Cloud, cloud_distance
from plugin_backend.evaluation.studies.surface_materials import Materials

PATHS = {"linear": interpolate, "spherical": slerp}
STOPS = (0.0, 0.25, 0.5, 0.75, 1.0)
DRAWS, SEED = 8, 0
MOST_FRAMES = 20_000
"""Most latent frames of the evaluated sounds that the fitted prior is made from."""


def latent_map(codec: Codec, sounds: list[Sound]) -> dict:
    """Return every sound's mean latent on the two principal axes of all sounds, and each label's median.

    The result has ``points`` ``[sounds][x, y]``, ``labels``, ``medians`` and ``variance_shares`` of both axes.
    """
    means = np.stack([codec.encode(sound.audio[None])[0].mean(axis=0) for sound in sounds]).astype(np.float64)
    labels = [group_of(sound.label) for sound in sounds]
    _, sizes, axes = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    points = np.zeros((len(sounds), 2))
    projected = (means - means.mean(axis=0)) @ axes[:2].T
    points[:, : projected.shape[1]] = projected
    shares = np.zeros(2)
    shares[: min(2, sizes.size)] = (sizes**2 / max(np.square(sizes).sum(), 1e-12))[:2]
    medians = {
        label: np.median(points[[one == label for one in labels]], axis=0).round(4).tolist()
        for label in sorted(set(labels))
    }
    return {
        "points": points.round(4).tolist(),
        "labels": labels,
        "medians": medians,
        "variance_shares": shares.round(4).tolist(),
    }


def interpolation(materials: Materials, corpus: dict[str, Cloud], tell: Callable[[], None]) -> dict:
    """Return Fréchet distances between each material and the next, and by how much they exceed the worse end.

    Per path and embedding: ``ends``, distances ``[pair][stop]`` to the originals of both ends together; ``corpus``, to
    all dense clips. Each has ``worst_ratio`` and ``mean_ratio`` over pairs: the largest distance between the ends over
    the worse end's.

    Args:
        materials: the materials.
        corpus: by embedding, the cloud of all dense clips.
        tell: called after each path.
    """
    names = materials.names
    pairs = list(zip(names, names[1:] + names[:1], strict=True))[: len(names) if len(names) > 2 else len(names) - 1]
    result: dict[str, Any] = {"stops": list(STOPS), "pairs": [list(pair) for pair in pairs], "ways": {}}
    for path, between in PATHS.items():
        stops = [_clouds_between(materials, pair, between) for pair in pairs]
        for name in corpus if pairs else ():
            towards = {"ends": [_united(*(materials.originals[end][name] for end in pair)) for pair in pairs]}
            towards["corpus"] = [corpus[name]] * len(pairs)
            rows = {
                to: [[cloud_distance(stop[name], goal) for stop in row] for row, goal in zip(stops, goals, strict=True)]
                for to, goals in towards.items()
            }
            result["ways"].setdefault(path, {})[name] = {to: _with_ratios(np.array(row)) for to, row in rows.items()}
        tell()
    return result


def _clouds_between(materials: Materials, pair: tuple[str, str], between: Callable) -> list[dict[str, Cloud]]:
    a, b = (materials.latents[name] for name in pair)
    middle = [materials.clouds(materials.decoded(between(a, b, t))) for t in STOPS[1:-1]]
    return [materials.regenerated[pair[0]], *middle, materials.regenerated[pair[1]]]


def _united(a: Cloud, b: Cloud) -> Cloud:
    return Cloud.of(np.concatenate([a.centred + a.mean, b.centred + b.mean]))


def _with_ratios(distances: np.ndarray) -> dict:
    ratios = distances[:, 1:-1].max(axis=1) / np.maximum(distances[:, [0, -1]].max(axis=1), 1e-9)
    return {
        "distances": distances.round(4).tolist(),
        "worst_ratio": round(float(ratios.max()), 4),
        "mean_ratio": round(float(ratios.mean()), 4),
    }


def prior_latents(codec: Codec, sounds: list[Sound], frames: int) -> dict[str, np.ndarray]:
    """Return random latents ``[DRAWS, frames, dims]`` by kind.

    ``standard normal``: the prior that training aims at, independent frames (only for models that know their raw
    latents). ``fitted, white``: independent frames with the mean and covariance of the sounds' latents. ``fitted,
    smooth``: the same, with the sounds' frame-to-frame correlation (an AR(1) process per dimension, coefficient = lag-1
    autocorrelation).

    Args:
        codec: the model.
        sounds: to fit to.
        frames: length of the result.
    """
    rng = np.random.default_rng(SEED)
    noise = rng.standard_normal((DRAWS, frames, codec.spec.latent_dim))
    each = [codec.encode(sound.audio[None])[0] for sound in sounds]
    known = np.concatenate(each)[:MOST_FRAMES].astype(np.float64)
    mean, deviation = known.mean(axis=0), known.std(axis=0)
    values, axes = np.linalg.eigh(np.atleast_2d(np.cov(known.T, bias=True)))
    white = noise @ (axes * np.sqrt(np.maximum(values, 0))).T
    before, after = (
        np.concatenate([sound[part] for sound in each]) - mean for part in (slice(None, -1), slice(1, None))
    )
    follow = np.clip((before * after).mean(axis=0) / np.maximum(deviation**2, 1e-12), 0, 0.999)
    smooth = white.copy()
    for frame in range(1, frames):
        smooth[:, frame] = follow * smooth[:, frame - 1] + np.sqrt(1 - follow**2) * white[:, frame]
    drawn = {"fitted, white": mean + white, "fitted, smooth": mean + smooth}
    if (model := getattr(codec, "model", None)) is not None and hasattr(model, "compact"):
        zero = torch.zeros(1, 1, codec.spec.latent_dim)
        drawn = {"standard normal": model.compact(zero, zero)[0].numpy() + noise} | drawn
    return {kind: latents.astype(np.float32) for kind, latents in drawn.items()}


def prior_study(codec: Codec, sounds: list[Sound], corpus: dict[str, Cloud], embeddings: list[Embedding]) -> dict:
    """Return the Fréchet distance of random sounds (at peak 0.5) to the dense clips, by kind and embedding.

    Args:
        codec: the model.
        sounds: to fit the prior to.
        corpus: by embedding, the cloud of all dense clips.
        embeddings: to use.
    """
    rate_hz = codec.spec.sample_rate
    result = {}
    for kind, latents in prior_latents(codec, sounds, codec.spec.frames(round(CLIP_S * rate_hz))).items():
        audio = codec.decode(latents)
        audio *= PEAK / np.maximum(np.abs(audio).max(axis=1, keepdims=True), 1e-9)
        result[kind] = {
            by.name: round(
                cloud_distance(Cloud.of(np.concatenate(embed(list(audio), rate_hz, by))), corpus[by.name]), 4
            )
            for by in embeddings
        }
    return result
